"""Where the model's branches meet. Grids must be equal: what is on different ones has no exact sum of integers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from bnn.stage.model_node import ModelNode
from bnn.stage.model_values import ModelValue, OnGrid
from bnn.values import Bits, NetworkError


def _one_grid(node: ModelNode, values: list[OnGrid]) -> int:
    """The fraction bits that all inputs have; NetworkError where two differ."""
    first = values[0].fraction_bits
    for name, value in zip(node.inputs, values, strict=True):
        if value.fraction_bits != first:
            raise NetworkError(
                f"{node.where}: {node.inputs[0]} is on a grid of 2^-{first}, {name} on one of "
                f"2^-{value.fraction_bits}; must be equal, quantize one of them onto the other's"
            )
    return first


@dataclass(frozen=True, eq=False)
class Add(ModelNode):
    """The sum of two or more values of one shape and one grid."""

    kind: ClassVar[str] = "add"
    arity: ClassVar[int | None] = None

    def output(self, *values: ModelValue) -> OnGrid:
        """As ``ModelNode.output``."""
        summands = [self.on_grid(value) for value in values]
        for name, value in zip(self.inputs, summands, strict=True):
            if value.shape != summands[0].shape:
                raise NetworkError(
                    f"{self.where}: {self.inputs[0]} has shape {summands[0].shape}, {name} has {value.shape}; must be "
                    "equal"
                )
        fraction_bits = _one_grid(self, summands)
        lowest, highest = sum(one.lowest for one in summands), sum(one.highest for one in summands)
        return self.exact(summands[0].shape, lowest, highest, fraction_bits)


@dataclass(frozen=True, eq=False)
class Concatenate(ModelNode):
    """The channels of the first input, then those of the second, and so on; all bits, or all on one grid."""

    kind: ClassVar[str] = "concatenate"
    arity: ClassVar[int | None] = None

    def output(self, *values: ModelValue) -> Bits | OnGrid:
        """As ``ModelNode.output``."""
        parts = [self.bits_or_grid(value) for value in values]
        for name, part in zip(self.inputs, parts, strict=True):
            if part.shape[:2] != parts[0].shape[:2] or isinstance(part, Bits) != isinstance(parts[0], Bits):
                raise NetworkError(
                    f"{self.where}: {self.inputs[0]} is {parts[0]}, {name} is {part}; must have one height and width, "
                    "and be all bits or all numbers"
                )
        shape = (*parts[0].shape[:2], sum(part.shape[2] for part in parts))
        numbers = [part for part in parts if isinstance(part, OnGrid)]
        if not numbers:
            return Bits(shape)
        fraction_bits = _one_grid(self, numbers)
        lowest, highest = min(one.lowest for one in numbers), max(one.highest for one in numbers)
        return OnGrid(shape, lowest, highest, fraction_bits)


@dataclass(frozen=True, eq=False)
class PadChannels(ModelNode):
    """Channels of a constant before and after the input's own.

    Attributes:
        before: channels in front, at least 0.
        after: channels behind, at least 0; one of the two at least 1.
        value: what every added element is: -1 or +1 behind bits, else an integer (not a number: it is taken times
            2^-fraction_bits of the input).
    """

    kind: ClassVar[str] = "pad_channels"

    before: int = field(kw_only=True)
    after: int = field(kw_only=True)
    value: int = field(kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.before, self.after) < 0 or self.before + self.after < 1:
            raise NetworkError(
                f"{self.where}: before ({self.before}) and after ({self.after}) must be at least 0, together at least 1"
            )

    def output(self, *values: ModelValue) -> Bits | OnGrid:
        """As ``ModelNode.output``."""
        value = self.bits_or_grid(values[0])
        shape = (*value.shape[:2], self.before + value.shape[2] + self.after)
        if isinstance(value, Bits):
            if self.value not in {-1, 1}:
                raise NetworkError(f"{self.where}: value ({self.value}) must be -1 or +1, its input has {value}")
            return Bits(shape)
        lowest, highest = min(value.lowest, self.value), max(value.highest, self.value)
        return self.exact(shape, lowest, highest, value.fraction_bits)
