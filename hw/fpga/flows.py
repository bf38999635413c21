"""The flows, one file each, and which of them a board needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hw.boards.board import Board
from hw.fpga import ecp5, openxc7, vivado
from hw.fpga.chip import Chip
from hw.fpga.programs import FpgaError
from hw.fpga.result import Implementation, Used


@dataclass(frozen=True)
class Flow:
    """One way from SystemVerilog to a placed and routed chip.

    Attributes:
        name: as ``--flow`` calls it.
        families: of boards that it builds for.
        implement: does it.
        counts: tables, flip-flops and block RAMs of 18 kbit, of what the tool says is used.
    """

    name: str
    families: tuple[str, ...]
    implement: Callable[[Chip, Path, Path, Sequence[int], Callable[[str], None]], Implementation]
    counts: Callable[[Mapping[str, Used]], tuple[int, int, int]]


FLOWS = (
    Flow(ecp5.FLOW, ("ecp5",), ecp5.implement, ecp5.counts),
    Flow(vivado.FLOW, ("xc7", "zynquplus"), vivado.implement, vivado.counts),
    Flow(openxc7.FLOW, ("xc7",), openxc7.implement, openxc7.counts),
)


def find_flow(board: Board, name: str | None) -> Flow:
    """The flow of that name, or the first for the board's family.

    Raises:
        FpgaError: there is none of that name, or none for the family.
    """
    fitting = [flow for flow in FLOWS if board.family in flow.families]
    if name is not None and name not in {flow.name for flow in FLOWS}:
        raise FpgaError(f"implement: --flow {name}: unknown, must be one of {', '.join(flow.name for flow in FLOWS)}")
    if not fitting:
        known = ", ".join(sorted({family for flow in FLOWS for family in flow.families}))
        raise FpgaError(
            f"implement: board {board.name} is of family {board.family}, for which there is no flow; there is one for "
            f"{known}"
        )
    chosen = [flow for flow in fitting if name in (None, flow.name)]
    if not chosen:
        raise FpgaError(
            f"implement: --flow {name} builds nothing for {board.name}, which is of family {board.family}; use "
            f"{' or '.join(flow.name for flow in fitting)}"
        )
    return chosen[0]
