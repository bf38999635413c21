"""Integer scores for the last layer whose order, ties included, is that of the float logits."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnn.stage import Epilogue
from onnx_export.comparator import ELEMENTS_AT_ONCE, evaluate
from onnx_export.reach import AbsorptionError, Reach

LARGEST_TABLE = 2**26  # entries, 256 MiB


@dataclass(frozen=True, eq=False)
class Scores:
    """How the last layer's accumulators become scores.

    Attributes:
        negated: the logits fall with the accumulator, so every row of weights must be negated.
        table: (mh, accumulators) int32 ranks of the logits, as ``bnn.layers.MatrixLayer.score_table``, or None where
            the accumulators are scores themselves.
    """

    negated: bool
    table: NDArray[np.int32] | None


def order_scores(name: str, epilogue: Epilogue, reach: Reach, *, binary: bool) -> Scores:
    """Find scores that order as the logits do, for every reachable accumulator of every pair of channels.

    Raises:
        AbsorptionError: a logit that is NaN or infinite, or a table larger than LARGEST_TABLE.
    """
    direction = _common_direction(name, epilogue, reach)
    if direction:
        return Scores(direction < 0, None)
    spacing = 1 if binary else reach.step  # popcounts are counted, sums are not: a table has room for all between
    entries = reach.channels * ((reach.count - 1) * spacing + 1)
    if entries > LARGEST_TABLE:
        raise AbsorptionError(
            f"layer {name}: its channels' logits differ, and a table of their order would have {entries} entries, "
            f"at the most {LARGEST_TABLE} are kept; use the same scale and bias for all channels of the last layer"
        )
    logits = np.empty((reach.count, reach.channels), np.float32)
    rows = max(1, ELEMENTS_AT_ONCE // reach.channels)
    for start in range(0, reach.count, rows):
        stop = min(start + rows, reach.count)
        logits[start:stop] = evaluate(epilogue, reach.accumulators(start, stop))
    return Scores(False, _dense_ranks(logits, spacing))


def _dense_ranks(logits: NDArray[np.float32], spacing: int) -> NDArray[np.int32]:
    """(mh, accumulators) rank of each of (count, mh) logits among all distinct ones."""
    count, channels = logits.shape
    distinct = np.unique(logits)  # -0.0 and 0.0 are one
    ranks = np.zeros((channels, (count - 1) * spacing + 1), np.int32)
    for channel in range(channels):
        ranks[channel, ::spacing] = np.searchsorted(distinct, logits[:, channel])
    return ranks


def _common_direction(name: str, epilogue: Epilogue, reach: Reach) -> int:
    """1 or -1 where all channels share one strictly rising or falling function of the accumulator, else 0."""
    lowest, highest = reach.lowest.astype(np.float32), reach.highest.astype(np.float32)
    start, end = int(reach.lowest.min()), int(reach.highest.max())
    step = math.gcd(reach.step, *(int(distance) for distance in reach.lowest - start))
    previous = np.empty(0, np.float32)
    rising = falling = True
    rows = max(1, ELEMENTS_AT_ONCE // reach.channels)
    for first in range(start, end + 1, rows * step):
        shared = np.arange(first, min(first + rows * step, end + 1), step).astype(np.float32)[:, None]
        accumulators = np.repeat(shared, reach.channels, axis=1)
        reached = (lowest <= shared) & (shared <= highest)
        logits = evaluate(epilogue, accumulators)
        _refuse_not_finite(name, logits, accumulators, reached)
        least = np.where(reached, logits, np.inf).min(axis=1)
        most = np.where(reached, logits, -np.inf).max(axis=1)
        used = reached.any(axis=1)
        values = np.concatenate([previous, most[used]])
        steps = np.sign(values[1:] - values[:-1]) if len(values) > 1 else np.empty(0, np.float32)
        same = bool((least[used] == most[used]).all())
        rising, falling = same and rising and bool((steps > 0).all()), same and falling and bool((steps < 0).all())
        previous = values[-1:]
    return 1 if rising else -1 if falling else 0


def _refuse_not_finite(
    name: str, logits: NDArray[np.float32], accumulators: NDArray[np.float32], reached: NDArray[np.bool_]
) -> None:
    wrong = ~np.isfinite(logits) & reached
    if wrong.any():
        row, channel = np.argwhere(wrong)[0]
        raise AbsorptionError(
            f"layer {name} channel {channel}: the logit is {logits[row, channel]} at accumulator "
            f"{int(accumulators[row, channel])}, must be finite"
        )
