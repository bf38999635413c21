"""The channels of several values, one value after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bnn.nodes.node import Node
from bnn.values import Bits, Integers, NetworkError, Value


@dataclass(frozen=True, eq=False)
class Concatenate(Node):
    """The channels of the first input, then those of the second, and so on."""

    kind: ClassVar[str] = "concatenate"
    arity: ClassVar[int | None] = None
    needs: ClassVar[str] = "two or more values of one height and width, all bits or all integers"
    gives: ClassVar[str] = "the same kind, (H, W, sum of the channels); integers of the outermost bounds"
    meaning: ClassVar[str] = "each channel as it was"

    def output(self, *values: Value) -> Value:
        """As ``Node.output``."""
        first = values[0]
        for source, value in zip(self.inputs, values, strict=True):
            if value.shape[:2] != first.shape[:2] or isinstance(value, Bits) != isinstance(first, Bits):
                raise NetworkError(
                    f"{self.where}: {self.inputs[0]} is {first}, {source} is {value}; must have one height and width, "
                    "and be all bits or all integers"
                )
        shape = (*first.shape[:2], sum(value.shape[2] for value in values))
        bounds = [(value.lowest, value.highest) for value in values if isinstance(value, Integers)]
        if not bounds:
            return Bits(shape)
        return Integers(shape, min(low for low, _ in bounds), max(high for _, high in bounds))
