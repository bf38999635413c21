"""What the values that enter a matrix mean: bits with a height and an offset, or integers with a scale."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

LOWEST, HIGHEST = -256, 255  # of the integers in a network's input table
MAX_FRACTION = 8  # the distance of two pixel values may be this many steps
ROUNDINGS = 4 * 2.0**-24  # of the largest value: what a few operations in float32 can be off
NEARLY = 1e-3  # a step: float32 pixels miss their multiple by 256 * 2**-23 of one at the most


@dataclass(frozen=True)
class Bits:
    """Two values: ``low`` is bit 0, ``high`` is bit 1."""

    low: float
    high: float

    @property
    def height(self) -> float:
        """Half of the distance: value = offset + height * (-1 or +1)."""
        return (self.high - self.low) / 2

    @property
    def offset(self) -> float:
        """The middle."""
        return (self.high + self.low) / 2


@dataclass(frozen=True, eq=False)
class Integers:
    """Steps of ``scale``, shifted: pixel value p is scale * (table[c, p] + shift[c]) in channel c.

    Attributes:
        table: (C, 256), or (1, 256) where all channels are alike.
        scale: of a step.
        shift: (C or 1), exact; need be no whole number.
        floats: of the table's shape, the file's own float32 values, which these are but for rounding.
    """

    table: NDArray[np.int64]
    scale: float
    floats: NDArray[np.float32]
    shift: tuple[Fraction, ...] = (Fraction(0),)


def two_levels(values: NDArray[np.float32]) -> Bits | None:
    """The two values that ``values`` has; None where they are more or not finite.

    A single value is taken for one of a symmetric pair, 0 for the low one of 0 and 1.
    """
    distinct = np.unique(values)
    if len(distinct) > 2 or not np.isfinite(distinct).all():
        return None
    if len(distinct) == 2:
        return Bits(float(distinct[0]), float(distinct[1]))
    magnitude = abs(float(distinct[0]))
    return Bits(-magnitude, magnitude) if magnitude else Bits(0.0, 1.0)


def bipolar_pixels(values: NDArray[np.float32]) -> Bits | None:
    """The levels of (C, 256) pixel values that are -s and +s, else None."""
    distinct = np.unique(values)
    if len(distinct) == 2 and distinct[0] == -distinct[1]:
        return Bits(float(distinct[0]), float(distinct[1]))
    return None


def integer_pixels(values: NDArray[np.float32]) -> Integers | None:
    """(C, 256) pixel values as integers in -256..255 times a scale, or None where there is none that fits."""
    if not np.isfinite(values).all():
        return None
    distinct = np.unique(values).astype(np.float64)
    steps = [1.0]
    if len(distinct) > 1:
        # The whole range tells the step better than one difference does, whose rounding error is 256 times larger.
        span, smallest = float(distinct[-1] - distinct[0]), float(np.diff(distinct).min())
        steps += [span / round(span / smallest * fraction) for fraction in range(1, MAX_FRACTION + 1)]
    elif distinct[0]:
        steps.append(abs(float(distinct[0])))
    for step in steps:
        multiples = np.rint(distinct / step)
        if np.abs(distinct / step - multiples).max() > (0 if step == 1.0 else NEARLY):
            continue
        if multiples.min() >= LOWEST and multiples.max() <= HIGHEST:
            refined = _refined(distinct, multiples)
            return Integers(np.rint(values.astype(np.float64) / refined).astype(np.int64), refined, values)
    return None


def _refined(values: NDArray[np.float64], multiples: NDArray[np.float64]) -> float:
    """The scale from the value that tells it best: one or a power of two steps, else the largest."""
    magnitudes = np.abs(multiples)
    exact = (magnitudes > 0) & (np.log2(np.maximum(magnitudes, 1)) % 1 == 0)
    if not magnitudes.any():
        return 1.0
    index = int(np.argmax(exact)) if exact.any() else int(np.argmax(magnitudes))
    return float(values[index] / multiples[index])
