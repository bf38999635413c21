"""Integer scores for the last layer whose order, ties included, is that of the float logits."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnn.nodes import Scores
from bnn.stage import Epilogue
from bnn.values import Integers, Value
from onnx_export.absorption.comparator import ELEMENTS_AT_ONCE, evaluate
from onnx_export.absorption.made import Made
from onnx_export.absorption.reach import AbsorptionError, Reach

LARGEST_TABLE = 2**26  # entries, 256 MiB


@dataclass(frozen=True, eq=False)
class Order:
    """How the last layer's integers become scores.

    Attributes:
        direction: 1 or -1 where all logits are one strictly rising or falling function of the integer, which is then
            the score itself or its negative; 0 where it is not.
        ranks: (C, reach.count) int32 rank of the logit of each integer among all logits, where the direction is 0.
    """

    direction: int
    ranks: NDArray[np.int32] | None


def order_scores(name: str, epilogue: Epilogue, reach: Reach, spacing: int) -> Order:
    """Find scores that order as the logits do, for every reachable integer of every pair of channels.

    Args:
        name: of the layer.
        epilogue: gives the logits.
        reach: of its input.
        spacing: how far apart the integers of neighbouring entries of a table of ranks are.

    Raises:
        AbsorptionError: a logit that is NaN or infinite, or a table larger than LARGEST_TABLE.
    """
    direction = _common_direction(name, epilogue, reach)
    if direction:
        return Order(direction, None)
    entries = reach.channels * (int(reach.highest.max() - reach.lowest.min()) // spacing + 1)
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
    distinct = np.unique(logits)  # -0.0 and 0.0 are one
    return Order(0, np.searchsorted(distinct, logits.T).astype(np.int32))


def scores_node(name: str, source: Made, order: Order, value: Value) -> Scores:
    """The node that gives the scores.

    Args:
        name: of the node.
        source: the last integers. Where their rows have been negated since the logits fall, their order is right.
        order: what was found of them.
        value: of the network, that they are.
    """
    assert isinstance(value, Integers)
    classes, reach = value.shape[2], source.integers
    if order.ranks is None:
        factor = order.direction * (-1 if source.inverted.all() else 1)
        scale, offset = (1, 0) if source.width is None else (2, -source.width)
        ones = np.full(classes, factor, np.int32)
        return Scores(name, (source.name,), multipliers=scale * ones, offsets=offset * ones)
    table = np.zeros((classes, value.highest - value.lowest + 1), np.int32)
    for channel, count in enumerate(reach.counts):
        integers = reach.lowest[channel] + reach.step * np.arange(count)
        table[channel, source.counted(integers) - value.lowest] = order.ranks[channel, :count]
    return Scores(name, (source.name,), table=table)


def _common_direction(name: str, epilogue: Epilogue, reach: Reach) -> int:
    """1 or -1 where all channels share one strictly rising or falling function of the integer, else 0."""
    start, end = int(reach.lowest.min()), int(reach.highest.max())
    step = math.gcd(reach.step, *(int(distance) for distance in reach.lowest - start))
    previous = np.empty(0, np.float32)
    rising = falling = True
    rows = max(1, ELEMENTS_AT_ONCE // reach.channels)
    for first in range(start, end + 1, rows * step):
        shared = np.arange(first, min(first + rows * step, end + 1), step)[:, None]
        reached = (reach.lowest <= shared) & (shared <= reach.highest)
        accumulators = reach.floats(np.repeat(shared, reach.channels, axis=1))
        logits = evaluate(epilogue, accumulators)
        _refuse_not_finite(name, logits, accumulators, reached)
        least = np.where(reached, logits, np.inf).min(axis=1)
        most = np.where(reached, logits, -np.inf).max(axis=1)
        used = reached.any(axis=1)
        values = np.concatenate([previous, most[used]])
        before, after = values[:-1], values[1:]  # compared: a difference of finite numbers may be too large
        same = bool((least[used] == most[used]).all())
        rising, falling = (
            same and rising and bool((after > before).all()),
            same and falling and bool((after < before).all()),
        )
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
            f"{accumulators[row, channel]:.12g}, must be finite"
        )
