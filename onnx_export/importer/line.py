"""Straight lines in exact arithmetic: what scales and offsets between the pixel and the first matrix come to."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Line:
    """x becomes slope * x + offset; one number for all channels or one a channel, for both alike."""

    slope: tuple[Fraction, ...] = (Fraction(1),)
    offset: tuple[Fraction, ...] = (Fraction(0),)

    @classmethod
    def of(cls, slope: NDArray[Any] | float, offset: NDArray[Any] | float) -> Line | None:
        """The line of floats, each taken for exactly what it is; None where one is not finite."""
        slopes, offsets = np.broadcast_arrays(np.atleast_1d(slope), np.atleast_1d(offset))
        if not (np.isfinite(slopes).all() and np.isfinite(offsets).all()):
            return None
        return cls(tuple(map(Fraction, slopes.tolist())), tuple(map(Fraction, offsets.tolist())))

    def divided(self, divisor: NDArray[Any]) -> Line | None:
        """The line behind a division; None where that is by 0 or by no number."""
        if not np.isfinite(divisor).all() or not divisor.all():
            return None
        numbers = map(Fraction, divisor.tolist())
        return self.then(Line(tuple(1 / number for number in numbers), (Fraction(0),) * len(divisor)))

    def then(self, following: Line) -> Line:
        """This line, then that one."""
        count = max(len(self.slope), len(following.slope))
        pairs = [(channel % len(self.slope), channel % len(following.slope)) for channel in range(count)]
        return Line(
            tuple(self.slope[own] * following.slope[other] for own, other in pairs),
            tuple(self.offset[own] * following.slope[other] + following.offset[other] for own, other in pairs),
        )

    def channel(self, index: int) -> Line:
        """That of one channel."""
        at = index % len(self.slope)
        return Line(self.slope[at : at + 1], self.offset[at : at + 1])

    def at(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """(n, C) of (n, C) or (n, 1) values, in float64."""
        slope = np.array([float(number) for number in self.slope])
        offset = np.array([float(number) for number in self.offset])
        on_line: NDArray[np.float64] = values.astype(np.float64) * slope + offset
        return on_line
