"""The stages that make our own design an overlay for a PYNQ board, and read what the board measured."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from bnn.chain import Chain
from bnn.errors import UserError
from bnn.version import VERSION
from finn_build.board.command import COMMAND
from finn_build.board.overlay import OverlayInterface
from finn_build.results.overlay import OverlayFiles, write_overlay_deploy
from finn_build.results.results import board_figures
from flow.boards import board_fingerprint, board_of_ours
from flow.run.figures import OverlayFigures, OverlayResults
from flow.run.folder import RunFolder, sha256
from flow.run.progress import console
from flow.stages.chains import no_chain
from flow.stages.fold import DEFAULT_BOARD, with_board_named
from flow.stages.implement import folded_board, keep
from flow.stages.options import Kind, Options, option
from flow.stages.rtl import rtl_sources
from flow.stages.stage import Stage
from flow.stages.words import say

FOLDER, PROJECT, WORK, DEPLOY = "pynq", "project", ".work", "deploy"


class OverlayOptions(Options):
    """For what, and whether anything is built."""

    board: str | None = option(
        None, "A board's name, or a .toml file; default: the folding's. Another one folds anew.", kind=Kind.GOAL
    )
    clock_mhz: float | None = option(None, "Default: the folding's.", unit="MHz", kind=Kind.GOAL, ge=1)
    dry_run: bool = option(False, "Write project and deploy folder, and print the commands only.", kind=Kind.PASSING)


def _bitstream(run: RunFolder, options: OverlayOptions) -> dict[str, Any]:
    """Write project and deploy folder and, where Vivado is, build; as `pynq/bitstream.json` says."""
    from flow.stages.hardware import delivered_design, folding_clock  # noqa: PLC0415 - Numba takes a second to import
    from hw.boards.rates import frames_per_second  # noqa: PLC0415
    from hw.cycles import predict_cycles  # noqa: PLC0415
    from hw.fpga.pynq import build as vivado  # noqa: PLC0415
    from hw.fpga.pynq.project import OVERLAY, Overlay, Processor  # noqa: PLC0415
    from hw.fpga.vivado import counts  # noqa: PLC0415

    network = run.chain()
    board = folded_board(run, options.board, "pynq bitstream", DEFAULT_BOARD)
    Processor.of(board)
    design = delivered_design(run, network)
    golden = run.golden(network.network())
    overlay = Overlay(design, board, options.clock_mhz or folding_clock(run, network) or board.clock_mhz)
    folder = run.path / FOLDER
    project, deploy = folder / PROJECT, folder / DEPLOY
    folder.mkdir(exist_ok=True)
    overlay.write(project)
    predicted = predict_cycles(design.dataflow)
    cycles = {"latency_cycles": predicted.latency_cycles, "origin": "our cycle model"}
    interface = overlay_interface(network)
    described = {"board": board.name, "clock_mhz": overlay.clock_mhz, "cycles": cycles}
    said = vivado.missing(project)
    if options.dry_run or said:
        write_overlay_deploy(deploy, network, golden, interface, described, None)
        if not options.dry_run:
            raise UserError(str(said))
        return {
            "dry_run": True,
            "project": str(project),
            "commands": [vivado.COMMAND],
            "missing": [said] if said else [],
        }
    console.print("Vivado ...")
    built = vivado.build(project, folder / WORK)
    files = None
    for made, suffix in ((built.bitfile, ".bit"), (built.handoff, ".hwh")):
        keep(made, folder / f"{OVERLAY}{suffix}")
    if built.bitfile and built.handoff:
        files = OverlayFiles(built.bitfile, built.handoff, sha256(built.bitfile))
    write_overlay_deploy(deploy, network, golden, interface, described | {"clock_mhz": built.clock_mhz}, files)
    luts, ffs, bram18 = counts(built.used)
    figures = OverlayFigures.model_validate(
        {
            "network_hash": network.hash,
            "askew_version": VERSION,
            "board": board.name,
            "part": board.part,
            "clock_mhz": built.clock_mhz,
            "fmax_mhz": round(built.fmax_mhz, 3),
            "slack_ns": built.slack_ns,
            "met": built.met,
            "clock_origin": "routed",
            "frame_ii_cycles": predicted.frame_ii_cycles,
            "latency_cycles": predicted.latency_cycles,
            "frames_per_second": frames_per_second(
                built.clock_mhz if built.met else built.fmax_mhz, Fraction(predicted.frame_ii_cycles)
            ),
            "luts": luts,
            "ffs": ffs,
            "bram18": bram18,
            "utilization": {name: {"used": one.used, "available": one.available} for name, one in built.used.items()},
            "seconds": built.seconds,
            "tools": built.tools,
            "bitfile": f"{FOLDER}/{OVERLAY}.bit" if files else None,
            "bitfile_sha256": files.sha256 if files else None,
        }
    )
    return figures.write(folder / "bitstream.json") | {"dry_run": False}


def overlay_interface(network: Chain) -> OverlayInterface:
    """How the board's processor reaches the overlay of this network: registers as the one table has them."""
    from hw.fpga.pynq.project import CORE_CELL, DMA_CELL, LENGTH_BITS  # noqa: PLC0415 - Numba
    from hw.generator.registers import REGISTERS  # noqa: PLC0415

    (clear,) = (field for field in REGISTERS["control"].fields if field.name == "clear_counters")
    magic = REGISTERS["magic"].value
    assert magic is not None
    return OverlayInterface(
        input_bytes=math.prod(network.input.shape),
        dma=DMA_CELL,
        core=CORE_CELL,
        length_bits=LENGTH_BITS,
        network_hash=network.hash,
        magic=magic,
        registers={name: register.address for name, register in REGISTERS.items()},
        clear_counters=1 << clear.bit,
    )


