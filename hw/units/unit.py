"""What every hardware unit is: its streams, and all that generator, cycle model, solver, bench and synthesis ask of it.

A kind of unit is one file in this folder, which answers everything (``Unit``); the rest of ``hw`` asks, and names kinds
only where a network is turned into units (``hw.dataflow.segments``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from bnn import MatrixLayer
from hw.units.cost import Resources
from hw.units.specification import Draw, Numbers

PREFIX = "askew_"
"""Of every module, package and macro, so that none collides with a user's own ``popcount`` or ``stream_fifo``."""

Parameters = Mapping[str, int | str]
"""Parameter to value; texts are SystemVerilog literals."""

Memories = dict[str, NDArray[np.uint8]]
"""What a memory holds, to its bits (words, width), bit 0 lowest."""

MEMORY_FILE = '"words.hex"'
"""A memory's file where only its parameters matter."""


def module_name(kind: str) -> str:
    """The SystemVerilog module of a unit's kind, or of any other part of a design."""
    return PREFIX + kind


def package_name(name: str) -> str:
    """A name of the package ``askew_pkg``, such as an enumeration's value."""
    return f"{PREFIX}pkg::{name}"


@dataclass(frozen=True)
class Stream:
    """A stream between two units: a beat is ``lanes`` elements of ``bits`` each, a frame is ``beats`` beats."""

    lanes: int
    bits: int
    beats: int

    @property
    def width(self) -> int:
        """Bits of a beat."""
        return self.lanes * self.bits

    @property
    def elements(self) -> int:
        """Elements of a frame."""
        return self.lanes * self.beats


@dataclass(frozen=True)
class Timing:
    """A unit in the cycle model: one of the rules of ``hw.units.handshakes``, and its parameters as that rule reads."""

    rule: int
    parameters: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Unit:
    """One instance in the design.

    Attributes:
        kind: what it is called in results and in the kept data of synthesis.
        lint: every kind that the class makes, to the sets of parameters, beside the module's defaults, with which
            linters look at its module: every branch of its generate blocks once. Texts are strings in quotes or values
            of ``askew_pkg``'s enumerations.
        samples: kind to the units that the estimate of its resources is fitted to: their numbers as ``specify`` reads
            them, between semicolons.
        gives_layer: what it gives is a layer's output.
        passes_on: what it gives is what it takes, in the same order.
        melts: synthesis does not measure it apart in a design: it melts into what is before it.
        name: instance name, an identifier.
        layer: the network's layer that it works for, or None.
        input: what it takes.
        output: what it gives.
    """

    kind: ClassVar[str]
    lint: ClassVar[Mapping[str, Sequence[Parameters]]]
    samples: ClassVar[Mapping[str, str]]
    gives_layer: ClassVar[bool] = False
    passes_on: ClassVar[bool] = False
    melts: ClassVar[bool] = False

    name: str
    layer: str | None
    input: Stream
    output: Stream

    @property
    def module(self) -> str:
        """Its module, and the name of that module's file."""
        return module_name(self.kind)

    def parameters(self) -> dict[str, int | str]:
        """The module's parameters; texts are SystemVerilog literals."""
        raise NotImplementedError

    def memories(self, layer: MatrixLayer, value_range: tuple[int, int] | None) -> Memories:
        """What its memories hold when it works for ``layer``, whose input has this range (None: bits)."""
        return {}

    def memory_file(self, memory: str) -> str:
        """Where a memory's contents are, below the design's folder."""
        return f"mem/{self.name}_{memory}.hex"

    def side_outputs(self) -> dict[str, int]:
        """Port and width of what it gives beside its stream."""
        return {}

    @property
    def cycles(self) -> int:
        """Cycles a frame when nothing holds the unit up."""
        return max(self.input.beats, self.output.beats)

    @property
    def work(self) -> int:
        """What a frame adds to its cycles at work: input beats, unless it says otherwise with ``busy``."""
        return self.input.beats

    def busy(self, instance: str) -> str | None:
        """The expression that is 1 in cycles in which this instance works; None where that is its input beats."""
        return None

    @property
    def timing(self) -> Timing:
        """How the cycle model runs it."""
        raise NotImplementedError

    def resources(self) -> Resources:
        """What it takes of an FPGA, estimated."""
        raise NotImplementedError

    @property
    def xnors(self) -> int:
        """XNORs side by side, each with its part of a popcount."""
        return 0

    @property
    def stages(self) -> int:
        """Registers of its pipeline that are there for the clock."""
        return 0

    @property
    def buffer_beats(self) -> int:
        """Beats that its buffer holds, where there is a choice; else 0."""
        return 0

    @property
    def ample_beats(self) -> int:
        """What its buffer may hold so that a frame more than the least fits, which decouples the units around."""
        return 0

    @property
    def least_beats(self) -> int:
        """What its buffer must hold at least for it to work at all."""
        return 0

    def buffer_choices(self) -> list[int]:
        """What its buffer may hold, ascending, to what it holds now."""
        return list(range(self.least_beats, self.buffer_beats + 1))

    @property
    def likely_beats(self) -> int:
        """What its buffer often has to hold where the smallest does not suffice."""
        return 1

    @classmethod
    def specify(cls, numbers: Numbers) -> tuple[Self, Memories]:
        """The unit of a specification, and random memories for it.

        Raises:
            SpecificationError: a number is missing.
            AssertionError, ZeroDivisionError, UserError: numbers do not go together.
        """
        raise NotImplementedError

    @classmethod
    def drawn(cls, draw: Draw) -> Iterator[str]:
        """Specifications of random units, to judge the fit of the estimate."""
        return iter(())


def literal(values: NDArray[np.integer[Any]], bits: int) -> str:
    """Values of so many bits each, the first lowest, as one SystemVerilog number."""
    packed = sum((int(value) & ((1 << bits) - 1)) << (index * bits) for index, value in enumerate(values))
    return f"{len(values) * bits}'h{packed:x}"


def value_bits(low: int, high: int) -> tuple[int, bool]:
    """Bits of a stream element that holds ``low`` .. ``high``, and whether it is two's complement.

    At least 2: one bit means a bipolar bit.
    """
    if low < 0:
        return max(2, signed_bits(low, high)), True
    return max(2, high.bit_length()), False


def signed_bits(low: int, high: int) -> int:
    """Bits of two's complement that hold ``low`` .. ``high``."""
    return 1 + max(high.bit_length() if high >= 0 else 0, (-low - 1).bit_length() if low < 0 else 0)
