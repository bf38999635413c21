"""What a channel's table of integers demands of (M, B): bounds of M x + B, thinned to the few that can bind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Int64s = NDArray[np.int64]

PASSES = 64


@dataclass(frozen=True, eq=False)
class Bounds:
    """Bounds of M x + B by multiples of 2^s, all of one side, as a list of points.

    Attributes:
        channel: (k,) of each point; all points of a channel stand together, channels in order.
        x: (k,) rising within a channel.
        level: (k,) M x + B must be at least level * 2^s (``is_lower``) or below level * 2^s.
        is_lower: which of the two.
    """

    channel: Int64s
    x: Int64s
    level: Int64s
    is_lower: bool

    def joined(self, later: Bounds) -> Bounds:
        """These and those at higher x, thinned."""
        channel = np.concatenate([self.channel, later.channel])
        order = np.argsort(channel, kind="stable")
        x, level = (
            np.concatenate([mine, theirs])[order] for mine, theirs in ((self.x, later.x), (self.level, later.level))
        )
        return Bounds(channel[order], x, level, self.is_lower).thinned()

    def thinned(self) -> Bounds:
        """Without points that a line cannot touch before it breaks the bound at one of their neighbours.

        A lower bound on or below the chord of the points before and after it follows from theirs, an upper one on or
        above it. All such points may go at once: what stays are at least the corners of the convex hull, and the hull
        follows from its corners. Products stay far below 2^63: |x| and |level| are at most 2^26.
        """
        points = self
        for _ in range(PASSES):
            if len(points.x) < 3:
                break
            channel, x, level = points.channel, points.x, points.level
            inner = (channel[1:-1] == channel[:-2]) & (channel[1:-1] == channel[2:])
            rise = (level[1:-1] - level[:-2]) * (x[2:] - x[:-2]) - (level[2:] - level[:-2]) * (x[1:-1] - x[:-2])
            follows = inner & (rise <= 0 if self.is_lower else rise >= 0)
            if not follows.any():
                break
            keep = np.concatenate([[True], ~follows, [True]])
            points = Bounds(channel[keep], x[keep], level[keep], self.is_lower)
        return points

    def of(self, channels: Int64s) -> Bounds:
        """The points of these channels (rising numbers), which are counted from 0 on."""
        place = np.searchsorted(channels, self.channel)
        place = np.minimum(place, max(len(channels) - 1, 0))
        keep = channels[place] == self.channel if len(channels) else np.zeros(len(place), bool)
        return Bounds(place[keep], self.x[keep], self.level[keep], self.is_lower)


@dataclass(frozen=True, eq=False)
class Table:
    """All that (M x + B) >> s, saturated to lowest..highest, must meet to equal given integers.

    Attributes:
        channels: how many.
        low, high: bounds of M x + B from below and from above. A value that is the lowest has no bound from below, one
            that is the highest none from above.
        first, last: (channels,) lowest and highest x of each channel.
    """

    channels: int
    low: Bounds
    high: Bounds
    first: Int64s
    last: Int64s

    @classmethod
    def of(cls, x: Int64s, values: Int64s, lowest: int, highest: int, reached: NDArray[np.bool_]) -> Table:
        """From (n, channels) x, rising along n, and what they must become.

        Args:
            x: (n, channels).
            values: (n, channels), each in lowest..highest.
            lowest: the saturation.
            highest: the saturation.
            reached: (n, channels), False where a channel has no such x; each channel has at least one.
        """
        x, values, reached = x.T, values.T, reached.T
        low, high = (np.nonzero(reached & (values != end)) for end in (lowest, highest))
        far = np.iinfo(np.int64)
        return cls(
            len(x),
            Bounds(low[0].astype(np.int64), x[low], values[low], is_lower=True).thinned(),
            Bounds(high[0].astype(np.int64), x[high], values[high] + 1, is_lower=False).thinned(),
            np.where(reached, x, far.max).min(axis=1),
            np.where(reached, x, far.min).max(axis=1),
        )

    def joined(self, later: Table) -> Table:
        """This and a table of the same channels at higher x."""
        return Table(
            self.channels,
            self.low.joined(later.low),
            self.high.joined(later.high),
            np.minimum(self.first, later.first),
            np.maximum(self.last, later.last),
        )

    def of_channels(self, channels: Int64s) -> Table:
        """The table of these channels (rising numbers) alone."""
        return Table(
            len(channels), self.low.of(channels), self.high.of(channels), self.first[channels], self.last[channels]
        )
