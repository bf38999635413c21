"""``label_select``: the class with the highest score."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from hw.units import handshakes
from hw.units.cost import Resources, counter_bits
from hw.units.pipeline import DEFAULT_PIPELINE, Pipeline, spread
from hw.units.popcount import PopcountStyle
from hw.units.specification import Draw, Numbers
from hw.units.unit import Memories, Parameters, Stream, Timing, Unit

COMPARISON_LEVELS, SLOW_COMPARISON_LEVELS = 3, 4
"""Levels of logic of a comparison: a carry chain, the wires from its end to a multiplexer a bit, and that. One more on
ECP5, where the way out of a carry chain is long."""


@dataclass(frozen=True, eq=False)
class LabelSelect(Unit):
    """The class with the highest score."""

    kind: ClassVar[str] = "label_select"
    lint: ClassVar[Mapping[str, Sequence[Parameters]]] = {
        kind: (
            {"PE": 5},
            {"PE": 10},
            {"CLASSES": 1},
            {"CLASSES": 12, "PE": 3, "LABEL_W": 8},
            {"CLASSES": 12, "PE": 6, "STAGES": 3},
            {"PE": 10, "STAGES": 1},
        )
    }
    samples: ClassVar[Mapping[str, str]] = {
        kind: "classes=10 pe=1 bits=8; classes=10 pe=10 bits=8; classes=10 pe=2 bits=12; "
        "classes=10 pe=5 bits=11; classes=100 pe=4 bits=10; classes=4 pe=4 bits=16; classes=2 pe=1 bits=6"
    }

    pipeline: Pipeline = DEFAULT_PIPELINE

    @property
    def comparisons(self) -> int:
        """One after the other in the last beat of a frame: in the tree over its lanes, then with the best so far."""
        return (self.input.lanes - 1).bit_length() + (self.input.beats > 1)

    @property
    def stages(self) -> int:
        """Registers between them, without that of the output."""
        is_slow = self.pipeline.style is PopcountStyle.CARRY
        each = SLOW_COMPARISON_LEVELS if is_slow else COMPARISON_LEVELS
        return self.pipeline.registers([each] * self.comparisons) - 1 if self.comparisons else 0

    def parameters(self) -> dict[str, int | str]:
        """Scores and label."""
        return {
            "CLASSES": self.input.elements,
            "PE": self.input.lanes,
            "SCORE_W": self.input.bits,
            "LABEL_W": self.output.bits,
            "STAGES": self.stages,
        }

    def side_outputs(self) -> dict[str, int]:
        """The score of that class."""
        return {"score_o": self.input.bits}

    @property
    def timing(self) -> Timing:
        """By the beats of a frame, and the registers on their way."""
        return Timing(handshakes.LABEL, (self.input.beats, self.stages, (1 << self.stages) - 1))

    def resources(self) -> Resources:
        """A comparator and a multiplexer for every lane but one, and for the best so far."""
        score, lanes, label = self.input.bits, self.input.lanes, self.output.bits
        several = self.input.beats > 1
        luts = (lanes - 1) * (1.65 * score + 2.2) + 1.9 * score * several
        lane, ffs = counter_bits(lanes), 2 + score + label * (1 + several)
        registers = spread(self.comparisons, self.stages + 1)[:-1] if self.comparisons else []
        for level, count in enumerate(registers, 1):
            ffs += count * (-(-lanes // 2**level) * (score + lane) + 2)
        return Resources(round(luts), ffs)

    @classmethod
    def specify(cls, numbers: Numbers) -> tuple[LabelSelect, Memories]:
        """``classes``, ``pe``, ``bits`` of a score."""
        classes, lanes, bits = numbers("classes"), numbers("pe"), numbers("bits")
        assert classes % lanes == 0
        label = Stream(1, max(1, (classes - 1).bit_length()), 1)
        return cls(numbers.name, None, Stream(lanes, bits, classes // lanes), label), {}

    @classmethod
    def drawn(cls, draw: Draw) -> Iterator[str]:
        """As many classes as a matrix is high."""
        yield f"{cls.kind} classes={draw.mh} pe={draw.fold(draw.mh, 8)} bits={draw.rng.randrange(6, 14)}"
