"""Which accumulator values a layer can reach, channel by channel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnn.errors import UserError

FLOAT32_EXACT = 2**24  # float32 holds every integer up to here


class AbsorptionError(UserError):
    """A layer that integers cannot compute; the message names layer, channel and accumulators."""


@dataclass(frozen=True, eq=False)
class Reach:
    """The accumulators ``lowest[c] + step * i`` with i in 0..count - 1, for channel c.

    For binary input the accumulator is the bipolar dot product 2 P - mw: lowest is -mw, step 2, and i is P. For
    integer input the sum of +-x lies between ``lowest`` and ``highest``, and moves in multiples of what divides all
    differences between two input values.

    Attributes:
        lowest: (mh,) int64.
        step: at least 1, the same for all channels.
        count: how many there are, the same for all channels: mw * (highest input - lowest input) / step + 1.
    """

    lowest: NDArray[np.int64]
    step: int
    count: int

    @property
    def channels(self) -> int:
        """Number of channels, mh."""
        return len(self.lowest)

    @property
    def highest(self) -> NDArray[np.int64]:
        """(mh,) highest accumulator."""
        return self.lowest + self.step * (self.count - 1)

    def accumulators(self, start: int, stop: int) -> NDArray[np.float32]:
        """(stop - start, mh): accumulators number ``start`` to ``stop``, exact in float32."""
        offsets = np.int32(self.step) * np.arange(start, stop, dtype=np.int32)
        return (offsets[:, None] + self.lowest.astype(np.int32)).astype(np.float32)

    def at(self, index: int, channel: int) -> int:
        """Accumulator number ``index`` of a channel."""
        return int(self.lowest[channel]) + self.step * index


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
    low, high, step = (-1, 1, 2) if values is None else _spread(values)
    plus = (matrix > 0).sum(axis=1, dtype=np.int64)
    minus = width - plus
    reach = Reach(plus * low - minus * high, step, width * (high - low) // step + 1)
    largest = width * max(abs(low), abs(high))  # no partial sum, in whatever order, is larger
    if largest > FLOAT32_EXACT:
        raise AbsorptionError(
            f"layer {name}: accumulators can reach {largest}, float32 counts exactly to {FLOAT32_EXACT} only; "
            "give the layer fewer inputs or smaller input integers"
        )
    return reach


def _spread(values: NDArray[np.int64]) -> tuple[int, int, int]:
    low, high = int(values.min()), int(values.max())
    return low, high, max(1, int(np.gcd.reduce(values - low)))
