"""``fpga/implement.json``: our own hardware placed and routed, with the clock that the router confirmed."""

from __future__ import annotations

from typing import Literal

from finn_build.results.form import Clock, Count, Cycles, Figures, Number, Part, says


class RoutedPath(Part):
    """A path between two registers."""

    delay_ns: Number = says("from clock to clock", "ns")
    logic_ns: Number = says("of that in cells, the rest is wires", "ns")
    levels: Count = says("cells that it passes", "cells")
    start_unit: str = says("unit that it starts in; shell or chip where in none")
    end_unit: str = says("unit that it ends in")
    start: str = says("register or pin")
    end: str = says("register or pin")


class Utilization(Part):
    """How much of a kind of resource is taken."""

    used: Count = says("taken")
    available: Count | None = says("what there is; null where the tool does not say", default=None)


class RoutedSeed(Part):
    """One run of place and route."""

    seed: Count = says("of the placer")
    fmax_mhz: Clock = says("highest clock", "MHz")
    seconds: Number = says("that it took", "s")


class ImplementFigures(Figures):
    """``fpga/implement.json``: the whole chip, shell and serial line included, after place and route."""

    flow: Literal["ecp5", "vivado", "openxc7"] = says("that placed and routed")
    board: str = says("its name")
    part: str = says("the FPGA's full name")
    clock_mhz: Clock = says("that the design was built for: what its clock generator gives", "MHz")
    fmax_mhz: Clock = says("highest clock by the router", "MHz")
    met: bool = says("whether the router confirmed clock_mhz")
    clock_origin: Literal["routed"] = says("who says so")
    frame_ii_cycles: Cycles = says("between the starts of successive frames, by the cycle model", "cycles")
    latency_cycles: Count = says("from the first beat in to the label, by the cycle model", "cycles")
    frames_per_second: Number = says("at clock_mhz, or at fmax_mhz where that is missed", "frames/s")
    baud: Count | None = says("of the serial line; null without one", "bits/s", default=None)
    luts: Count = says("tables, of as many inputs as the family has", "tables")
    ffs: Count = says("flip-flops", "flip-flops")
    bram18: Count = says("block RAMs", "blocks of 18 kbit")
    utilization: dict[str, Utilization] = says("the tool's name of a resource to how much is taken")
    paths: list[RoutedPath] = says("the slowest, worst first, of the best seed and then of the others")
    seeds: list[RoutedSeed] = says("every run of place and route")
    best_seed: Count = says("whose files lie beside")
    seconds: dict[str, Number] = says("step to what it took", "s")
    tools: dict[str, str] = says("program to version")
    files: dict[str, str] = says("netlist, routed and bitstream: SHA-256 of what lies beside")
    bitstream: str | None = says("its file; null where there is none", default=None)
    note: str | None = says("why there is no bitstream; null where there is one", default=None)
    load: list[str] = says("commands that load the bitstream, each alone enough", default=[])
