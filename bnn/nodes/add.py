"""Where branches meet: the sum of a block and its shortcut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bnn.nodes.node import Node
from bnn.values import NetworkError, Value, integers


@dataclass(frozen=True, eq=False)
class Add(Node):
    """The sum of two or more values, element by element."""

    kind: ClassVar[str] = "add"
    arity: ClassVar[int | None] = None
    needs: ClassVar[str] = "two or more values of integers of one shape"
    gives: ClassVar[str] = "integers of that shape; lowest and highest are the sums of the inputs'"
    meaning: ClassVar[str] = "x + y + ..."

    def output(self, *values: Value) -> Value:
        """As ``Node.output``."""
        summands = [self.integers(value) for value in values]
        shape = summands[0].shape
        for source, summand in zip(self.inputs, summands, strict=True):
            if summand.shape != shape:
                raise NetworkError(
                    f"{self.where}: {self.inputs[0]} has shape {shape}, {source} has {summand.shape}; must be equal"
                )
        lowest, highest = sum(one.lowest for one in summands), sum(one.highest for one in summands)
        return integers(self.where, shape, lowest, highest)
