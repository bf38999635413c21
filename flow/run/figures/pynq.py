"""``pynq/*.json``: our own design as an overlay for a PYNQ board."""

from __future__ import annotations

from typing import Literal

from finn_build.results.figures import BoardFigures
from finn_build.results.form import Clock, Count, Cycles, Digest, Figures, Number, Real, says
from flow.run.figures.implement import Utilization


class OverlayFigures(Figures):
    """``pynq/bitstream.json``: the whole overlay, DMA and interconnect included, after place and route."""

    board: str = says("its name")
    part: str = says("the FPGA's full name")
    clock_mhz: Clock = says("that the design was built for: what the processor's clock generator gives", "MHz")
    fmax_mhz: Clock = says("highest clock by the router", "MHz")
    slack_ns: Real = says("worst setup slack; 0 or above meets the clock", "ns")
    met: bool = says("whether the router confirmed clock_mhz")
    clock_origin: Literal["routed"] = says("who says so")
    frame_ii_cycles: Cycles = says("between the starts of successive frames, by the cycle model", "cycles")
    latency_cycles: Count = says("from the first beat in to the label, by the cycle model", "cycles")
    frames_per_second: Number = says("at clock_mhz, or at fmax_mhz where that is missed", "frames/s")
    luts: Count = says("tables of 6 inputs", "tables")
    ffs: Count = says("flip-flops", "flip-flops")
    bram18: Count = says("block RAMs", "blocks of 18 kbit")
    utilization: dict[str, Utilization] = says("Vivado's name of a resource to how much is taken")
    seconds: Number = says("that Vivado took", "s")
    tools: dict[str, str] = says("program to version")
    bitfile: str | None = says("the .bit, with its .hwh beside it; null where the clock is missed", default=None)
    bitfile_sha256: Digest | None = says("of the .bit", default=None)


class OverlayResults(Figures):
    """``pynq/results.json``: what the board measured; null where it did not yet, which stands in ``missing``."""

    board: BoardFigures | None = says("what the board measured", default=None)
    missing: dict[str, str] = says("part to the command that fills it", default={})
