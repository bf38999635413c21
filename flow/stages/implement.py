"""The stage that places and routes our own hardware for a board: clock, paths, counts, and a bitstream."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bnn.errors import UserError
from bnn.files import atomic_path, write_figures
from bnn.version import VERSION
from flow.boards import board_fingerprint, board_of_ours
from flow.run.folder import RunFolder, sha256
from flow.run.progress import console
from flow.stages.chains import no_chain
from flow.stages.finn_fold import board_of
from flow.stages.fold import with_board_named
from flow.stages.options import Kind, Options, option
from flow.stages.rtl import rtl_sources
from flow.stages.stage import Stage
from flow.stages.words import say
from hw.boards.board import Board

FILES = {"netlist": "netlist.json", "routed": "routed.json", "bitstream": "askew_chip.bit"}
WORK = ".work"  # hidden: finished steps, which no result depends on
CHIP_FOLDER = "chip"
LICENCE_FREE_BOARD = "ULX3S-85F"  # for which anyone can build


class ImplementOptions(Options):
    """For what, and how hard to try."""

    board: str | None = option(
        None, "A board's name, or a .toml file; default: the folding's. Another one folds anew.", kind=Kind.GOAL
    )
    flow: str | None = option(None, "ecp5, vivado or openxc7; default: what the board's family needs.", kind=Kind.GOAL)
    clock_mhz: float | None = option(None, "Default: the folding's.", unit="MHz", kind=Kind.GOAL, ge=1)
    seeds: int = option(1, "Runs of place and route; the fastest is kept.", ge=1, le=100)


def _implement(run: RunFolder, options: ImplementOptions) -> dict[str, Any]:
    """Place and route the run's network under its folding; written to `fpga/implement.json` and returned."""
    from flow.stages.hardware import delivered_design, folding_clock  # noqa: PLC0415 - Numba takes a second to import
    from hw.boards.rates import frames_per_second  # noqa: PLC0415
    from hw.cycles import predict_cycles  # noqa: PLC0415
    from hw.fpga.chip import Chip  # noqa: PLC0415
    from hw.fpga.flows import find_flow  # noqa: PLC0415

    network = run.chain()
    board = folded_board(run, options.board, "implement", LICENCE_FREE_BOARD)
    flow = find_flow(board, options.flow)
    design = delivered_design(run, network)
    chip = Chip(design, board, options.clock_mhz or folding_clock(run, network) or board.clock_mhz)
    folder = run.path / "fpga"
    folder.mkdir(exist_ok=True)
    source = folder / CHIP_FOLDER
    chip.replace(source)
    work = folder / WORK
    found = flow.implement(chip, source, work, range(1, options.seeds + 1), lambda what: console.print(f"{what} ..."))
    clock_mhz = float(chip.clock_hz / 1_000_000)
    met = found.fmax_mhz >= clock_mhz
    predicted = predict_cycles(design.dataflow)
    frame_ii = Fraction(predicted.frame_ii_cycles)
    given = {"netlist": found.netlist, "routed": found.routed, "bitstream": found.bitstream}
    for name, file in given.items():
        keep(file, folder / FILES[name])
    luts, ffs, bram18 = flow.counts(found.used)
    figures = {
        "flow": flow.name,
        "board": board.name,
        "part": board.part,
        "clock_mhz": clock_mhz,
        "fmax_mhz": round(found.fmax_mhz, 3),
        "met": met,
        "clock_origin": "routed",
        "frame_ii_cycles": predicted.frame_ii_cycles,
        "latency_cycles": predicted.latency_cycles,
        "frames_per_second": frames_per_second(clock_mhz if met else found.fmax_mhz, frame_ii),
        "baud": chip.baud if board.uart else None,
        "luts": luts,
        "ffs": ffs,
        "bram18": bram18,
        "utilization": {
            name: {"used": entry.used, "available": entry.available} for name, entry in found.used.items() if entry.used
        },
        "paths": [path.__dict__ for path in found.paths],
        "seeds": [seed.__dict__ for seed in found.seeds],
        "best_seed": found.best_seed,
        "seconds": found.seconds,
        "tools": found.tools,
        "files": {name: sha256(folder / FILES[name]) for name, file in given.items() if file},
        "bitstream": f"fpga/{FILES['bitstream']}" if found.bitstream else None,
        "note": found.note or None,
        "load": list(board.uart.load) if board.uart and found.bitstream else [],
    }
    written = {"network_hash": network.hash, "askew_version": VERSION, **figures}
    write_figures(folder / "implement.json", written)
    return written


