"""``export.json``: what export made, and from what."""

from __future__ import annotations

from finn_build.results.form import Digest, Figures, Frames, Share, says
from flow.run.figures.zoo import ZooNetwork


class ExportFigures(Figures):
    """``export.json``: what `askew export` made, and from what."""

    checkpoint_sha256: Digest | None = says("of the checkpoint that was absorbed", default=None)
    sha256: dict[str, Digest] = says("file to the checksum of its bytes", default={})
    accuracy: Share | None = says("on the golden frames; null without labels", "0..1", default=None)
    frames: Frames | None = says("golden frames", "frames", default=None)
    zoo: ZooNetwork | None = says("of a run from the zoo, what its index says of the network", default=None)
    images: str | None = says(
        "in words, what was done to the images of a folder; empty where nothing was", default=None
    )
    class_names: list[str] | None = says("what each label means, from 0 on", default=None)
