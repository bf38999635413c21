"""The stage that chooses PE, SIMD and loop order of every layer."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bnn.files import write_figures, write_text
from bnn.folding import FOLDING_FOLDER, Goal, load_folding, shipped_foldings
from bnn.readers import read_text
from flow.boards import board_fingerprint, board_of_ours
from flow.run.folder import RunFolder, sha256
from flow.stages.chains import no_chain
from flow.stages.limits import input_limit, limit_lines, limits
from flow.stages.options import Kind, Options, option
from flow.stages.stage import Stage
from flow.stages.words import say
from hw.boards.board import DEFAULT_UTILIZATION, BoardError, load_board

DEFAULT_BOARD = "Pynq-Z2"


class FoldOptions(Options):
    """What is folded for. Without a goal: the most frames/s."""

    exclusive = ("target_fps", "max_fps", "latency", "folding")

    board: str | None = option(
        None, f"A board's name, or a .toml file of your own; default: {DEFAULT_BOARD}.", kind=Kind.GOAL
    )
    target_fps: float | None = option(
        None, "At least so many, in the fewest LUTs.", unit="frames/s", kind=Kind.GOAL, ge=1e-6
    )
    max_fps: bool = option(False, "The most frames/s that the board holds and its memory can feed.", kind=Kind.GOAL)
    latency: bool = option(False, "The least latency of one frame.", kind=Kind.GOAL)
    folding: str | None = option(None, "A folding file, or a shipped folding.", kind=Kind.GOAL)
    clock_mhz: float | None = option(None, "Default: the board's.", unit="MHz", kind=Kind.GOAL, ge=1)
    utilization: float | None = option(
        None,
        "Share of the board that the solver may use; default 0.7, which leaves room for shell and routing.",
        kind=Kind.GOAL,
        ge=0.01,
        le=1,
    )
    input_roof: bool = option(True, "With --max-fps: be no faster than the board's memory can feed.", kind=Kind.GOAL)


def _fold(run: RunFolder, options: FoldOptions) -> dict[str, Any]:
    """Solve for one goal, or check a folding file or shipped folding; the contents of `folding.json`."""
    from hw.generator import DEFAULT_CLOCK_MHZ  # noqa: PLC0415
    from hw.solver import (  # noqa: PLC0415 - Numba takes a second to import
        FoldedDesign,
        fold_for_latency,
        fold_for_max_rate,
        fold_for_rate,
    )
    from hw.units import Pipeline, PopcountStyle  # noqa: PLC0415

    network = run.chain()
    name = options.board or (None if options.folding else DEFAULT_BOARD)
    board = board_of_ours(name) if name is not None else None
    clock = options.clock_mhz if options.clock_mhz is not None else board.clock_mhz if board else None
    utilization = None
    if options.folding is not None:
        style = PopcountStyle.for_family(board.family if board else "generic")
        pipeline = Pipeline.for_clock(style, clock or DEFAULT_CLOCK_MHZ)
        goal, design = Goal.GIVEN, FoldedDesign.of(network, load_folding(options.folding, network), style, pipeline)
        if board:
            design.verify(board)
    else:
        assert board is not None
        assert clock is not None
        utilization = DEFAULT_UTILIZATION if options.utilization is None else options.utilization
        share = board.share(utilization)
        if options.target_fps is not None:
            goal, design = Goal.TARGET_FPS, fold_for_rate(network, share, options.target_fps, clock)
        elif options.latency:
            goal, design = Goal.LATENCY, fold_for_latency(network, share, clock_mhz=clock)
        else:
            roof = input_limit(network, board, clock) if options.input_roof else None
            cycles = roof.cycles if roof else Fraction(0)
            goal, design = Goal.MAX_FPS, fold_for_max_rate(network, share, cycles, clock_mhz=clock)
    bounds = limits(network, board, clock, utilization)
    described = design.describe(board, clock, goal, target_fps=options.target_fps) | bounds
    write_figures(run.folding, described)
    return described


def _given(run: RunFolder, options: FoldOptions) -> dict[str, str | None]:
    """The board's file and the folding file, by content."""
    found: dict[str, str | None] = {}
    if options.folding is not None:
        found["the folding file"] = folding_file_fingerprint(options.folding)
    return found | board_fingerprint(options.board or DEFAULT_BOARD)


def with_board_named(_run: RunFolder, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """A board that we know under its own name, however the user spells it."""
    board = given.get("board")
    if board is None or board.endswith(".toml"):
        return given
    try:
        return {**given, "board": load_board(board).name}
    except BoardError:  # FINN may know it
        return given


def _keep_given(run: RunFolder, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """The run's own folding, taken as the given one, is copied first: its place is that of the result."""
    given = with_board_named(run, given)
    folding = given.get("folding")
    if folding is None or Path(folding).absolute() != run.folding.absolute() or not run.folding.is_file():
        return given
    kept = run.path / "folding-given.json"
    write_text(kept, read_text(run.folding))
    return {**given, "folding": str(kept)}


def folding_file_fingerprint(folding: str) -> str | None:
    """A folding file or shipped folding, by content; None where it is not there."""
    file = FOLDING_FOLDER / f"{folding}.json" if folding in shipped_foldings() else Path(folding)
    return sha256(file) if file.is_file() else None


def _show(run: RunFolder, design: dict[str, Any]) -> None:
    table = Table("layer", "pe", "simd", "order", "cycles", "LUTs", "BRAM18", box=None, pad_edge=False)
    for name, layer in design["layers"].items():
        figures = (f"{layer[key]:,}" for key in ("cycles", "luts", "bram18"))
        table.add_row(name, str(layer["pe"]), str(layer["simd"]), layer["order"], *figures)
    Console(soft_wrap=True, highlight=False).print(table)
    rate = design["frames_per_second"]
    speed = "" if rate is None else f", {rate:,.0f} frames/s at {design['clock_mhz']:g} MHz"
    say(
        f"a frame every {design['frame_ii_cycles']:,} cycles{speed}, latency {design['latency_cycles']:,} cycles; "
        f"{design['luts']:,} LUTs, {design['ffs']:,} flip-flops, {design['bram18']:,} block RAMs of 18 kbit (estimated)"
    )
    for line in limit_lines(design, design["board"]):
        say(line)
    say(f"fold: {run.folding}")


FOLD = Stage(
    name="fold",
    summary="Choose how many inputs (SIMD) and outputs (PE) of each layer are handled per cycle: folding.json.",
    example="--run runs/tfc --board Pynq-Z2 --target-fps 100000",
    options=FoldOptions,
    needs=("network",),
    makes=("folding",),
    run=_fold,
    show=_show,
    prepare=_keep_given,
    outside=_given,
    refused=no_chain,
)
