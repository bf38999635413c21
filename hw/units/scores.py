"""``score_map``: accumulators to scores, by a table a channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bnn import MatrixLayer
from hw.units import handshakes
from hw.units.cost import Resources, counter_bits
from hw.units.memory import field_bits
from hw.units.rom import bram18_count, rom_luts
from hw.units.specification import Numbers
from hw.units.unit import MEMORY_FILE, Memories, Parameters, Stream, Timing, Unit, signed_bits

LUT_ROM_BITS = 12_000
"""Up to about this size Yosys makes LUTs of a table."""


@dataclass(frozen=True, eq=False)
class ScoreMap(Unit):
    """The last layer's accumulators to scores, by a table of ``entries`` a channel."""

    kind: ClassVar[str] = "score_map"
    lint: ClassVar[Mapping[str, Sequence[Parameters]]] = {
        kind: (
            {"PE": 2, "NEURON_FOLD": 5, "ENTRIES": 17, "TABLE_FILE": MEMORY_FILE},
            {"TABLE_FILE": MEMORY_FILE, "ENTRIES": 9},
        )
    }
    samples: ClassVar[Mapping[str, str]] = {
        kind: "pe=1 beats=10 entries=65 bits=12; pe=2 beats=5 entries=65 bits=8; "
        "pe=10 beats=1 entries=65 bits=12; pe=5 beats=2 entries=257 bits=16; pe=1 beats=10 entries=513 bits=16"
    }

    entries: int

    def parameters(self) -> dict[str, int | str]:
        """The table's sizes and file."""
        return {
            "PE": self.input.lanes,
            "NEURON_FOLD": self.input.beats,
            "ACC_W": self.input.bits,
            "SCORE_W": self.output.bits,
            "TABLE_FILE": f'"{self.memory_file("table")}"',
            "ENTRIES": self.entries,
        }

    def memories(self, layer: MatrixLayer, value_range: tuple[int, int] | None) -> Memories:
        """(NF * ENTRIES, PE * SCORE_W) bits: word nf * ENTRIES + a holds the scores of accumulator a."""
        assert layer.score_table is not None
        table = layer.score_table.astype(np.int64).reshape(self.input.beats, self.input.lanes, self.entries)
        words = table.transpose(0, 2, 1).reshape(-1, self.input.lanes)
        return {"table": field_bits(words, self.output.bits)}

    @property
    def timing(self) -> Timing:
        """A register."""
        return Timing(handshakes.REGISTER)

    def resources(self) -> Resources:
        """A ROM a lane."""
        lanes, bits, words = self.input.lanes, self.output.bits, self.entries * self.input.beats
        address = counter_bits(words)
        if words * bits > LUT_ROM_BITS:
            return Resources(lanes * address + 4 * address, 2 * address, lanes * bram18_count(bits, words))
        luts = lanes * rom_luts(bits, words) + 2 * address
        return Resources(luts, lanes * bits + address * (self.input.beats > 1) + 2)

    @classmethod
    def specify(cls, numbers: Numbers) -> tuple[ScoreMap, Memories]:
        """``pe``, ``beats`` of a frame, ``entries`` of a table, ``bits`` of a score."""
        lanes, beats, entries, bits = numbers("pe"), numbers("beats"), numbers("entries"), numbers("bits")
        stream = Stream(lanes, signed_bits(0, entries - 1), beats)
        unit = cls(numbers.name, "layer", stream, Stream(lanes, bits, beats), entries)
        # What such a table is for: rising scores, a slope and an offset a channel.
        slope = numbers.rng.normal(1, 0.3, (lanes * beats, 1))
        offset = numbers.rng.normal(0, entries / 8, (lanes * beats, 1))
        scores = (slope * (np.arange(entries) - entries / 2) + offset) * (2 ** (bits - 2) / entries)
        table = scores.round().astype(np.int64).clip(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        words = table.reshape(beats, lanes, entries).transpose(0, 2, 1).reshape(-1, lanes)
        return unit, {"table": field_bits(words, bits)}
