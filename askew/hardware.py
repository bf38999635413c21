"""A network's hardware: a folding, what the cycle model says of it, its RTL, and frames through that."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from fractions import Fraction
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bnn.chain import Chain, as_chain
from bnn.errors import UserError
from bnn.folding import Folding, LayerFolding, load_folding
from bnn.network import Network
from flow.stages.hardware import build_folder, simulated_design
from flow.stages.limits import input_limit
from hw.boards import board as boards
from hw.boards.board import DEFAULT_UTILIZATION, Board
from hw.cycles import Prediction, predict_cycles
from hw.generator import DEFAULT_CLOCK_MHZ, Design
from hw.rtlsim import Effort, RtlResult, simulate_design
from hw.solver import FoldedDesign, fold_for_latency, fold_for_max_rate, fold_for_rate
from hw.units import Pipeline, PopcountStyle


def load_board(name_or_path: str | PathLike[str]) -> Board:
    """Read a shipped board by its name (case, spaces, - and _ do not matter), or a board's own ``.toml`` file.

    Raises:
        UserError: there is no such board, or the file cannot be used; the message lists the boards.
    """
    return boards.load_board(str(name_or_path))


def fold(
    network: Network,
    board: Board | str | PathLike[str] | None = None,
    *,
    target_fps: float | None = None,
    latency: bool = False,
    folding: Folding | Mapping[str, LayerFolding] | str | PathLike[str] | None = None,
    clock_mhz: float | None = None,
    utilization: float = DEFAULT_UTILIZATION,
    input_roof: bool = True,
) -> FoldedDesign:
    """Choose PE and SIMD of every layer for a goal, or take them; size the buffers, and count cycles and resources.

    Without ``target_fps``, ``latency`` or ``folding`` the goal is the most frames a second.

    Args:
        network: what to fold.
        board: what the design may take: a name, a ``.toml`` file or a ``Board``. Only a ``folding`` can do without.
        target_fps: at least so many frames a second, in the fewest LUTs.
        latency: the least latency of one frame.
        folding: no choice but this: a ``Folding``, layer name to ``LayerFolding``, a file, or a shipped folding's name.
        clock_mhz: of the design; None takes the board's usual clock. A rate is a promise at this clock alone.
        utilization: share of the board that the solver may take, above 0 and up to 1. A given ``folding`` may take all.
        input_roof: the most frames a second are no more than the board's memory can bring.

    Returns:
        ``folding``; ``frame_ii`` and ``latency_cycles`` in cycles, exact; ``resources`` (LUTs, flip-flops, block RAMs
        of 18 kbit, estimated); ``dataflow``, the units with their buffers; ``describe(board, clock_mhz)``.

    Raises:
        UserError: a network that is no chain of layers, goals that contradict each other, a number out of range, an
            unknown board, a folding that the network cannot have, or a board that does not hold it; the message says
            by how much.
    """
    goals = {"target_fps": target_fps is not None, "latency": latency, "folding": folding is not None}
    if sum(goals.values()) > 1:
        raise UserError(f"fold: {' and '.join(name for name, given in goals.items() if given)} exclude each other")
    _check_positive(clock_mhz=clock_mhz, target_fps=target_fps)
    if not 0 < utilization <= 1:
        raise UserError(f"fold: utilization ({utilization}) must be above 0 and at most 1")
    chosen = board if isinstance(board, Board) or board is None else load_board(board)
    chain = as_chain(network)
    if folding is not None:
        return _folded(chain, chosen, folding, clock_mhz)
    if chosen is None:
        raise UserError(f"fold: give the board to fold for, one of {', '.join(boards.board_names())}, or a .toml file")
    clock = chosen.clock_mhz if clock_mhz is None else clock_mhz
    share = chosen.share(utilization)
    if target_fps is not None:
        return fold_for_rate(chain, share, target_fps, clock)
    if latency:
        return fold_for_latency(chain, share, clock_mhz=clock)
    roof = input_limit(chain, chosen, clock) if input_roof else None
    return fold_for_max_rate(chain, share, roof.cycles if roof else Fraction(0), clock_mhz=clock)


def _folded(
    network: Chain,
    board: Board | None,
    given: Folding | Mapping[str, LayerFolding] | str | PathLike[str],
    clock_mhz: float | None,
) -> FoldedDesign:
    if isinstance(given, Folding):
        folding = Folding.of(network, given.layers)
    elif isinstance(given, Mapping):
        folding = Folding.of(network, given)
    else:
        folding = load_folding(str(given), network)
    style = PopcountStyle.for_family(board.family if board else "generic")
    clock = clock_mhz or (board.clock_mhz if board else DEFAULT_CLOCK_MHZ)
    design = FoldedDesign.of(network, folding, style, Pipeline.for_clock(style, clock))
    if board:
        design.verify(board)
    return design


def predict(folded: FoldedDesign, frames: int | None = None) -> Prediction:
    """Ask the cycle model, which is exact: what Verilator counts is what it says.

    Args:
        folded: the design.
        frames: of the run from reset whose labels and units are described, at least 2; None: as few as show the steady
            state.

    Returns:
        ``latency_cycles``, ``frame_ii_cycles``, ``label_cycles`` and every unit's busy, blocked and starved cycles.

    Raises:
        UserError: fewer than 2 frames.
    """
    if frames is not None and frames < 2:
        raise UserError(f"predict: frames ({frames}) must be at least 2")
    return predict_cycles(folded.dataflow, frames)


def rtl(folded: FoldedDesign, folder: str | PathLike[str], *, clock_mhz: float = DEFAULT_CLOCK_MHZ) -> Path:
    """Write the design's SystemVerilog, memory files, file list, constraints and manifest.

    Args:
        folded: the design.
        folder: where; a design that is there is replaced, and only by a whole one.
        clock_mhz: for the constraints and the manifest.

    Returns:
        The folder.

    Raises:
        UserError: the folder holds something else than a design, or the clock is not above 0.
    """
    _check_positive(clock_mhz=clock_mhz)
    Design(folded.network, folded.folding, folded.dataflow, clock_mhz).write(Path(folder))
    return Path(folder)


def rtlsim(
    folded: FoldedDesign,
    images: NDArray[np.uint8],
    *,
    stall: float = 0.0,
    seed: int = 0,
    threads: int = 1,
    trace: str | PathLike[str] | None = None,
    build_dir: str | PathLike[str] | None = None,
) -> RtlResult:
    """Stream frames through the design's RTL in Verilator, cycle by cycle.

    The popcounts of a very wide design are simulated as plain sums, which compile in seconds instead of many minutes
    and give the same bits in the same cycles (proved); ``popcount`` of the result says which they were.

    Args:
        folded: the design.
        images: (n, H, W, C) uint8, n at least 1. Fewer than three are repeated, to measure the initiation interval.
        stall: probability, 0 or more and below 1, that a stream is closed in a cycle; cycles are then those of a
            stalled design.
        seed: of the stalls.
        threads: independent copies of the design, each with a part of the frames.
        trace: write a waveform (FST) of the first frame there.
        build_dir: where executables are kept; None: the folder that `askew rtlsim` uses.

    Returns:
        ``scores`` (n, classes) int32, ``labels`` (n,), ``latency_cycles``, ``frame_ii_cycles``, ``label_cycles`` and
        every unit's cycles, as ``predict`` gives them.

    Raises:
        UserError: no Verilator or C++ compiler, images that do not fit, numbers out of range, or a stuck stream.
    """
    delivered = Design(folded.network, folded.folding, folded.dataflow)
    design = dataclasses.replace(simulated_design(delivered), stall_gates=stall > 0)
    return simulate_design(
        design,
        images,
        build_dir=build_folder() if build_dir is None else Path(build_dir),
        stall=stall,
        seed=seed,
        threads=threads,
        trace_path=None if trace is None else Path(trace),
        effort=Effort.for_cycles(design.dataflow.bottleneck_cycles * len(images)),
    )


def _check_positive(**numbers: float | None) -> None:
    for name, number in numbers.items():
        if number is not None and not 0 < number < math.inf:
            raise UserError(f"{name} ({number}) must be a number above 0")
