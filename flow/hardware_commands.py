"""The commands for our own hardware: fold, rtl, rtlsim."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from bnn.errors import UserError

hardware_app = typer.Typer()

Run = Annotated[Path, typer.Option("--run", help="The run folder, runs/NAME.")]


@hardware_app.command()
def fold(
    run: Run,
    folding: Annotated[str, typer.Option("--folding", help="A folding file, or finn-tfc or finn-cnv.")],
) -> None:
    """Choose how many inputs (SIMD) and outputs (PE) of each layer are handled per cycle: folding.json."""
    from flow.hardware_stages import run_fold  # noqa: PLC0415

    file, cycles = run_fold(run, folding)
    slowest = max(cycles, key=lambda name: cycles[name])
    _say(f"fold: {file}, {cycles[slowest]:,} cycles a frame, set by layer {slowest}")


@hardware_app.command()
def rtl(
    run: Run,
    clock_mhz: Annotated[float, typer.Option("--clock-mhz", min=1, help="For the constraints.")] = 100.0,
) -> None:
    """Write the SystemVerilog of the run's network under its folding: rtl/."""
    from flow.hardware_stages import run_rtl  # noqa: PLC0415

    _say(f"rtl: {run_rtl(run, clock_mhz)}")


@hardware_app.command()
def rtlsim(
    run: Run,
    frames: Annotated[int | None, typer.Option("--frames", min=1, help="Golden frames; default: 100.")] = None,
    stall: Annotated[
        float, typer.Option("--stall", min=0, max=0.99, help="Chance that a stream waits, per cycle.")
    ] = 0,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the stalls.")] = 0,
    trace: Annotated[Path | None, typer.Option("--trace", help="Write a waveform (.fst) of the first frame.")] = None,
    threads: Annotated[int, typer.Option("--threads", min=1, help="Copies of the design that share the frames.")] = 1,
) -> None:
    """Stream golden frames through the RTL in Verilator; count mismatches and cycles."""
    from flow.hardware_stages import run_rtlsim  # noqa: PLC0415

    figures = run_rtlsim(run, frames=frames, stall=stall, seed=seed, trace=trace, threads=threads)
    _show(figures)
    if figures["mismatches"]:
        raise UserError(
            f"rtlsim: {figures['mismatches']} frames differ from golden, the first is {figures['first_mismatch']}; "
            f"see `askew diff --run {run} rtl numpy --frame {figures['first_mismatch']}`"
        )


def _show(figures: dict[str, Any]) -> None:
    columns = ("pe", "simd", "cycles", "predicted busy", "measured busy", "busy share")
    table = Table("layer", *columns, box=None, pad_edge=False)
    for name, layer in figures["layers"].items():
        table.add_row(
            name,
            str(layer.get("pe", "-")),
            str(layer.get("simd", "-")),
            f"{layer['cycles']:,}",
            f"{layer['predicted']['busy']:,}",
            f"{layer['measured']['busy']:,}",
            f"{layer['busy_share']:.1%}",
        )
    Console(soft_wrap=True, highlight=False).print(table)
    _say(
        f"rtlsim: {figures['frames']:,} frames, {figures['mismatches']} mismatches with golden; a frame every "
        f"{figures['frame_ii_cycles']:,} cycles (predicted {figures['predicted_frame_ii_cycles']:,}), latency "
        f"{figures['latency_cycles']:,} (predicted {figures['predicted_latency_cycles']:,}); simulated "
        f"{figures['frames_per_second']:,.0f} frames/s, {figures['cycles_per_second']:,.0f} cycles/s"
    )


def _say(text: str) -> None:
    Console(soft_wrap=True, highlight=False, markup=False).print(text)
