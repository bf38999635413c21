"""The boards that FINN knows, by their name however it is written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from finn_build.errors import FinnError

LICENSED_DEVICES = ("xczu9eg", "xczu28dr", "xczu48dr")  # Vivado's free edition does not build for these


class Shell(Enum):
    """What FINN puts around the accelerator; the values are FINN's."""

    ZYNQ = "vivado_zynq"
    ALVEO = "vitis_alveo"


@dataclass(frozen=True)
class FinnBoard:
    """One board as FINN knows it.

    Attributes:
        name: FINN's spelling.
        part: the FPGA's full part name.
        shell: None where FINN can estimate but has nothing to put around the accelerator.
    """

    name: str
    part: str
    shell: Shell | None

    @property
    def needs_licence(self) -> bool:
        """Whether Vivado's free edition cannot build for its device; False where that is not certain."""
        return self.part.startswith(LICENSED_DEVICES)


def finn_boards() -> tuple[FinnBoard, ...]:
    """Every board that the installed FINN knows, in its order."""
    from finn.util.basic import alveo_part_map, part_map, pynq_part_map  # noqa: PLC0415 - takes a second to import

    shells = dict.fromkeys(pynq_part_map, Shell.ZYNQ) | dict.fromkeys(alveo_part_map, Shell.ALVEO)
    return tuple(FinnBoard(name, part, shells.get(name)) for name, part in part_map.items())


def find_board(name: str) -> FinnBoard:
    """The board of that name; case, spaces, ``-`` and ``_`` do not matter. FinnError lists all boards."""
    boards = finn_boards()
    for board in boards:
        if _plain(board.name) == _plain(name):
            return board
    raise FinnError(f"board {name!r}: FINN does not know it; its boards: {', '.join(board.name for board in boards)}")


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]", "", name).lower()
