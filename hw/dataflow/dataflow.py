"""The units of one design in stream order: what generator, cycle model and estimates share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from hw.units import Matrix, Pipeline, PopcountStyle, Unit

FEW_BEATS = 4
"""More than any unit holds in registers that are neither its buffer nor its stages."""


@dataclass(frozen=True)
class Dataflow:
    """Every unit of one design, from the pixels to the label.

    Attributes:
        units: in stream order; each unit's input stream is the output stream of the one before.
        left_out: names of the FIFOs that are left out because they were to hold 0 beats.
    """

    units: tuple[Unit, ...]
    left_out: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for before, after in pairwise(self.units):
            assert before.output == after.input, (
                f"{before.name} gives {before.output}, {after.name} takes {after.input}"
            )

    def __getitem__(self, name: str) -> Unit:
        return self._by_name[name]

    def __iter__(self) -> Iterator[Unit]:
        return iter(self.units)

    @cached_property
    def _by_name(self) -> dict[str, Unit]:
        return {unit.name: unit for unit in self.units}

    @property
    def bottleneck_cycles(self) -> int:
        """Cycles a frame of the slowest unit: no frame initiation interval is shorter."""
        return max(unit.cycles for unit in self.units)

    @property
    def frames_in_flight(self) -> int:
        """Frames between the pixels and the label that there can be at most: a power of two, of 16 at least.

        What a unit holds is the beats in its buffer and those in its registers, of which it has a few and its stages.
        """
        held = sum(
            -(-(unit.buffer_beats + unit.stages + FEW_BEATS) // min(unit.input.beats, unit.output.beats))
            for unit in self.units
        )
        return max(16, 1 << (held - 1).bit_length())

    @property
    def popcount(self) -> PopcountStyle:
        """How the matrices count bits."""
        return next(unit.popcount for unit in self.units if isinstance(unit, Matrix))

    @property
    def pipeline(self) -> Pipeline:
        """How much logic may stand between two registers."""
        return next(unit.pipeline for unit in self.units if isinstance(unit, Matrix))

    @property
    def xnors(self) -> int:
        """XNORs that all matrices of bits have side by side, each with its part of a popcount."""
        return sum(unit.xnors for unit in self.units)

    @property
    def buffers(self) -> dict[str, int]:
        """Unit name to the beats that its buffer holds, where there is a choice: what builds the same design again."""
        built = {unit.name: unit.buffer_beats for unit in self.units if unit.buffer_beats}
        return built | dict.fromkeys(self.left_out, 0)
