"""``input_quantizer``: pixels to bits or integers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from math import gcd
from typing import ClassVar

import numpy as np

from bnn import Encode
from hw.units import handshakes
from hw.units.cost import Resources, counter_bits
from hw.units.rom import rom_luts
from hw.units.specification import Numbers
from hw.units.unit import Memories, Parameters, Stream, Timing, Unit, literal, package_name


class Conversion(Enum):
    """What becomes of a pixel."""

    THRESHOLD = "a comparison"
    TABLE = "an entry of a table"
    PIXEL = "the pixel itself"
    THRESHOLDS = "a comparison for each channel"
    TABLES = "an entry of a table for each channel"


@dataclass(frozen=True, eq=False)
class Quantizer(Unit):
    """Pixels to bits or integers."""

    kind: ClassVar[str] = "input_quantizer"
    melts: ClassVar[bool] = True  # into the frame guard, which needs no gates for the bits of a pixel that it drops
    lint: ClassVar[Mapping[str, Sequence[Parameters]]] = {
        kind: (
            {"N": 3, "PIXEL": 0},
            {"N": 3, "PIXEL": 256},
            {"N": 2, "KIND": "QuantizerTable", "OUT_W": 9},
            {"N": 2, "KIND": "QuantizerPixel", "OUT_W": 4},
            {"N": 2, "KIND": "QuantizerPixel", "OUT_W": 8},
            {"N": 2, "KIND": "QuantizerThresholds", "PERIOD": 3},
            {"N": 3, "KIND": "QuantizerThresholds"},
            {"N": 2, "KIND": "QuantizerTables", "OUT_W": 9, "PERIOD": 3},
            {"N": 3, "KIND": "QuantizerTables", "OUT_W": 1},
        )
    }
    samples: ClassVar[Mapping[str, str]] = {kind: "n=49 pixel=128; n=16 pixel=77; n=3; n=4 table=1; n=2 table=1 bits=4"}

    encoding: Encode

    @property
    def conversion(self) -> Conversion:
        """A comparison where the table is one, the pixel itself where the table is that, else the table.

        Where channels have tables of their own, comparisons if all are, else tables.
        """
        table = self.encoding.table
        if self.encoding.per_channel:
            is_rising = self.encoding.binary and bool((np.diff(table, axis=1) >= 0).all())
            return Conversion.THRESHOLDS if is_rising else Conversion.TABLES
        if self.encoding.binary:
            return Conversion.THRESHOLD if table[self.pixel :].all() else Conversion.TABLE
        return Conversion.PIXEL if all(int(value) == pixel for pixel, value in enumerate(table)) else Conversion.TABLE

    @property
    def pixel(self) -> int:
        """The lowest pixel that becomes +1, 0 .. 256, where a threshold decides."""
        return 256 - int(self.encoding.table.sum())

    @property
    def period(self) -> int:
        """Beats after which a lane reads the same channel again."""
        channels = len(self.encoding.table) if self.encoding.per_channel else 1
        return channels // gcd(channels, self.input.lanes)

    def parameters(self) -> dict[str, int | str]:
        """Sizes, what becomes of a pixel, and what it is compared with or looked up in."""
        table, bits = self.encoding.table, self.output.bits
        parameters: dict[str, int | str] = {"N": self.input.lanes, "OUT_W": bits}
        parameters["KIND"] = package_name(f"Quantizer{self.conversion.name.capitalize()}")
        if self.encoding.per_channel:
            parameters["PERIOD"] = self.period
            # Lane after lane, what it reads in each beat of a period.
            places = np.arange(self.period) * self.input.lanes + np.arange(self.input.lanes)[:, None]
            table = table[places.reshape(-1) % len(table)]  # (lanes * period, 256)
        match self.conversion:
            case Conversion.THRESHOLD:
                parameters["PIXEL"] = self.pixel
            case Conversion.THRESHOLDS:
                parameters["PIXELS"] = literal(256 - table.sum(axis=1), 9)
            case Conversion.TABLE | Conversion.TABLES:
                parameters[self.conversion.name] = literal(table.reshape(-1), bits)
        return parameters

    @property
    def timing(self) -> Timing:
        """A register."""
        return Timing(handshakes.REGISTER)

    def resources(self) -> Resources:
        """Nothing, a comparator, or four LUTs a bit of table for every pixel.

        Where channels differ, a lane has a table for every beat of a period, or a comparator with a small ROM.
        """
        lanes, bits = self.input.lanes, self.output.bits
        luts = 0
        if self.conversion is Conversion.THRESHOLD:
            pixel = self.pixel
            compared = 8 - ((pixel & -pixel).bit_length() - 1)  # the bits above the lowest 1 decide
            luts = 0 if pixel in (0, 256) or compared == 1 else 1 if compared <= 6 else 3
        elif self.conversion is Conversion.TABLE:
            luts = 4 * bits
        elif self.conversion is Conversion.THRESHOLDS:
            luts = 3 if self.period == 1 else min(2 * self.period, 4 + rom_luts(9, self.period))
        elif self.conversion is Conversion.TABLES:
            luts = 4 * bits * self.period
        counter = counter_bits(self.period) if self.period > 1 else 0
        return Resources(lanes * luts + 2 + 2 * counter, lanes * bits + 2 + counter)

    @classmethod
    def specify(cls, numbers: Numbers) -> tuple[Quantizer, Memories]:
        """``n`` pixels a beat; ``pixel`` to compare with, or ``table`` of ``bits``, or neither; ``channels``."""
        lanes, pixel, bits = numbers("n"), numbers("pixel", 0), numbers("bits", 1)
        channels = numbers("channels", 1)
        shape, size = (1, lanes, channels), (channels, 256)
        if pixel:
            nearby = pixel + numbers.rng.integers(-9, 10, (channels, 1)) * (channels > 1)
            encoding = Encode(shape, (np.arange(256) >= nearby).astype(np.int16), binary=True)
        elif numbers("table", 0):
            high = 2**bits if bits > 1 else 2
            table = numbers.rng.integers(0, high, size).astype(np.int16)
            encoding = Encode(shape, table, binary=bits == 1)
        else:
            encoding, bits = Encode.pixels(shape), 8
        beats = channels // gcd(channels, lanes)
        return cls(numbers.name, None, Stream(lanes, 8, beats), Stream(lanes, bits, beats), encoding), {}
