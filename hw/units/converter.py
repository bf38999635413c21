"""``width_converter``: regroups elements into beats of another width."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, gcd
from typing import ClassVar

from hw.units import handshakes
from hw.units.cost import Resources, counter_bits
from hw.units.specification import Draw, Numbers
from hw.units.unit import Memories, Parameters, Stream, Timing, Unit


@dataclass(frozen=True, eq=False)
class WidthConverter(Unit):
    """Regroups elements into beats of another width."""

    kind: ClassVar[str] = "width_converter"
    passes_on: ClassVar[bool] = True
    lint: ClassVar[Mapping[str, Sequence[Parameters]]] = {
        kind: (
            {"IN_W": 2, "OUT_W": 8},
            {"IN_W": 8, "OUT_W": 2},
            {"IN_W": 6, "OUT_W": 4},
            {"IN_W": 16, "OUT_W": 49},
        )
    }
    samples: ClassVar[Mapping[str, str]] = {
        kind: "in=1 out=8; in=8 out=1; in=16 out=8; in=8 out=64; in=64 out=8; in=49 out=7; in=8 out=12; "
        "in=12 out=8; in=16 out=24; in=32 out=10; in=5 out=16; in=1 out=64; in=64 out=2; in=32 out=36; in=9 out=8"
    }

    def parameters(self) -> dict[str, int | str]:
        """Bits of a beat on both sides."""
        return {"IN_W": self.input.width, "OUT_W": self.output.width}

    @property
    def _steps(self) -> tuple[int, int]:
        """Its widths in units of what divides both."""
        common = gcd(self.input.width, self.output.width)
        return self.input.width // common, self.output.width // common

    @property
    def timing(self) -> Timing:
        """By what a beat adds, and what one takes away."""
        return Timing(handshakes.CONVERTER, self._steps)

    def resources(self) -> Resources:
        """Shifts up to a wider beat, selects of a wider one, or both where neither width divides."""
        source, sink = self.input.width, self.output.width
        sources, sinks = self._steps
        if sources == sinks:
            return Resources()
        capacity = sources + sinks - 1
        level = capacity.bit_length()
        if sources == 1:
            return Resources(level + 3, sink + level + 1)
        if sinks == 1:
            luts = sink * ceil(sources / 4) + round(5.5 * level)
            return Resources(luts, source + level + 1 + counter_bits(sources))
        selected = 1.0 if max(sources, sinks) <= 3 else 1.6 if min(sources, sinks) <= 2 else 2.3
        bits = capacity * (source // sources)
        return Resources(6 + 3 * level + round(selected * bits), bits + level + 1)

    @classmethod
    def specify(cls, numbers: Numbers) -> tuple[WidthConverter, Memories]:
        """``in``, ``out``: bits of a beat."""
        source, sink = numbers("in"), numbers("out")
        return cls(numbers.name, "layer", Stream(source, 1, sink), Stream(sink, 1, source)), {}

    @classmethod
    def drawn(cls, draw: Draw) -> Iterator[str]:
        """To a multiple, and between any two widths."""
        yield f"{cls.kind} in={draw.fold(draw.channels, 64)} out={draw.channels}"
        yield f"{cls.kind} in={draw.rng.randrange(2, 20)} out={draw.rng.randrange(2, 20)}"
