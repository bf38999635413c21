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
    str | None,
    typer.Option(
        "--folding",
        help="A folding file, or finn-tfc or finn-cnv; default: that of `askew finn fold`, made where there is none.",
    ),
]
TargetFps = Annotated[
    float | None,
    typer.Option("--target-fps", min=1e-6, help="Fold for so many frames/s in the fewest LUTs, by FINN's estimate."),
]
FinnFolding = Annotated[
    bool, typer.Option("--finn-folding", help="With --target-fps: let FINN's own SetFolding choose instead.")
]
Clock = Annotated[float | None, typer.Option("--clock-mhz", min=1, help="Instead of the board's usual clock.")]
OverCapacity = Annotated[
    bool, typer.Option("--over-capacity", help="Package it even where FINN estimates more than the board has.")
]


@finn_app.command("fold")
def fold(
    run: Run,
    board: BoardName,
    target_fps: Annotated[
        float | None, typer.Option("--target-fps", min=1e-6, help="Frames/s at least, in the fewest LUTs.")
    ] = None,
    max_fps: Annotated[
        bool, typer.Option("--max-fps", help="The most frames/s that the board holds and its DMA can feed (default).")
    ] = False,
    clock_mhz: Clock = None,
    utilization: Annotated[
        float | None,
        typer.Option(
            "--utilization",
            min=0.01,
            max=1,
            help="Share of the board for what FINN counts; default 0.7: the rest is for shell, FIFOs and routing.",
        ),
    ] = None,
    input_roof: Annotated[
        bool, typer.Option(help="With --max-fps: be no faster than the board's DMA can feed.")
    ] = True,
) -> None:
    """Choose PE, SIMD and memories of every layer by FINN's own estimates: finn/folding.json."""
    from flow.stages.finn_fold import run_finn_fold  # noqa: PLC0415
    from flow.stages.limits import limit_lines  # noqa: PLC0415

    if max_fps and target_fps is not None:
        raise UserError("finn fold: give either --target-fps or --max-fps, not both")
    file, design = run_finn_fold(
        run, board, target_fps=target_fps, clock_mhz=clock_mhz, utilization=utilization, input_roof=input_roof
    )
    _show_layers(design)
    console = Console(soft_wrap=True, highlight=False, markup=False)
    console.print(
        f"a frame every {design['frame_ii_cycles']:,} cycles, {design['frames_per_second']:,.0f} frames/s at "
        f"{design['clock_mhz']:g} MHz; {design['lut']:,} LUTs, {design['bram18']:,} block RAMs of 18 kbit "
        f"({design['finn_version']}'s estimate, without FIFOs, width converters and shell)"
    )
    for line in limit_lines(design, design["board"]):
        console.print(line)
    console.print(f"finn fold: {file}")


@finn_app.command("estimate")
def estimate(
    run: Run,
    board: BoardName,
    folding: FoldingFile = None,
    target_fps: TargetFps = None,
    clock_mhz: Clock = None,
    finn_folding: FinnFolding = False,
    frames: Annotated[
        int | None, typer.Option("--frames", min=1, help="Frames that every graph must get right.")
    ] = None,
) -> None:
    """FINN's cycles and resources without Vivado; every graph of its compiler is held to golden."""
    from finn_build.worker.costs import UnitCost  # noqa: PLC0415
    from flow.stages.finn import FinnOptions, fit_line, run_estimate  # noqa: PLC0415

    options = FinnOptions(board, folding, target_fps, clock_mhz, finn_folding)
    figures = run_estimate(run, options, frames)
    _show(figures)
    console = Console(soft_wrap=True, highlight=False, markup=False)
    cost = UnitCost.read({"cycles": figures["frame_ii_cycles"], **figures["resources"]})
    console.print(fit_line(options.target, cost))
    if figures["mismatches"]:
        raise UserError(f"finn estimate: {figures['mismatches']} answers of FINN's graphs differ from golden")


def _show_layers(figures: dict[str, Any]) -> None:
    columns = ("pe", "simd", "cycles", "lut", "bram18")
    has_types = any("accumulator" in layer for layer in figures["layers"].values())
    titles = (*columns[:3], "LUTs", "BRAM18")
    table = Table("layer", *titles, *(["accumulator"] if has_types else []), box=None, pad_edge=False)
    for name, layer in {**figures["layers"], **figures.get("others", {})}.items():
        cells = [f"{layer[column]:,}" if layer.get(column) is not None else "-" for column in columns]
        counted = layer.get("accumulator")
        types = f"{counted['type']}, {counted['low']:,}..{counted['high']:,}" if counted else "-"
        table.add_row(name, *cells, *([types] if has_types else []))
    Console(soft_wrap=True, highlight=False).print(table)


def _show(figures: dict[str, Any]) -> None:
    _show_layers(figures)
    console = Console(soft_wrap=True, highlight=False)
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
    finn_folding: FinnFolding = False,
    force: Annotated[bool, typer.Option("--force", help="Delete what another configuration left there.")] = False,
    over_capacity: OverCapacity = False,
) -> None:
    """Write the folder that FINN builds a bitstream from, golden answers included."""
    from flow.stages.finn import FinnOptions, run_package  # noqa: PLC0415

    options = FinnOptions(board, folding, target_fps, clock_mhz, finn_folding)
    folder = run_package(run, options, force=force, over_capacity=over_capacity)
    Console(soft_wrap=True, highlight=False).print(f"finn package: {folder}")


@finn_app.command("results")
def results(run: Run) -> None:
    """Read what a build, finished or not, has come to."""
    from flow.stages.finn import run_results  # noqa: PLC0415

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
    finn_folding: FinnFolding = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write the package and print the commands only.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Delete what was built before.")] = False,
    over_capacity: OverCapacity = False,
) -> None:
    """Build the bitfile with FINN and Vivado in docker; an interrupted build goes on where it stopped."""
    from flow.stages.finn import FinnOptions, run_bitstream  # noqa: PLC0415

    options = FinnOptions(board, folding, target_fps, clock_mhz, finn_folding)
    found = run_bitstream(run, options, dry_run=dry_run, force=force, over_capacity=over_capacity)
    console = Console(soft_wrap=True, highlight=False, markup=False)
    if dry_run:
        console.print(f"package: {found['package']}")
        for missing in found["missing"]:
            console.print(f"missing: {missing}")
        for command in found["commands"]:
            console.print(command)
        return
    console.print(f"bitstream: {found['bitfile']}; what goes to the board is in {run / 'finn' / 'deploy'}")
