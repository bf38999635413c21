"""The commands of `askew finn`: estimates, the build package, and what a build has come to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from bnn.errors import UserError

finn_app = typer.Typer(no_args_is_help=True, help="FINN: estimates without Vivado, the build package, results.")

Run = Annotated[Path, typer.Option("--run", help="The run folder, runs/NAME.")]
BoardName = Annotated[str, typer.Option("--board", help="Any board that FINN knows, such as Pynq-Z2.")]
FoldingFile = Annotated[
    str | None, typer.Option("--folding", help="A folding file, or finn-tfc or finn-cnv; default: the run's own.")
]
TargetFps = Annotated[int | None, typer.Option("--target-fps", min=1, help="Let FINN fold for so many frames/s.")]
Clock = Annotated[float | None, typer.Option("--clock-mhz", help="Instead of the board's usual clock.")]


@finn_app.command("estimate")
def estimate(
    run: Run,
    board: BoardName,
    folding: FoldingFile = None,
    target_fps: TargetFps = None,
    clock_mhz: Clock = None,
    frames: Annotated[
        int | None, typer.Option("--frames", min=1, help="Frames that every graph must get right.")
    ] = None,
) -> None:
    """FINN's cycles and resources without Vivado; every graph of its compiler is held to golden."""
    from flow.finn_stages import FinnOptions, run_estimate  # noqa: PLC0415

    figures = run_estimate(run, FinnOptions(board, folding, target_fps, clock_mhz), frames)
    _show(figures)
    if figures["mismatches"]:
        raise UserError(f"finn estimate: {figures['mismatches']} answers of FINN's graphs differ from golden")


def _show(figures: dict[str, Any]) -> None:
    columns = ("pe", "simd", "cycles", "lut", "bram18")
    table = Table("layer", *columns, "accumulator", box=None, pad_edge=False)
    for name, layer in figures["layers"].items():
        cells = [f"{layer[column]:,}" if layer.get(column) is not None else "-" for column in columns]
        counted = layer.get("accumulator")
        table.add_row(name, *cells, f"{counted['type']}, {counted['low']:,}..{counted['high']:,}" if counted else "-")
    console = Console(soft_wrap=True, highlight=False)
    console.print(table)
    graphs = figures["graphs"]
    console.print(
        f"{figures['board']} at {figures['clock_mhz']:g} MHz: {len(graphs)} graphs of {figures['finn_version']} on "
        f"{figures['frames']} frames, {figures['mismatches']} mismatches with golden, {figures['seconds']:.0f} s"
    )


@finn_app.command("package")
def package(
    run: Run,
    board: BoardName,
    folding: FoldingFile = None,
    target_fps: TargetFps = None,
    clock_mhz: Clock = None,
    force: Annotated[bool, typer.Option("--force", help="Delete what another configuration left there.")] = False,
) -> None:
    """Write the folder that FINN builds a bitstream from, golden answers included."""
    from flow.finn_stages import FinnOptions, run_package  # noqa: PLC0415

    folder = run_package(run, FinnOptions(board, folding, target_fps, clock_mhz), force=force)
    Console(soft_wrap=True, highlight=False).print(f"finn package: {folder}")


@finn_app.command("results")
def results(run: Run) -> None:
    """Read what a build, finished or not, has come to."""
    from flow.finn_stages import run_results  # noqa: PLC0415

    found = run_results(run)
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"finn results: {run / 'finn' / 'results.json'}")
    for part, command in found["missing"].items():
        console.print(f"  {part}: missing; {command}")


def bitstream(
    run: Run,
    board: BoardName,
    folding: FoldingFile = None,
    target_fps: TargetFps = None,
    clock_mhz: Clock = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write the package and print the commands only.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Delete what was built before.")] = False,
) -> None:
    """Build the bitfile with FINN and Vivado in docker; an interrupted build goes on where it stopped."""
    from flow.finn_stages import FinnOptions, run_bitstream  # noqa: PLC0415

    options = FinnOptions(board, folding, target_fps, clock_mhz)
    found = run_bitstream(run, options, dry_run=dry_run, force=force)
    console = Console(soft_wrap=True, highlight=False, markup=False)
    if dry_run:
        console.print(f"package: {found['package']}")
        for missing in found["missing"]:
            console.print(f"missing: {missing}")
        for command in found["commands"]:
            console.print(command)
        return
    console.print(f"bitstream: {found['bitfile']}; what goes to the board is in {run / 'finn' / 'deploy'}")
