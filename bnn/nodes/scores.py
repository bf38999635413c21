"""The last node: integers whose order is that of the classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from bnn.arrays import frozen
from bnn.nodes.node import Node
from bnn.values import NetworkError, Value, integers


@dataclass(frozen=True, eq=False)
class Scores(Node):
    """One score a channel, by a factor and an offset or by a table. The class is the highest score, ties to the lower.

    Attributes:
        multipliers: (classes,) int32, or None where there is a table.
        offsets: (classes,) int32, or None where there is a table. 2 and -mw make the bipolar dot product of a
            popcount, 1 and 0 leave the integers as they are.
        table: (classes, highest - lowest + 1) int32 or None: the score of class c for integer x is
            ``table[c, x - lowest]``, lowest and highest the input's. Entries that a channel never reaches count for
            the hash and for nothing else; let them be 0.
    """

    kind: ClassVar[str] = "scores"
    needs: ClassVar[str] = "integers (1, 1, classes); the last node"
    gives: ClassVar[str] = "integers (1, 1, classes), the scores"
    meaning: ClassVar[str] = "multipliers[class] x + offsets[class], or table[class, x - lowest]"

    multipliers: NDArray[np.int32] | None = None
    offsets: NDArray[np.int32] | None = None
    table: NDArray[np.int32] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for attribute in ("multipliers", "offsets", "table"):
            array = getattr(self, attribute)
            if array is not None:
                object.__setattr__(self, attribute, frozen(array, np.int32, f"{self.where}: {attribute}"))
        if (self.multipliers is None) != (self.offsets is None) or (self.multipliers is None) == (self.table is None):
            raise NetworkError(f"{self.where}: must have multipliers and offsets, or a table")

    @classmethod
    def of_popcounts(cls, name: str, source: str, mw: int, classes: int) -> Scores:
        """The bipolar dot products 2 P - mw of popcounts."""
        return cls(name, (source,), np.full(classes, 2), np.full(classes, -mw))

    @classmethod
    def of_integers(cls, name: str, source: str, classes: int) -> Scores:
        """The integers themselves."""
        return cls(name, (source,), np.ones(classes), np.zeros(classes))  # type: ignore[arg-type]

    def output(self, *values: Value) -> Value:
        """As ``Node.output``."""
        value = self.integers(values[0])
        if value.shape[:2] != (1, 1):
            raise NetworkError(f"{self.where}: scores need a 1 x 1 input, this one has {value.shape}")
        if self.table is not None:
            entries = value.highest - value.lowest + 1
            if self.table.shape != (value.shape[2], entries):
                raise NetworkError(
                    f"{self.where}: table has shape {self.table.shape}, must have a row a class and one an integer of "
                    f"{value.lowest}..{value.highest}: ({value.shape[2]}, {entries})"
                )
            return integers(self.where, value.shape, int(self.table.min()), int(self.table.max()))
        assert self.multipliers is not None
        assert self.offsets is not None
        self.one_a_channel(self.multipliers, "multipliers", value)
        self.one_a_channel(self.offsets, "offsets", value)
        factors, added = self.multipliers.astype(np.int64), self.offsets.astype(np.int64)
        ends = np.stack([factors * value.lowest + added, factors * value.highest + added])
        return integers(self.where, value.shape, int(ends.min()), int(ends.max()))
