"""``registers.toml``, read and checked."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from pathlib import Path
from typing import Any

from bnn import UserError

TABLE = Path(__file__).parent / "registers.toml"


class RegisterMapError(UserError):
    """A table of registers that cannot be."""


class Access(Enum):
    """What reading and writing do."""

    READ = "read"
    WRITE = "write"
    CLEAR = "clear"


@dataclass(frozen=True)
class Field:
    """One bit of a register."""

    name: str
    bit: int
    meaning: str


@dataclass(frozen=True)
class Register:
    """One register of 32 bits, or several of one name.

    Attributes:
        name: lower case.
        address: of the first, in bytes.
        access: what reading and writing do.
        meaning: in words.
        words: how many of this name lie one after the other.
        counter: counts events modulo 2^32.
        value: what it always holds, or None.
        fields: its bits, where they mean something each.
    """

    name: str
    address: int
    access: Access
    meaning: str
    words: int = 1
    counter: bool = False
    value: int | None = None
    fields: tuple[Field, ...] = ()

    @property
    def addresses(self) -> range:
        """Byte addresses of all its words."""
        return range(self.address, self.address + 4 * self.words, 4)


def read_table(path: Path = TABLE) -> tuple[int, tuple[Register, ...]]:
    """Bits of an address, and the registers in the order of their addresses.

    Raises:
        RegisterMapError: a key is missing or unknown, or registers overlap, are out of order or out of range.
    """
    described = tomllib.loads(path.read_text(encoding="utf-8"))
    try:
        bits = int(described["address_bits"])
        registers = tuple(_register(entry) for entry in described["register"])
    except (KeyError, TypeError, ValueError) as error:
        raise RegisterMapError(f"{path}: {error!r}; see the comment at its top for what a register has") from error
    for register in registers:
        if register.address % 4 or register.addresses[-1] >= 1 << bits:
            raise RegisterMapError(
                f"{path}: {register.name} at {register.address:#x} must lie at a multiple of 4 below {1 << bits:#x}"
            )
    for before, after in pairwise(registers):
        if after.address <= before.addresses[-1]:
            raise RegisterMapError(
                f"{path}: {after.name} at {after.address:#x} must lie behind {before.name}, "
                f"which ends at {before.addresses[-1]:#x}"
            )
    counters = [register for register in registers if register.counter]
    if any(after.address != before.address + 4 for before, after in pairwise(counters)):
        raise RegisterMapError(f"{path}: counters must lie one after the other, without gaps")
    return bits, registers


def _register(entry: dict[str, Any]) -> Register:
    rest = dict(entry)
    fields = tuple(Field(**field) for field in rest.pop("field", ()))
    return Register(access=Access(rest.pop("access")), fields=fields, **rest)


ADDRESS_BITS, _REGISTERS = read_table()
REGISTERS: dict[str, Register] = {register.name: register for register in _REGISTERS}
"""By name, in the order of their addresses."""
