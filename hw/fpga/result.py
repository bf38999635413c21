"""What a flow gives: clock, paths, counts, files. The same for every flow."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

_UNIT = re.compile(r"(?:^|[.\s/])i_dataflow[./]i_(\w+?)(?:[./]|$)")
_SHELL = re.compile(r"(?:^|[.\s/])i_(shell|reset|pll)(?:[./]|$)")


@dataclass(frozen=True)
class TimedPath:
    """A path between two registers.

    Attributes:
        delay_ns: what it takes.
        logic_ns: of that in cells, setup included; the rest is wires.
        levels: cells that it passes.
        start, end: names of the registers or pins.
        start_unit, end_unit: the units that they are in; shell, or chip where they are in none.
    """

    delay_ns: float
    logic_ns: float
    levels: int
    start: str
    end: str
    start_unit: str
    end_unit: str


@dataclass(frozen=True)
class Used:
    """So many of so many; ``available`` is None where the tool does not say."""

    used: int
    available: int | None


@dataclass(frozen=True)
class Seed:
    """One run of place and route.

    Attributes:
        seed: its number.
        fmax_mhz: the highest clock.
        seconds: that it took.
    """

    seed: int
    fmax_mhz: float
    seconds: float


@dataclass(frozen=True)
class Implementation:
    """A design placed and routed.

    Attributes:
        fmax_mhz: the highest clock of the design, by the router; of the best seed.
        paths: the slowest, worst first.
        used: resource to how much of it.
        seeds: every run of place and route.
        best_seed: whose files these are.
        seconds: step to what it took.
        tools: program to version.
        netlist: after synthesis; None where the flow writes none that can be simulated.
        routed: after place and route; likewise.
        bitstream: None where there is none.
        note: why there is no bitstream; empty where there is one.
    """

    fmax_mhz: float
    paths: tuple[TimedPath, ...]
    used: dict[str, Used]
    seeds: tuple[Seed, ...]
    best_seed: int
    seconds: dict[str, float]
    tools: dict[str, str]
    netlist: Path | None = None
    routed: Path | None = None
    bitstream: Path | None = None
    note: str = field(default="")


def unit_of(name: str) -> str:
    """The unit that a register, net or cell of a chip is in, by its name; ``shell``; ``chip`` where it is in none."""
    if found := _UNIT.search(name):
        return found[1]
    if found := _SHELL.search(name):
        return found[1]
    return "chip"
