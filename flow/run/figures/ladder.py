"""``ladder.json``: the same frames through every rung."""

from __future__ import annotations

from finn_build.results.form import Count, Figures, Frames, Part, Share, says


class Rung(Part):
    """One rung of the ladder."""

    frames: Frames = says("golden frames that it was given", "frames")
    mismatches: Count = says("frames on which it differs from golden", "frames")
    accuracy: Share | None = says("share of frames answered as labelled; null without labels", "0..1", default=None)
    first_mismatch: Count | None = says("index of the first such frame; null where there is none", default=None)
    compared: str | None = says("what of golden it was held to: its scores, or the order of its classes", default=None)
    made_from: dict[str, str | None] = says("artefact to the fingerprint of what it was held to", default={})


class LadderFigures(Figures):
    """``ladder.json``: the same frames through every rung, each held to golden."""

    rungs: dict[str, Rung] = says("rung to its figures, in the order in which they were run")
