"""``golden/manifest.json``: the checksums of the golden frames."""

from __future__ import annotations

from typing import Literal

from finn_build.results.form import Digest, Figures, Frames, says


class GoldenManifest(Figures):
    """``golden/manifest.json``: the checksums of the arrays beside it."""

    sha256: dict[Literal["input.npy", "labels.npy", "expected.npy"], list[Digest]] = says(
        "array file to the checksums of its blocks of frames; labels are not always there"
    )
    frames: Frames = says("how many there are", "frames")
    block_frames: Frames = says("frames a block", "frames")
