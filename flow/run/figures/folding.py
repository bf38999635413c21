"""``folding.json``: PE and SIMD of every layer of our own hardware, and what the solver knows of the design."""

from __future__ import annotations

from finn_build.results.figures import InputLimit
from finn_build.results.form import Clock, Count, Cycles, Figures, Frames, Number, Part, Share, says


class Taken(Part):
    """What a part of a design takes."""

    luts: Count | None = says("look-up tables of 6 inputs, by a model fitted to Yosys", "LUTs", default=None)
    ffs: Count | None = says("flip-flops, by the same model", "flip-flops", default=None)
    bram18: Count | None = says("block RAMs, by the same model", "blocks of 18 kbit", default=None)


class FoldedLayer(Taken):
    """A layer of ``folding.json``."""

    pe: Frames = says("outputs at a time", "outputs a cycle")
    simd: Frames = says("inputs at a time", "inputs a cycle")
    order: str | None = says("loop order", default=None)
    cycles: Count | None = says("of its folds: mw/simd x mh/pe x positions", "cycles", default=None)


class Budget(Part):
    """The share of the board that the solver might take."""

    luts: Count = says("look-up tables", "LUTs")
    ffs: Count = says("flip-flops", "flip-flops")
    bram18: Count = says("block RAMs", "blocks of 18 kbit")


class FoldingFigures(Figures, Taken):
    """``folding.json``: the folding of our own hardware. A file of the user's own needs ``layers`` alone."""

    network_hash: str | None = says(  # type: ignore[assignment]
        "hash of the network that it is for; a file of the user's own may carry none", default=None
    )
    layers: dict[str, FoldedLayer] = says("layer with weights to its folding")
    others: dict[str, Taken] = says("what else takes resources: pools, input, buffers", default={})
    popcount: str | None = says("how bits are counted: primitives, carry, compressor or naive", default=None)
    logic_levels: Count | None = says(
        "how much logic may stand between two registers, chosen for clock_mhz", "look-up tables in a row", default=None
    )
    frame_ii_cycles: Cycles | None = says("between the starts of successive frames, predicted", "cycles", default=None)
    latency_cycles: Count | None = says(
        "from the first beat in to the last beat out, predicted", "cycles", default=None
    )
    frames_per_second: Number | None = says("at clock_mhz", "frames/s", default=None)
    board: str | None = says("that was folded for", default=None)
    clock_mhz: Clock | None = says("that rates are stated for; assumed, as nothing was placed", "MHz", default=None)
    goal: str | None = says("what it was chosen for: target-fps, max-fps, latency or given", default=None)
    target_fps: Number | None = says("that was asked for; null without a rate", "frames/s", default=None)
    buffers: dict[str, Count] | None = says("window, replay buffer or FIFO to what it holds", "beats", default=None)
    utilization: Share | None = says("share of the board that the solver might take", "0..1", default=None)
    budget: Budget | None = says("that share; null where nothing was solved", default=None)
    input_limit: InputLimit | None = says("how fast frames come; null where the board does not say", default=None)