def _show_bitstream(run: RunFolder, figures: dict[str, Any]) -> None:
    if figures["dry_run"]:
        say(f"project: {figures['project']}")
        for missing in figures["missing"]:
            say(f"missing: {missing}")
        for command in figures["commands"]:
            say(f"cd {figures['project']} && {command}")
        return
    verdict = "met" if figures["met"] else "MISSED"
    say(
        f"pynq bitstream: {figures['board']}, {figures['fmax_mhz']:.1f} MHz by the router, "
        f"{figures['clock_mhz']:g} MHz asked: {verdict}; {figures['frames_per_second']:,.0f} frames/s; "
        f"{figures['luts']:,} LUTs, {figures['bram18']:,} block RAMs of 18 kbit; {figures['seconds']:,.0f} s"
    )
    if figures["bitfile"]:
        say(f"bitstream: {run.path / figures['bitfile']}; what goes to the board is in {run.path / FOLDER / DEPLOY}")
    else:
        say(
            "no bitstream, as it would be wrong at times: "
            f"`askew pynq bitstream --run {run.path} --clock-mhz {max(1, int(figures['fmax_mhz']))}` builds one"
        )


class OverlayResultsOptions(Options):
    """None: it reads what is there."""


def _results(run: RunFolder, _options: OverlayResultsOptions) -> dict[str, Any]:
    """What the board measured with the overlay that was built; written to `pynq/results.json`."""
    network = run.chain()
    folder = run.path / FOLDER
    built = OverlayFigures.of(run.result(f"{FOLDER}/bitstream", network.network()))
    digest = built.bitfile_sha256 if built else None
    measured, stale = board_figures(folder, network.hash, {"sha256": digest} if digest else None)
    way = f"{stale}run `{COMMAND}` on the board, in a copy of {folder / DEPLOY}, and copy board.json back"
    folder.mkdir(exist_ok=True)
    found = {"board": measured, "missing": {} if measured else {"board": way}}
    written = {"network_hash": network.hash, "askew_version": VERSION, **found}
    return OverlayResults.model_validate(written).write(folder / "results.json")


def _show_results(run: RunFolder, figures: dict[str, Any]) -> None:
    say(f"pynq results: {run.path / FOLDER / 'results.json'}")
    board = figures["board"]
    if board:
        say(f"  {board['board']}: {board['frames']:,} frames, {board['mismatches']} mismatches with golden")
    for part, command in figures["missing"].items():
        say(f"  {part}: missing; {command}")


def _prepare(run: RunFolder, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Refuse a board without a Zynq before the run is folded for it."""
    given = with_board_named(run, given)
    if given.get("board") is not None:
        from hw.fpga.pynq.project import Processor  # noqa: PLC0415 - Numba takes a second to import

        Processor.of(board_of_ours(given["board"]))
    return given


def _given(_run: RunFolder, options: OverlayOptions) -> dict[str, str | None]:
    from hw.fpga.pynq.project import scripts  # noqa: PLC0415 - Numba takes a second to import

    total = hashlib.sha256()
    for script in scripts():
        total.update(script.name.encode() + b"\0" + script.read_bytes())
    found: dict[str, str | None] = {**rtl_sources(), "the scripts of this version": total.hexdigest()}
    return found if options.board is None else found | board_fingerprint(options.board)


def _measured(run: RunFolder, _options: OverlayResultsOptions) -> dict[str, str | None]:
    file: Path = run.path / FOLDER / DEPLOY / "board.json"
    return {"what the board measured": sha256(file) if file.is_file() else None}


PYNQ_BITSTREAM = Stage(
    name="pynq bitstream",
    summary="Make our own design a PYNQ overlay with Vivado: DMA, registers, .bit and .hwh; and what the board needs.",
    example="--run runs/tfc --board Pynq-Z2 --dry-run",
    options=OverlayOptions,
    needs=("network", "golden", "folding"),
    first=("fold",),
    prepare=_prepare,
    makes=("overlay", "overlay bitfile"),
    records=lambda options: not options.dry_run,
    run=_bitstream,
    show=_show_bitstream,
    outside=_given,
    refused=no_chain,
)
PYNQ_RESULTS = Stage(
    name="pynq results",
    summary="Read what the board measured with our own overlay.",
    example="--run runs/tfc",
    options=OverlayResultsOptions,
    needs=("network",),
    uses=("overlay",),
    makes=("overlay results",),
    run=_results,
    show=_show_results,
    outside=_measured,
    refused=no_chain,
)
