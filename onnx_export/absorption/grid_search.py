"""The integers M, B and s with which (M x + B) >> s, saturated, equals a table of integers, wherever there are any.

The floor of (M x + B) / 2^s is t exactly where t 2^s <= M x + B < (t + 1) 2^s. So every entry of the table is a bound
of M x + B from below and one from above, and where the table is saturated only one of the two. For one integer M all
that remains of a channel is an interval of B, whose ends are integers,

    max over bounds from below (t 2^s - M x)  <=  B  <=  min over bounds from above ((t + 1) 2^s - 1 - M x).

The interval's length is a concave function of M (a minimum of lines less a maximum of lines), so bisection along its
slope finds the integer M with the longest interval. If that is empty, no pair of integers exists at this s: the search
is complete. All arithmetic is in 64-bit integers. Some M between real bounds is no shortcut: at small s there is often
a real interval of M without an integer in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onnx_export.absorption.bounds import Bounds, Int64s, Table

MULTIPLIER_BITS = 24  # without its sign: the wider port of a DSP48E1 takes 25 bits
WIDE_MULTIPLIER_BITS = 32  # where these are not enough, and two DSPs multiply
SUM_BITS = 48  # with its sign: the adder of a DSP48E1
LARGEST_SHIFT = SUM_BITS - 1
BEYOND_ANY_SUM = 2**60


@dataclass(frozen=True, eq=False)
class Affine:
    """(M x + B) >> shift, channel by channel.

    Attributes:
        multiplier: (channels,) M.
        offset: (channels,) B.
        shift: the same for all channels.
    """

    multiplier: Int64s
    offset: Int64s
    shift: int

    def at(self, x: Int64s, lowest: int, highest: int) -> Int64s:
        """(n, channels) x to integers, saturated."""
        values: Int64s = np.clip((self.multiplier * x + self.offset) >> self.shift, lowest, highest)
        return values


@dataclass(frozen=True, eq=False)
class Feasible:
    """For each channel a pair at one shift, and whether there is any (where not, the pair means nothing)."""

    found: NDArray[np.bool_]
    multiplier: Int64s
    offset: Int64s


def find_affine(table: Table, multiplier_bits: int = MULTIPLIER_BITS) -> tuple[Affine | None, Int64s]:
    """The pairs at the smallest shift at which every channel has one; none at any shift is tried with wider M.

    Args:
        table: what they must give.
        multiplier_bits: |M| is below 2 to this, or else to WIDE_MULTIPLIER_BITS.

    Returns:
        The integers, or None where no shift serves all channels. Then the channels in whose way it is: those that have
        no pair at any shift, or else those that have none at the smallest shift at which each other one has had one.
    """
    affine, in_the_way = _find_affine(table, multiplier_bits)
    if affine is None and multiplier_bits < WIDE_MULTIPLIER_BITS:
        return _find_affine(table, WIDE_MULTIPLIER_BITS)
    return affine, in_the_way


def _find_affine(table: Table, multiplier_bits: int) -> tuple[Affine | None, Int64s]:
    waiting = np.arange(table.channels)  # those that have had no pair at any shift yet
    in_the_way: Int64s | None = None
    for shift in range(LARGEST_SHIFT + 1):
        waiting = waiting[~feasible_at(table.of_channels(waiting), shift, multiplier_bits).found]
        if len(waiting):
            continue
        pairs = feasible_at(table, shift, multiplier_bits)
        if pairs.found.all():
            return Affine(pairs.multiplier, pairs.offset, shift), waiting
        if in_the_way is None:
            in_the_way = np.nonzero(~pairs.found)[0]
    return None, waiting if in_the_way is None else in_the_way


def feasible_at(table: Table, shift: int, multiplier_bits: int = MULTIPLIER_BITS) -> Feasible:
    """A pair (M, B) for every channel that has any at this shift, |M| < 2^multiplier_bits, all sums in 48 bits.

    B, and M x + B at every x of the table, lie in -2^47..2^47 - 1.
    """
    lowest = np.full(table.channels, -(2**multiplier_bits) + 1, np.int64)
    highest = -lowest
    while (lowest < highest).any():
        middle = (lowest + highest) >> 1
        rises = _slack(table, middle + 1, shift) > _slack(table, middle, shift)
        lowest, highest = np.where(rises, middle + 1, lowest), np.where(rises, highest, middle)
        lowest = np.minimum(lowest, highest)
    least, most = _offsets(table, lowest, shift)
    return Feasible(least <= most, lowest, least + (most - least) // 2)


def _slack(table: Table, multiplier: Int64s, shift: int) -> Int64s:
    least, most = _offsets(table, multiplier, shift)
    return most - least


def _offsets(table: Table, multiplier: Int64s, shift: int) -> tuple[Int64s, Int64s]:
    """(channels,) lowest and highest B for these M; the lowest is above the highest where there is none."""
    ends = np.stack([np.zeros_like(multiplier), multiplier * table.first, multiplier * table.last])
    limit = 2 ** (SUM_BITS - 1)
    least = -limit - ends.min(axis=0)
    most = limit - 1 - ends.max(axis=0)
    np.maximum.at(least, table.low.channel, _at_zero(table.low, multiplier, shift))
    np.minimum.at(most, table.high.channel, _at_zero(table.high, multiplier, shift) - 1)
    return least, most


def _at_zero(bounds: Bounds, multiplier: Int64s, shift: int) -> Int64s:
    """(k,) level * 2^shift - M x; a level beyond all sums of 48 bits is as good as any other such level."""
    farthest = BEYOND_ANY_SUM >> shift
    return (np.clip(bounds.level, -farthest, farthest) << shift) - multiplier[bounds.channel] * bounds.x
