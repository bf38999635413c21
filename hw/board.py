"""Boards: what a design may use, and its usual clock. One TOML file a board, in ``hw/boards`` or the user's own."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from bnn import UserError
from bnn.readers import read_toml

BOARD_FOLDER = Path(__file__).parent / "boards"
MAX_CLOCK_MHZ = 1000.0
MOST = {"luts": 10**8, "ffs": 10**8, "bram36": 10**6, "dsps": 10**6}
"""Ten times what the largest FPGA offers."""


class BoardError(UserError):
    """A board that is not known, or a board file that cannot be used."""


@dataclass(frozen=True)
class Board:
    """What one board offers.

    Attributes:
        name: as its maker writes it.
        part: the FPGA's full part name, as Vivado or nextpnr takes it.
        family: ``xc7``, ``zynquplus``, ``ecp5`` or ``generic``.
        luts: look-up tables, of ``lut_inputs`` inputs each.
        lut_inputs: 4 or 6. Resource estimates count tables of 6 inputs.
        ffs: flip-flops.
        bram36: block RAMs of 36 kbit (two of 18 kbit each).
        dsps: multipliers; binary networks need none.
        clock_mhz: the clock that figures are stated for unless the user says otherwise.
        finn_name: what FINN calls the board; None where FINN does not know it.
    """

    name: str
    part: str
    family: str
    luts: int
    ffs: int
    bram36: int
    dsps: int
    clock_mhz: float
    lut_inputs: int = 6
    finn_name: str | None = None

    @property
    def bram18(self) -> int:
        """Block RAMs of 18 kbit."""
        return 2 * self.bram36

    def share(self, utilization: float) -> Board:
        """A board that offers this share (0..1) of the same: what is left free eases placement and routing."""
        luts, ffs, bram36 = (int(utilization * offered) for offered in (self.luts, self.ffs, self.bram36))
        return replace(self, luts=luts, ffs=ffs, bram36=bram36)


def board_names() -> list[str]:
    """Names of the boards that are shipped, sorted."""
    return sorted(_read(path).name for path in BOARD_FOLDER.glob("*.toml"))


def load_board(name_or_path: str | Path) -> Board:
    """The board of this name (case, spaces, - and _ do not matter) or in this ``.toml`` file.

    Raises:
        BoardError: there is no such board (the message lists all), or the file cannot be used.
    """
    path = Path(name_or_path)
    if path.suffix == ".toml":
        if not path.is_file():
            raise BoardError(f"board file {path}: does not exist; give a file or one of {', '.join(board_names())}")
        return _read(path)
    wanted = _plain(str(name_or_path))
    boards = [_read(path) for path in sorted(BOARD_FOLDER.glob("*.toml"))]
    for board in boards:
        if wanted in (_plain(board.name), _plain(board.finn_name or board.name)):
            return board
    known = ", ".join(sorted(board.name for board in boards))
    raise BoardError(f"board {str(name_or_path)!r} is not known; known: {known}; or give a .toml file of your own")


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]", "", name).lower()


def _read(path: Path) -> Board:
    where = f"board file {path}"
    try:
        table = read_toml(path)
    except (UserError, OSError) as error:
        raise BoardError(f"{where}: cannot be read ({error})") from error
    known = {entry.name for entry in fields(Board)}
    for key in table:
        if key not in known:
            raise BoardError(f"{where}: unknown key {key!r}; known: {', '.join(sorted(known))}")
    values: dict[str, Any] = {}
    for key in ("name", "part", "family"):
        values[key] = _value(where, table, key, str)
    for key, most in MOST.items():
        values[key] = _value(where, table, key, int)
        if not 0 <= values[key] <= most:
            raise BoardError(f"{where}: {key} ({values[key]}) must be at least 0, and at most {most:,}")
    values["clock_mhz"] = float(_value(where, table, "clock_mhz", (int, float)))
    if not 0 < values["clock_mhz"] <= MAX_CLOCK_MHZ:
        raise BoardError(f"{where}: clock_mhz ({values['clock_mhz']}) must lie in 0..{MAX_CLOCK_MHZ}")
    if "lut_inputs" in table:
        values["lut_inputs"] = _value(where, table, "lut_inputs", int)
        if values["lut_inputs"] not in (4, 6):
            raise BoardError(f"{where}: lut_inputs ({values['lut_inputs']}) must be 4 or 6")
    if "finn_name" in table:
        values["finn_name"] = _value(where, table, "finn_name", str)
    return Board(**values)


def _value(where: str, table: dict[str, Any], key: str, kind: type | tuple[type, ...]) -> Any:
    if key not in table:
        raise BoardError(f"{where}: key {key!r} is missing")
    value = table[key]
    if not isinstance(value, kind) or isinstance(value, bool):
        wanted = "a text" if kind is str else "a number" if isinstance(kind, tuple) else "a whole number"
        raise BoardError(f"{where}: {key} ({value!r}) must be {wanted}")
    return value
