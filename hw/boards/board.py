"""Boards: what a design may use, and its usual clock. One TOML file a board, in ``hw/boards`` or the user's own."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from bnn import UserError
from bnn.readers import read_toml
from hw.boards.rates import clock_hz
from hw.boards.uart import UartPins, read_uart

BOARD_FOLDER = Path(__file__).parent
MAX_CLOCK_MHZ = 1000.0
MOST = {"luts": 10**8, "ffs": 10**8, "bram36": 10**6, "dsps": 10**6}
"""Ten times what the largest FPGA offers."""
MAX_PORT_BITS = 1 << 16
MAX_MEMORY_MB_PER_S = 1e7
DEFAULT_UTILIZATION = 0.7
"""Share of a board that a design may take. Xilinx advises at most 70 % of the LUTs for designs that are to meet their
timing (UltraFast Design Methodology, UG949; FINN's `finn.util.platforms` has the same limit). The rest also holds the
shell around the design: DMA and interconnect, some thousands of LUTs."""


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
        port_bits: bits a cycle of the design's clock that the fabric's port to the memory reads; None where unknown.
        memory_mb_per_s: millions of bytes a second that the memory gives at most; None where unknown.
        uart: the pins with which a design works there by itself; None where nobody said.
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
    port_bits: int | None = None
    memory_mb_per_s: float | None = None
    uart: UartPins | None = None

    @property
    def bram18(self) -> int:
        """Block RAMs of 18 kbit."""
        return 2 * self.bram36

    def share(self, utilization: float) -> Board:
        """A board that offers this share (0..1) of the same: what is left free eases placement and routing."""
        offered = (self.luts, self.ffs, self.bram36, self.dsps)
        luts, ffs, bram36, dsps = (int(Fraction(repr(float(utilization))) * count) for count in offered)
        return replace(self, luts=luts, ffs=ffs, bram36=bram36, dsps=dsps)

    def input_bytes_per_second(self, clock_mhz: float, port_bits: int | None = None) -> Fraction | None:
        """What can be read from the board's memory at most, through one port; None where the board does not say.

        Args:
            clock_mhz: the port's clock, which is the design's.
            port_bits: of the port that are used; None for all.
        """
        width = port_bits or self.port_bits
        limits = [] if width is None else [clock_hz(clock_mhz) * width / 8]
        if self.memory_mb_per_s is not None:
            limits.append(Fraction(repr(self.memory_mb_per_s)) * 1_000_000)
        return min(limits, default=None)


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
    values["clock_mhz"] = _number(where, table, "clock_mhz", MAX_CLOCK_MHZ)
    if "lut_inputs" in table:
        values["lut_inputs"] = _value(where, table, "lut_inputs", int)
        if values["lut_inputs"] not in (4, 6):
            raise BoardError(f"{where}: lut_inputs ({values['lut_inputs']}) must be 4 or 6")
    if "finn_name" in table:
        values["finn_name"] = _value(where, table, "finn_name", str)
    if "port_bits" in table:
        values["port_bits"] = _value(where, table, "port_bits", int)
        if not 8 <= values["port_bits"] <= MAX_PORT_BITS:
            raise BoardError(f"{where}: port_bits ({values['port_bits']}) must lie in 8..{MAX_PORT_BITS}")
    if "memory_mb_per_s" in table:
        values["memory_mb_per_s"] = _number(where, table, "memory_mb_per_s", MAX_MEMORY_MB_PER_S)
    return Board(**values, uart=_uart(where, table))


def _uart(where: str, table: dict[str, Any]) -> UartPins | None:
    try:
        return read_uart(where, table["uart"]) if "uart" in table else None
    except UserError as error:
        raise BoardError(str(error)) from None


def _number(where: str, table: dict[str, Any], key: str, highest: float) -> float:
    number = float(_value(where, table, key, (int, float)))
    if not 0 < number <= highest:
        raise BoardError(f"{where}: {key} ({number}) must lie in 0..{highest}")
    return number


def _value(where: str, table: dict[str, Any], key: str, kind: type | tuple[type, ...]) -> Any:
    if key not in table:
        raise BoardError(f"{where}: key {key!r} is missing")
    value = table[key]
    if not isinstance(value, kind) or isinstance(value, bool):
        wanted = "a text" if kind is str else "a number" if isinstance(kind, tuple) else "a whole number"
        raise BoardError(f"{where}: {key} ({value!r}) must be {wanted}")
    return value
