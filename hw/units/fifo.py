"""``stream_fifo``: holds beats."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from hw.units import handshakes
from hw.units.cost import Resources, counter_bits, lut_ram_luts
from hw.units.specification import Draw, Numbers
from hw.units.unit import Memories, Parameters, Stream, Timing, Unit

HOLD_BEATS = 2
"""What keeps beats flowing: with one, a FIFO takes a beat every second cycle."""

HOLD_SUFFIX = "_hold"
"""Ends the name of a FIFO between a width converter and a matrix that keeps each beat for several steps."""


@dataclass(frozen=True, eq=False)
class Fifo(Unit):
    """Holds ``depth`` beats."""

    kind: ClassVar[str] = "stream_fifo"
    passes_on: ClassVar[bool] = True
    lint: ClassVar[Mapping[str, Sequence[Parameters]]] = {kind: ({"DEPTH": 1}, {"DEPTH": 5})}
    samples: ClassVar[Mapping[str, str]] = {
        kind: "width=1 depth=2; width=8 depth=2; width=8 depth=16; width=8 depth=33; width=32 depth=32; "
        "width=32 depth=64; width=16 depth=100; width=4 depth=200; width=64 depth=12; width=1 depth=400"
    }

    depth: int

    def parameters(self) -> dict[str, int | str]:
        """Bits of a beat and depth."""
        return {"WIDTH": self.input.width, "DEPTH": self.depth}

    def side_outputs(self) -> dict[str, int]:
        """How many beats it holds."""
        return {"level_o": self.depth.bit_length()}

    @property
    def timing(self) -> Timing:
        """By its depth."""
        return Timing(handshakes.FIFO, (self.depth,))

    def resources(self) -> Resources:
        """LUT RAM."""
        address = counter_bits(self.depth)
        luts = lut_ram_luts(self.input.width + 1, self.depth) + 5 + round(4.8 * address)
        return Resources(luts, 3 + round(3.9 * address))

    @property
    def buffer_beats(self) -> int:
        """Its depth."""
        return self.depth

    @property
    def ample_beats(self) -> int:
        """A frame, unless it only has to keep beats flowing."""
        return HOLD_BEATS if self.name.endswith(HOLD_SUFFIX) else max(HOLD_BEATS, self.input.beats)

    @classmethod
    def specify(cls, numbers: Numbers) -> tuple[Fifo, Memories]:
        """``width``, ``depth``."""
        stream = Stream(numbers("width"), 1, 1)
        return cls(numbers.name, "layer", stream, stream, numbers("depth")), {}

    @classmethod
    def drawn(cls, draw: Draw) -> Iterator[str]:
        """Any size."""
        yield f"{cls.kind} width={draw.rng.randrange(1, 50)} depth={draw.rng.randrange(2, 150)}"
