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
    pins = [table["clock"], table["rx"], table["tx"]]
    values: dict[str, Any] = {"clock": table["clock"], "rx": table["rx"], "tx": table["tx"]}
    if "reset" in table:
        values["reset"] = table["reset"]
        pins.append(table["reset"])
    for key in ("leds", "high", "load"):
        entries = table.get(key, [])
        if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
            raise UserError(f"{where}: [uart] {key} ({entries!r}) must be a list of texts")
        values[key] = tuple(entries)
        pins += [] if key == "load" else entries
    for pin in pins:
        if not isinstance(pin, str) or not _PIN.fullmatch(pin):
            raise UserError(f"{where}: [uart] pin {pin!r} must be a pin's name, such as 'G2'")
        if pins.count(pin) > 1:
            raise UserError(f"{where}: [uart] pin {pin!r} is there twice")
    values["clock_mhz"] = float(_within(where, table, "clock_mhz", (int, float), 1000))
    if "baud" in table:
        values["baud"] = int(_within(where, table, "baud", (int,), MAX_BAUD))
    if "io_standard" in table:
        if not isinstance(table["io_standard"], str) or not re.fullmatch(r"\w+", table["io_standard"]):
            raise UserError(
                f"{where}: [uart] io_standard ({table['io_standard']!r}) must be a name, such as 'LVCMOS33'"
            )
        values["io_standard"] = table["io_standard"]
    return UartPins(**values)


def _within(where: str, table: Mapping[str, Any], key: str, kinds: tuple[type, ...], most: float) -> float:
    value = table[key]
    if not isinstance(value, kinds) or isinstance(value, bool) or not 0 < value <= most:
        raise UserError(f"{where}: [uart] {key} ({value!r}) must be a number in 0..{most:,}")
    return float(value)
