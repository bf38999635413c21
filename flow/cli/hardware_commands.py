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
    board: Annotated[str | None, typer.Option("--board", help="A board's name, or a .toml file of your own.")] = None,
    target_fps: Annotated[
        float | None, typer.Option("--target-fps", min=1e-6, help="Frames/s at least, in the fewest LUTs.")
    ] = None,
    max_fps: Annotated[
        bool, typer.Option("--max-fps", help="The most frames/s that the board holds and its memory can feed.")
    ] = False,
    latency: Annotated[bool, typer.Option("--latency", help="The least latency of one frame.")] = False,
    folding: Annotated[str | None, typer.Option("--folding", help="A folding file, or a shipped folding.")] = None,
    clock_mhz: Annotated[float | None, typer.Option("--clock-mhz", min=1, help="Default: the board's.")] = None,
    utilization: Annotated[
        float | None,
        typer.Option(
            "--utilization",
            min=0.01,
            max=1,
            help="Share of the board that the solver may use; default 0.7, which leaves room for shell and routing.",
        ),
    ] = None,
    input_roof: Annotated[
        bool, typer.Option(help="With --max-fps: be no faster than the board's memory can feed.")
    ] = True,
) -> None:
    """Choose how many inputs (SIMD) and outputs (PE) of each layer are handled per cycle: folding.json."""
    from flow.stages.hardware import run_fold  # noqa: PLC0415

    file, design = run_fold(
        run,
        board=board,
        target_fps=target_fps,
        max_fps=max_fps,
        latency=latency,
        folding=folding,
        clock_mhz=clock_mhz,
        utilization=utilization,
        input_roof=input_roof,
    )
    _show_folding(design)
    _say(f"fold: {file}")


@hardware_app.command()
def rtl(
    run: Run,
    clock_mhz: Annotated[
        float | None, typer.Option("--clock-mhz", min=1, help="For the constraints; default: the folding's.")
    ] = None,
) -> None:
    """Write the SystemVerilog of the run's network under its folding: rtl/."""
    from flow.stages.hardware import run_rtl  # noqa: PLC0415

    folder, clock = run_rtl(run, clock_mhz)
    _say(f"rtl: {folder}, {clock}")


@hardware_app.command()
def rtlsim(
    run: Run,
    frames: Annotated[int | None, typer.Option("--frames", min=1, help="Golden frames; default: 100.")] = None,
    stall: Annotated[
        float, typer.Option("--stall", min=0, max=0.99, help="Chance that a stream waits, per cycle.")
    ] = 0,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the stalls.")] = 0,
    trace: Annotated[Path | None, typer.Option("--trace", help="Write a waveform (.fst), of the first frame.")] = None,
    trace_from: Annotated[int, typer.Option("--trace-from", min=0, help="The waveform's first frame.")] = 0,
    trace_count: Annotated[int, typer.Option("--trace-count", min=1, help="Frames of the waveform.")] = 1,
    threads: Annotated[int, typer.Option("--threads", min=1, help="Copies of the design that share the frames.")] = 1,
    popcount: Annotated[
        str | None,
        typer.Option(
            "--popcount",
            help="naive, compressor or primitives. Default: as `askew rtl` delivers; naive where that is too wide.",
        ),
    ] = None,
) -> None:
    """Stream golden frames through the RTL in Verilator; count mismatches and cycles."""
    from flow.stages.hardware import find_popcount, run_rtlsim  # noqa: PLC0415

    figures = run_rtlsim(
        run,
        frames=frames,
        stall=stall,
        seed=seed,
        trace=trace,
        trace_frames=(trace_from, trace_from + trace_count),
        threads=threads,
        popcount=find_popcount(popcount),
    )
    _show(figures)
    if figures["mismatches"]:
        raise UserError(
            f"rtlsim: {figures['mismatches']} frames differ from golden, the first is {figures['first_mismatch']}; "
            f"see `askew diff --run {run} rtl numpy --frame {figures['first_mismatch']}`"
        )


@hardware_app.command("shift-cost")
def shift_cost(
    run: Run,
    shift: Annotated[float, typer.Option("--shift", help="Of the twin, where the run has none.")] = 0.25,
    frames: Annotated[int, typer.Option("--frames", min=2, help="Test images through both in Verilator.")] = 20,
    synthesis: Annotated[bool, typer.Option(help="Synthesize both with Yosys.")] = True,
) -> None:
    """Compare the hardware of the run's network with and without a threshold shift: shift_cost.json."""
    from flow.stages.shift_cost import run_shift_cost  # noqa: PLC0415

    figures = run_shift_cost(run, shift=shift, frames=frames, with_synthesis=synthesis)
    columns = ("frame_ii_cycles", "latency_cycles", "mismatches", "luts", "ffs", "bram18")
    table = Table("", *columns, box=None, pad_edge=False)
    for name, side in figures["sides"].items():
        table.add_row(name, *("-" if side[key] is None else f"{side[key]:,}" for key in columns))
    Console(soft_wrap=True, highlight=False).print(table)
    for kind, files in figures["differing_files"].items():
        _say(f"files that differ, {kind}: {', '.join(files) or 'none'}")


def _show_folding(design: dict[str, Any]) -> None:
    from flow.stages.limits import limit_lines  # noqa: PLC0415

    table = Table("layer", "pe", "simd", "order", "cycles", "LUTs", "BRAM18", box=None, pad_edge=False)
    for name, layer in design["layers"].items():
        figures = (f"{layer[key]:,}" for key in ("cycles", "luts", "bram18"))
        table.add_row(name, str(layer["pe"]), str(layer["simd"]), layer["order"], *figures)
    Console(soft_wrap=True, highlight=False).print(table)
    rate = design["frames_per_second"]
    speed = "" if rate is None else f", {rate:,.0f} frames/s at {design['clock_mhz']:g} MHz"
    _say(
        f"a frame every {design['frame_ii_cycles']:,} cycles{speed}, latency {design['latency_cycles']:,} cycles; "
        f"{design['luts']:,} LUTs, {design['ffs']:,} flip-flops, {design['bram18']:,} block RAMs of 18 kbit (estimated)"
    )
    for line in limit_lines(design, design["board"]):
        _say(line)


def _show(figures: dict[str, Any]) -> None:
    from flow.report.hardware import describe_popcount  # noqa: PLC0415 - a second, with all that a report needs

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
        f"{figures['frames_per_second']:,.0f} frames/s, {figures['cycles_per_second']:,.0f} cycles/s, "
        f"{describe_popcount(figures)}"
    )


def _say(text: str) -> None:
    Console(soft_wrap=True, highlight=False, markup=False).print(text)
