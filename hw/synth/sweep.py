"""Which units are measured: those that the estimates are fitted to, and others that only judge the fit."""

from __future__ import annotations

import random
from collections.abc import Iterator

from hw.units import UNITS
from hw.units.specification import Draw


def sweep() -> Iterator[str]:
    """What the estimates are fitted to."""
    for unit in UNITS:
        for kind, samples in unit.samples.items():
            yield from (f"{kind} {numbers}" for numbers in samples.split("; "))


def held_out(count: int = 30, seed: int = 1) -> Iterator[str]:
    """Random units, of the kinds in turn."""
    rng = random.Random(seed)
    for index in range(count):
        draw = Draw(rng)
        drawn = [text for unit in UNITS for text in unit.drawn(draw)]
        yield drawn[index % len(drawn)]
