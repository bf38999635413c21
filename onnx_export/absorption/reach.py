"""Which integers a value can be, channel by channel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bnn.errors import UserError

FLOAT32_EXACT = 2**24  # float32 holds every integer up to here


class AbsorptionError(UserError):
    """A layer that integers cannot compute; the message names layer, channel and accumulators."""


@dataclass(frozen=True, eq=False)
class Reach:
    """The integers ``lowest[c] + step * i`` up to ``highest[c]``, for channel c, as the model has them.

    For binary input the accumulator is the bipolar dot product 2 P - mw: lowest is -mw, step 2, and i is P. For
    integer input the sum of +-x lies between ``lowest`` and ``highest``, and moves in multiples of what divides all
    differences between two input values. A model's number is the integer times 2^-fraction_bits.

    Attributes:
        lowest: (C,) int64.
        highest: (C,) int64, each a whole number of steps above its lowest.
        step: at least 1, the same for all channels.
        fraction_bits: at least 0.
    """

    lowest: NDArray[np.int64]
    highest: NDArray[np.int64]
    step: int
    fraction_bits: int = 0

    @property
    def channels(self) -> int:
        """Number of channels."""
        return len(self.lowest)

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """(C,) how many integers each channel has."""
        return (self.highest - self.lowest) // self.step + 1

    @property
    def count(self) -> int:
        """How many the channel with the most has."""
        return int(self.counts.max())

    def integers(self, start: int, stop: int) -> NDArray[np.int64]:
        """(stop - start, C): integers number ``start`` to ``stop``; a channel with fewer repeats its highest."""
        numbers = np.arange(start, stop, dtype=np.int64)[:, None]
        integers: NDArray[np.int64] = np.minimum(self.lowest + self.step * numbers, self.highest)
        return integers

    def accumulators(self, start: int, stop: int) -> NDArray[np.float32]:
        """The numbers that the model has for ``integers``, exact in float32."""
        return self.floats(self.integers(start, stop))

    def floats(self, integers: NDArray[np.int64]) -> NDArray[np.float32]:
        """Any integers as the model's numbers."""
        numbers: NDArray[np.float32] = np.ldexp(integers.astype(np.float32), -self.fraction_bits)
        return numbers

    def at(self, index: int, channel: int) -> int | float:
        """Number ``index`` of a channel, as the model has it."""
        integer = int(self.lowest[channel]) + self.step * index
        return math.ldexp(integer, -self.fraction_bits) if self.fraction_bits else integer

    def place(self, index: int, channel: int) -> str:
        """``at`` in words."""
        return f"{'value' if self.fraction_bits else 'accumulator'} {self.at(index, channel)}"


def reachable(name: str, matrix: NDArray[np.int8], values: NDArray[np.int64] | None) -> Reach:
    """What the rows of a (mh, mw) matrix of -1 and +1 can sum up to.

    Args:
        name: of the layer, for the error.
        matrix: (mh, mw).
        values: every integer that an input can be, padding included; None for binary input.

    Raises:
        AbsorptionError: an accumulator that float32 does not hold exactly, so that the model itself is inexact.
    """
    width = matrix.shape[1]
    low, high, step = (-1, 1, 2) if values is None else spread(values)
    plus = (matrix > 0).sum(axis=1, dtype=np.int64)
    minus = width - plus
    largest = width * max(abs(low), abs(high))  # no partial sum, in whatever order, is larger
    if largest > FLOAT32_EXACT:
        raise AbsorptionError(
            f"layer {name}: accumulators can reach {largest}, float32 counts exactly to {FLOAT32_EXACT} only; "
            "give the layer fewer inputs or smaller input integers"
        )
    return Reach(plus * low - minus * high, plus * high - minus * low, step)


def spread(values: NDArray[np.int64]) -> tuple[int, int, int]:
    """Lowest and highest of some integers, and what divides all differences between two of them."""
    low, high = int(values.min()), int(values.max())
    return low, high, max(1, int(np.gcd.reduce(values - low, axis=None)))


def summed(reaches: Sequence[Reach]) -> Reach:
    """What the sums of values can be."""
    return Reach(
        np.sum([reach.lowest for reach in reaches], axis=0),
        np.sum([reach.highest for reach in reaches], axis=0),
        math.gcd(*(reach.step for reach in reaches)),
        reaches[0].fraction_bits,
    )


def joined(reaches: Sequence[Reach]) -> Reach:
    """What values can be whose channels stand side by side."""
    return Reach(
        np.concatenate([reach.lowest for reach in reaches]),
        np.concatenate([reach.highest for reach in reaches]),
        math.gcd(*(reach.step for reach in reaches)),
        reaches[0].fraction_bits,
    )
