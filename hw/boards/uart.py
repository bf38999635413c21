"""A board's serial line to a computer, and the pins beside it: what a design needs to work there by itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bnn import UserError

MAX_BAUD = 20_000_000
_PIN = re.compile(r"[A-Z]{1,2}\d{1,2}")


@dataclass(frozen=True)
class UartPins:
    """The table ``[uart]`` of a board file.

    Attributes:
        clock: pin of the oscillator.
        clock_mhz: its frequency.
        rx: pin on which the FPGA receives.
        tx: pin on which it sends.
        baud: bits a second.
        io_standard: of all these pins.
        reset: pin of a button that is 1 while pressed; None where there is none.
        leds: pins of lamps; the lowest shows that the clock is locked, then busy, error, and the label.
        high: pins that must be driven 1.
        load: command that loads a bitstream, with ``{bit}`` for its file; empty where nobody said.
    """

    clock: str
    clock_mhz: float
    rx: str
    tx: str
    baud: int = 1_000_000
    io_standard: str = "LVCMOS33"
    reset: str | None = None
    leds: tuple[str, ...] = ()
    high: tuple[str, ...] = ()
    load: tuple[str, ...] = ()


def read_uart(where: str, table: Any) -> UartPins:
    """The pins that the table ``[uart]`` of the file ``where`` names.

    Raises:
        UserError: a key is unknown, missing, or of the wrong kind; or two signals share a pin.
    """
    if not isinstance(table, Mapping):
        raise UserError(f"{where}: uart must be a table, [uart]")
    known = set(UartPins.__dataclass_fields__)
    for key in table:
        if key not in known:
            raise UserError(f"{where}: [uart] unknown key {key!r}; known: {', '.join(sorted(known))}")
    for key in ("clock", "clock_mhz", "rx", "tx"):
        if key not in table:
            raise UserError(f"{where}: [uart] key {key!r} is missing")
    values: dict[str, Any] = {key: table[key] for key in ("clock", "rx", "tx", "reset") if key in table}
    values |= {key: _texts(where, table, key) for key in ("leds", "high", "load")}
    _check_pins(where, [values[key] for key in ("clock", "rx", "tx", "reset") if key in values], values)
    values["clock_mhz"] = float(_within(where, table, "clock_mhz", (int, float), 1000))
    if "baud" in table:
        values["baud"] = int(_within(where, table, "baud", (int,), MAX_BAUD))
    standard = table.get("io_standard", UartPins.io_standard)
    if not isinstance(standard, str) or not re.fullmatch(r"\w+", standard):
        raise UserError(f"{where}: [uart] io_standard ({standard!r}) must be a name, such as 'LVCMOS33'")
    return UartPins(**values, io_standard=standard)


def _texts(where: str, table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    entries = table.get(key, [])
    if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
        raise UserError(f"{where}: [uart] {key} ({entries!r}) must be a list of texts")
    return tuple(entries)


def _check_pins(where: str, single: list[Any], values: Mapping[str, Any]) -> None:
    pins = [*single, *values["leds"], *values["high"]]
    for pin in pins:
        if not isinstance(pin, str) or not _PIN.fullmatch(pin):
            raise UserError(f"{where}: [uart] pin {pin!r} must be a pin's name, such as 'G2'")
        if pins.count(pin) > 1:
            raise UserError(f"{where}: [uart] pin {pin!r} is there twice")


def _within(where: str, table: Mapping[str, Any], key: str, kinds: tuple[type[Any], ...], most: float) -> float:
    value: Any = table[key]
    if not isinstance(value, kinds) or isinstance(value, bool) or not 0 < value <= most:
        raise UserError(f"{where}: [uart] {key} ({value!r}) must be a number in 0..{most:,}")
    return float(value)
