"""Integers onto a coarser or finer grid: a scale, a bias and a batch norm as one multiplication, addition and shift."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from bnn.arrays import frozen
from bnn.nodes.node import Node
from bnn.values import NetworkError, Value, integers

LARGEST_SHIFT = 62


@dataclass(frozen=True, eq=False)
class Grid(Node):
    """``(M x + B) >> shift``, saturated: the shift rounds down (to minus infinity), then the result is clipped.

    Attributes:
        multipliers: (C,) int64, M.
        offsets: (C,) int64, B. M x + B fits 64 bits for every x that the input can be.
        shift: bits, 0..62, the same for all channels.
        lowest: what is lower becomes this.
        highest: what is higher becomes this.
    """

    kind: ClassVar[str] = "grid"
    needs: ClassVar[str] = "integers; M x + B within 64 bits"
    gives: ClassVar[str] = "integers of the same shape, lowest..highest of its own"
    meaning: ClassVar[str] = "(M[channel] x + B[channel]) >> shift, rounded down, then clipped to lowest..highest"

    multipliers: NDArray[np.int64] = field(kw_only=True)
    offsets: NDArray[np.int64] = field(kw_only=True)
    shift: int = field(kw_only=True)
    lowest: int = field(kw_only=True)
    highest: int = field(kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        for attribute in ("multipliers", "offsets"):
            array = frozen(getattr(self, attribute), np.int64, f"{self.where}: {attribute}")
            object.__setattr__(self, attribute, array)
        if not 0 <= self.shift <= LARGEST_SHIFT:
            raise NetworkError(f"{self.where}: shift ({self.shift}) must lie in 0..{LARGEST_SHIFT}")
        if self.lowest > self.highest:
            raise NetworkError(f"{self.where}: lowest ({self.lowest}) must not be above highest ({self.highest})")

    def output(self, *values: Value) -> Value:
        """As ``Node.output``."""
        value = self.integers(values[0])
        self.one_a_channel(self.multipliers, "multipliers", value)
        self.one_a_channel(self.offsets, "offsets", value)
        for channel, (multiplier, offset) in enumerate(
            zip(self.multipliers.tolist(), self.offsets.tolist(), strict=True)
        ):
            ends = (multiplier * value.lowest, multiplier * value.highest)
            reached = max(abs(end) for end in ends) + abs(offset)  # of the product, and of its sum with B
            if reached > np.iinfo(np.int64).max:
                raise NetworkError(
                    f"{self.where} channel {channel}: {multiplier} x + {offset} reaches {reached} for x in "
                    f"{value.lowest}..{value.highest}, must fit 64 bits"
                )
        return integers(self.where, value.shape, self.lowest, self.highest)
