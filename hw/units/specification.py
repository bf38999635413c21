"""The numbers of a unit's specification, such as ``mvau mw=64 mh=64 simd=8 pe=8``, and how random ones are drawn."""

from __future__ import annotations

import random
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from bnn import UserError
from bnn.folding import divisors


class SpecificationError(UserError):
    """A text that names no unit."""


class Numbers:
    """The numbers of one specification; which of them nobody asked for is in ``unused``.

    Attributes:
        kind: of the unit.
        name: that the unit gets.
        rng: for random memories; the same text always gets the same.
    """

    def __init__(self, text: str, name: str) -> None:
        self.text = text
        self.name = name
        self.kind, *pairs = text.split()
        self.rng = np.random.default_rng(crc32(text.encode()))
        self.unused: dict[str, int] = {}
        for pair in pairs:
            key, equals, value = pair.partition("=")
            if not equals or not value.isdecimal():
                raise SpecificationError(f"unit {text!r}: {pair!r} must be key=number")
            self.unused[key] = int(value)

    def __call__(self, key: str, default: int | None = None) -> int:
        """The number of that key."""
        if key in self.unused:
            return self.unused.pop(key)
        if default is None:
            raise SpecificationError(f"unit {self.text!r}: {key} is missing")
        return default

    def random_bits(self, words: int, width: int) -> NDArray[np.uint8]:
        """(words, width) bits, each with the same probability."""
        return self.rng.integers(0, 2, (words, width), np.uint8)


class Draw:
    """Random sizes that go together: what a kind draws its specifications from."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.mw, self.mh = rng.choice((48, 72, 100, 120, 144, 192, 288, 360, 432, 640)), rng.choice(HEIGHTS)
        self.simd, self.pe = self.fold(self.mw, 72), self.fold(self.mh, 16)
        self.channels = rng.choice((8, 12, 16, 24, 48, 64))

    def fold(self, size: int, most: int) -> int:
        """A divisor of ``size``, ``most`` at the most."""
        return self.rng.choice([number for number in divisors(size) if number <= most])


HEIGHTS = (8, 10, 24, 32, 48, 96)
