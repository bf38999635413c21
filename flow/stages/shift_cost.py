"""The stage that compares the hardware of a network with and without a threshold shift."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from flow.run.folder import Origin, RunFolder
from flow.stages.chains import no_chain
from flow.stages.options import Options, option
from flow.stages.rtl import rtl_sources
from flow.stages.stage import Stage
from flow.stages.words import say


class ShiftCostOptions(Options):
    """What is compared, and how far."""

    shift: float = option(0.25, "Of the twin, where the run has none.")
    frames: int = option(20, "Test images through both in Verilator.", ge=2)
    synthesis: bool = option(True, "Synthesize both with Yosys.")


def _shift_cost(run: RunFolder, options: ShiftCostOptions) -> dict[str, Any]:
    from flow.stages.shift_twin import run_shift_cost  # noqa: PLC0415 - torch takes seconds to import

    return run_shift_cost(run, shift=options.shift, frames=options.frames, with_synthesis=options.synthesis)


def _show(_run: RunFolder, figures: dict[str, Any]) -> None:
    columns = ("frame_ii_cycles", "latency_cycles", "mismatches", "luts", "ffs", "bram18")
    table = Table("", *columns, box=None, pad_edge=False)
    for name, side in figures["sides"].items():
        table.add_row(name, *("-" if side[key] is None else f"{side[key]:,}" for key in columns))
    Console(soft_wrap=True, highlight=False).print(table)
    for kind, files in figures["differing_files"].items():
        say(f"files that differ, {kind}: {', '.join(files) or 'none'}")


SHIFT_COST = Stage(
    name="shift-cost",
    summary="Compare the hardware of the run's network with and without a threshold shift: shift_cost.json.",
    example="--run runs/tfc",
    options=ShiftCostOptions,
    needs=("config", "checkpoint", "network", "golden", "folding"),
    makes=("shift cost",),
    run=_shift_cost,
    show=_show,
    outside=lambda *_: rtl_sources(),
    origin=Origin.TRAINED,
    refused=no_chain,
)
