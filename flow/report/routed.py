"""What place and route found, for the report: clock, seeds, slowest paths, in a table and in sentences."""

from __future__ import annotations

from flow.report.tables import Table, number
from flow.run.figures.implement import ImplementFigures


def path_table(found: ImplementFigures) -> Table:
    """Header and rows: the slowest paths."""
    rows: list[tuple[str, ...]] = [
        (f"{path.delay_ns:.2f}", f"{path.logic_ns:.2f}", number(path.levels), path.start_unit, path.end_unit)
        for path in found.paths
    ]
    return ["slowest paths, ns", "in cells, ns", "cells", "from unit", "to unit"], rows


def routed_lines(found: ImplementFigures) -> list[str]:
    """Who placed it, which clock was reached, and whether there is a bitstream."""
    verdict = "met" if found.met else "missed"
    took = sum(found.seconds.values()) / 60
    lines = [
        f"Placed and routed for {found.board} ({found.part}) by flow {found.flow}, {took:.1f} minutes: "
        f"{found.fmax_mhz:.1f} MHz, {found.clock_mhz:g} MHz asked, {verdict}."
    ]
    if len(found.seeds) > 1:
        every = ", ".join(f"{seed.fmax_mhz:.1f}" for seed in found.seeds)
        lines.append(f"Clocks of {len(found.seeds)} seeds: {every} MHz; the highest is kept.")
    tools = ", ".join(f"{name} ({version})" for name, version in found.tools.items())
    bitstream = f"Bitstream: {found.bitstream}" if found.bitstream else f"No bitstream: {found.note}"
    return [*lines, f"{bitstream}. Tools: {tools}."]
