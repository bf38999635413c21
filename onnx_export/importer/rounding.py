"""How far a file's own float sums may lie from the exact ones that the integer network takes, and where that matters.

A float sum of terms that are no multiples of one power of two is rounded at every addition, in an order that no file
states. Where the exact sum is just where a sign turns, or two logits are equal, such rounding decides.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnx_export.absorption.reach import FLOAT32_EXACT, Reach
from onnx_export.importer.levels import Bits, Integers
from onnx_export.importer.matrices import Matrix

EPSILON = 2.0**-23  # float32's
MOST_LOGITS = 2**22  # that are compared one by one; more are too dense to be apart

Values = Callable[[NDArray[np.float32], NDArray[np.float64]], NDArray[np.float32]]
"""What a layer gives at (n, mh) accumulators whose float sums are off by so much, (mh,)."""


def sum_error(matrix: Matrix, entering: Bits | Integers, missed: float = 0.0) -> NDArray[np.float64]:
    """(mh,) how far the float sum of a row may be off, 0 where it is exact in any order of addition.

    Rounding errors of n additions rarely add up to more than sqrt(n) of their size (Higham and Mary, 2019, "A new
    approach to probabilistic rounding error analysis"); each is at most EPSILON / 2 of the sum of magnitudes.

    Args:
        matrix: of the file.
        entering: what its input means.
        missed: how far one input may be off by itself.
    """
    width = matrix.rows.shape[1]
    if matrix.counts:
        return np.zeros(len(matrix.rows))
    if isinstance(entering, Bits):
        inputs = np.array([entering.low, entering.high])
    else:
        inputs = np.unique(entering.floats).astype(np.float64)
        shift = np.array([float(own) for own in entering.shift])[:, None]
        missed += float(np.abs(entering.floats - entering.scale * (entering.table + shift)).max())
    bias = np.zeros(1) if matrix.bias is None else np.abs(matrix.bias.astype(np.float64))
    largest = width * matrix.scale * np.abs(inputs).max() + bias
    quantum = np.minimum(lowest_bit(matrix.scale) + lowest_bit(inputs).min(), lowest_bit(bias))
    is_exact = largest <= FLOAT32_EXACT * 2.0**quantum
    error = width * matrix.scale * missed + np.where(is_exact, 0.0, np.sqrt(width) * EPSILON * largest)
    return np.broadcast_to(error, len(matrix.rows))


def lowest_bit(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Exponent of the lowest bit of each value's mantissa; infinite for 0."""
    mantissas, exponents = np.frexp(values)
    whole = np.ldexp(mantissas, 53).astype(np.int64)
    lowest = (whole & -whole).astype(np.float64)
    return np.where(values == 0, np.inf, exponents - 53 + np.log2(np.where(values == 0, 1.0, lowest)))


def near_turns(values: Values, reach: Reach, error: NDArray[np.float64]) -> int:
    """How many channels, each of which turns once at the most, turn within the error of an accumulator.

    Just beyond the highest or the lowest counts as well: the float sum may get there.
    """

    def given(index: NDArray[np.int64], off: NDArray[np.float64]) -> NDArray[np.float32]:
        accumulators = reach.floats(reach.lowest + reach.step * index)[None]
        row: NDArray[np.float32] = values(accumulators, off)[0]
        return row

    none = np.zeros(reach.channels)
    below, above = np.zeros(reach.channels, np.int64), reach.counts - 1
    first = given(below, none)
    turning = given(above, none) != first
    while (above - below).max() > 1 and turning.any():
        middle = (below + above) // 2
        turned = given(middle, none) != first
        below, above = np.where(turned, below, middle), np.where(turned, middle, above)
    below, above = np.where(turning, below, 0), np.where(turning, above, reach.counts - 1)
    near = np.zeros(reach.channels, bool)
    for index in (below, above):
        exact = given(index, none)
        near |= (given(index, error) != exact) | (given(index, -error) != exact)
    return int(near.sum())


def near_ties(values: Values, reach: Reach, error: NDArray[np.float64], *, with_zero: bool) -> int:
    """How many channels' logits can come within the error of another's, or of 0."""
    if reach.count * reach.channels > MOST_LOGITS:
        return int((error > 0).sum())
    accumulators = reach.accumulators(0, reach.count)
    around = [values(accumulators, sign * error).astype(np.float64) for sign in (-1, 0, 1)]
    low, high = np.minimum.reduce(around).reshape(-1), np.maximum.reduce(around).reshape(-1)
    channels = np.tile(np.arange(reach.channels), reach.count)
    if with_zero:
        low, high, channels = np.append(low, 0.0), np.append(high, 0.0), np.append(channels, reach.channels)
    order = np.argsort(low + high, kind="stable")
    low, high, channels = low[order], high[order], channels[order]
    uncertain = low != high
    meets = (low[1:] <= high[:-1]) & (channels[1:] != channels[:-1]) & (uncertain[1:] | uncertain[:-1])
    near: set[Any] = {*channels[1:][meets].tolist(), *channels[:-1][meets].tolist()}
    return len(near - {reach.channels})
