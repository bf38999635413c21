"""``shift_cost.json``: what a threshold shift costs in hardware."""

from __future__ import annotations

from finn_build.results.form import Count, Cycles, Figures, Frames, Number, Real, says
from flow.run.figures.folding import Taken


class ShiftSide(Taken):
    """The design with the shift or the one without. Resources are Yosys' own counts; null where it was not run."""

    network_hash: str = says("of this side's network")
    predicted_frame_ii_cycles: Cycles = says("between the starts of successive frames, by the cycle model", "cycles")
    predicted_latency_cycles: Number = says("from the first beat in to the last beat out, by the cycle model", "cycles")
    frame_ii_cycles: Cycles = says("between the last two labels, in Verilator", "cycles")
    latency_cycles: Number = says("from the first beat in to the last beat out, in Verilator", "cycles")
    popcount: str = says("how the design counts bits")
    simulated_popcount: str = says("how the simulated design counts bits")
    frames: Frames = says("that were streamed", "frames")
    mismatches: Count = says("frames with other scores than the integer network's", "frames")


class ShiftCostFigures(Figures):
    """``shift_cost.json``: the same trained weights with and without a threshold shift, as far as synthesis."""

    shift: Real | str = says("of the twin; or in words that it is the run's own")
    sides: dict[str, ShiftSide] = says("with_shift and without_shift")
    differing_files: dict[str, list[str]] = says("thresholds, identity and other: files in which the designs differ")
    thresholds_changed: dict[str, Count] = says("layer to the channels whose threshold is another", "channels")
