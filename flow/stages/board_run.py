"""The stage that sends golden frames to a board on a serial port, and holds what comes back to golden."""

from __future__ import annotations

from typing import Any

import numpy as np

from bnn.classes import classes_of
from bnn.errors import UserError
from bnn.files import write_figures
from bnn.version import VERSION
from flow.ladder.compare import Comparison, accuracy
from flow.run.figures import ImplementFigures
from flow.run.folder import RunError, RunFolder, same_hash
from flow.run.progress import progress_bar
from flow.stages.chains import no_chain
from flow.stages.options import Kind, Options, option
from flow.stages.stage import Stage
from flow.stages.words import say

DEFAULT_FRAMES = 100


class BoardRunOptions(Options):
    """Where the board is, and how many frames it gets."""

    port: str | None = option(None, "The serial port, such as /dev/ttyUSB0.", kind=Kind.WHERE)
    frames: int | None = option(None, "Golden frames; default: 100.", ge=1)
    baud: int | None = option(None, "Instead of the bitstream's.", unit="bits/s", kind=Kind.PASSING, ge=1)


def _board_run(run: RunFolder, options: BoardRunOptions) -> dict[str, Any]:
    """Golden frames through a board; written to `fpga/board.json` and returned."""
    from hw.boards.rates import frames_per_second  # noqa: PLC0415
    from hw.rtlsim.simulation import scores_of_stream  # noqa: PLC0415 - Numba takes a second to import
    from hw.uart.client import Client  # noqa: PLC0415
    from hw.uart.port import SerialPort  # noqa: PLC0415

    if options.port is None:
        raise UserError("board run: give the serial port that the board is on, such as --port /dev/ttyUSB0")
    chain = run.chain()
    network = chain.network()
    golden = run.golden(network, options.frames or DEFAULT_FRAMES)
    implemented = ImplementFigures.of(run.result("fpga/implement", network))
    if implemented is None or implemented.baud is None:
        raise RunError(f"board run: {run.path}: no implementation with a serial line; run `{run.mending('implement')}`")
    with (
        SerialPort(options.port, options.baud or implemented.baud) as port,
        progress_bar("board run", len(golden)) as progress,
    ):
        client = Client(port)
        same_hash(network.hash, client.identity.network_hash, str(run.network_file), f"the board at {options.port}")
        answers = client.run(golden.images, progress)
    scores = scores_of_stream(chain, answers.scores)
    wrong_labels = answers.labels != classes_of(golden.scores)
    wrong = np.union1d(Comparison.SCORES.mismatching_frames(scores, golden.scores), np.flatnonzero(wrong_labels))
    clock_mhz = client.identity.clock_khz / 1000
    figures = {
        "board": implemented.board,
        "frames": len(golden),
        "mismatches": len(wrong),
        "first_mismatch": int(wrong[0]) if len(wrong) else None,
        "accuracy": accuracy(scores, golden.labels),
        "clock_mhz": clock_mhz,
        "clock_origin": "routed",
        "latency_cycles": int(np.median(answers.cycles)),
        "predicted_latency_cycles": implemented.latency_cycles,
        "frame_ii_cycles": answers.frame_ii_cycles,
        "predicted_frame_ii_cycles": implemented.frame_ii_cycles,
        "frames_per_second": frames_per_second(clock_mhz, 1) / answers.frame_ii_cycles,
        "line_frames_per_second": len(golden) / answers.seconds,
        "round_trip_seconds": answers.round_trip_seconds,
    }
    written = {"network_hash": network.hash, "askew_version": VERSION, **figures}
    write_figures(run.path / "fpga" / "board.json", written)
    return written


def _show(_run: RunFolder, figures: dict[str, Any]) -> None:
    say(
        f"board run: {figures['frames']:,} frames, {figures['mismatches']} mismatches with golden; in the chip a frame "
        f"every {figures['frame_ii_cycles']:,.1f} cycles (predicted {figures['predicted_frame_ii_cycles']:,}), latency "
        f"{figures['latency_cycles']:,} (predicted {figures['predicted_latency_cycles']:,}): "
        f"{figures['frames_per_second']:,.0f} frames/s at {figures['clock_mhz']:g} MHz, routed; over the serial line "
        f"{figures['line_frames_per_second']:,.0f} frames/s, {figures['round_trip_seconds'] * 1000:.1f} ms for one"
    )
    if figures["mismatches"]:
        raise UserError(
            f"board run: {figures['mismatches']} frames differ from golden, the first is {figures['first_mismatch']}; "
            "`askew ladder --rungs top,netlist,routed` says whether the design or the board is wrong"
        )


BOARD_RUN = Stage(
    name="board run",
    summary="Send golden frames to a board on a serial port; count mismatches, measure latency and rate.",
    example="--run runs/tfc --port /dev/ttyUSB0",
    options=BoardRunOptions,
    needs=("network", "golden", "implementation"),
    makes=("board run",),
    run=_board_run,
    show=_show,
    refused=no_chain,
)
