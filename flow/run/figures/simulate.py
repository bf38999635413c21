"""``simulate.json``: the integer network on the golden frames."""

from __future__ import annotations

from finn_build.results.form import Count, Figures, Frames, Number, Part, Share, says


class Fractions(Part):
    """The fraction of +1 of a layer or of the input."""

    plus_fraction: Share = says("of all bits", "0..1")
    plus_fraction_quartiles: list[Share] | None = says(
        "over the channels: lowest, three quartiles, highest", "0..1", default=None
    )
    plus_fraction_channels: list[Share] | None = says("of each channel", "0..1", default=None)


class Profile(Fractions):
    """The fraction of +1 of a layer, and how many of its channels never change."""

    constant_channels: Count | None = says("that are all +1 or all -1", "channels", default=None)
    channels: Count | None = says("of the layer", "channels", default=None)


class SimulateFigures(Figures):
    """``simulate.json``: the integer network on the golden frames, or on somebody's images."""

    frames: Frames = says("that were simulated", "frames")
    accuracy: Share | None = says("share of frames answered as labelled; null without labels", "0..1", default=None)
    mismatches: Count | None = says("frames with other scores than golden's", "frames", default=None)
    frames_per_second: Number | None = says("of the simulator on this machine", "frames/s", default=None)
    backend: str | None = says("numpy or numba", default=None)
    layers: dict[str, Profile] = says("layer to its fraction of +1, over the first 256 frames", default={})