def _prepare(run: RunFolder, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Refuse what nothing can be built for before the run is folded for it."""
    given = with_board_named(run, given)
    if given.get("board") is not None:
        from hw.fpga.flows import find_flow  # noqa: PLC0415 - Numba takes a second to import

        find_flow(board_of_ours(given["board"]), given.get("flow"))
    return given


def folded_board(run: RunFolder, asked: str | None, stage: str, default: str) -> Board:
    """The board that a stage is asked for, for which the run must be folded; the folding's where none is asked for.

    A folding that was given as a file may name none: then it is ``default``.
    """
    folded = board_of(run.folding)
    name = asked or folded or default
    board = board_of_ours(name)
    if folded is not None and folded != board.name:
        raise UserError(
            f"{stage}: the folding is for {folded}, not for {board.name}; run "
            f"`askew {stage} --run {run.path} --board {name}`, which folds for it"
        )
    return board


def keep(made: Path | None, place: Path) -> None:
    """What a step made, beside the figures; what an earlier implementation left there goes."""
    from hw.fpga.steps import bring  # noqa: PLC0415 - Numba takes a second to import

    if made is None:
        place.unlink(missing_ok=True)
        return
    with atomic_path(place) as temporary:
        bring(made, temporary)


def _given(_run: RunFolder, options: ImplementOptions) -> dict[str, str | None]:
    from hw.fpga.chip import shell_sources  # noqa: PLC0415 - Numba takes a second to import

    found: dict[str, str | None] = {**rtl_sources(), "the shell of this version": shell_sources()}
    return found if options.board is None else found | board_fingerprint(options.board)


def _show(run: RunFolder, figures: dict[str, Any]) -> None:
    table = Table("resource", "used", "available", "share", box=None, pad_edge=False)
    for name, entry in figures["utilization"].items():
        share = f"{entry['used'] / entry['available']:.1%}" if entry["available"] else "-"
        table.add_row(name, f"{entry['used']:,}", f"{entry['available']:,}" if entry["available"] else "-", share)
    Console(soft_wrap=True, highlight=False).print(table)
    for path in figures["paths"][:3]:
        say(
            f"slowest path: {path['delay_ns']:.2f} ns ({path['logic_ns']:.2f} in {path['levels']} cells), from "
            f"{path['start_unit']} to {path['end_unit']}"
        )
    if len(figures["seeds"]) > 1:
        say("seeds: " + ", ".join(f"{seed['seed']}: {seed['fmax_mhz']:.1f} MHz" for seed in figures["seeds"]))
    verdict = "met" if figures["met"] else "MISSED"
    say(
        f"implement: {figures['board']}, {figures['fmax_mhz']:.1f} MHz by the router, {figures['clock_mhz']:g} MHz "
        f"asked: {verdict}; {figures['frames_per_second']:,.0f} frames/s at "
        f"{figures['clock_mhz'] if figures['met'] else figures['fmax_mhz']:g} MHz; "
        f"{sum(figures['seconds'].values()):,.0f} s"
    )
    if not figures["met"]:
        lower = int(figures["fmax_mhz"])
        say(
            f"no bitstream, as it would be wrong at times: `askew implement --run {run.path} --clock-mhz {lower}` "
            "builds one, or --seeds 5 tries to reach the clock"
        )
    elif figures["bitstream"] is None:
        say(f"no bitstream: {figures['note']}")
    else:
        file = run.path / figures["bitstream"]
        say(f"bitstream: {file}")
        for command in figures["load"]:
            say(f"  load it: {command.format(bit=file)}")
        say(f"  try it:  askew board run --run {run.path} --port /dev/ttyUSB0")


IMPLEMENT = Stage(
    name="implement",
    summary="Place and route our own hardware for a board: clock by the router, slowest paths, bitstream.",
    example="--run runs/tfc --board ULX3S-85F --seeds 3",
    options=ImplementOptions,
    needs=("network", "folding"),
    first=("fold",),
    prepare=_prepare,
    makes=("implementation", "chip", "netlist", "routed netlist", "chip bitstream"),
    run=_implement,
    show=_show,
    outside=_given,
    refused=no_chain,
)
