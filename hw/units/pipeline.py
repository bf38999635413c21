"""How much logic stands between two registers: what a clock allows, and the registers that keep a unit within it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from hw.units.popcount import PopcountStyle

_LEVEL_NS, _SLOW_LEVEL_NS = 0.7, 1.25
_REGISTER_NS = 0.9
"""Of a register: clock to output, and setup."""
MIN_LEVELS = 3
"""An adder with its multiplexer in front, or a comparison and what it selects: units cannot be cut finer."""


@dataclass(frozen=True)
class Pipeline:
    """How much logic may stand between two registers of a design.

    A level is a look-up table with the wire to it; a carry chain counts as one. It is chosen once, for the design that
    is delivered, and stays when the same design is simulated with another style of popcount: registers are part of what
    is simulated.

    Attributes:
        style: of the popcounts, and so of the FPGA, whose levels are counted.
        levels: at most so many, where a unit can be cut so fine.
    """

    style: PopcountStyle = PopcountStyle.COMPRESSOR
    levels: int = 13

    @classmethod
    def for_clock(cls, style: PopcountStyle, clock_mhz: float) -> Pipeline:
        """What such an FPGA does in a period, by estimate: a router has the last word.

        A level is taken as 0.7 ns on 7-series and later (-1), 1.25 ns on ECP5 (-6).
        """
        level_ns = _SLOW_LEVEL_NS if style is PopcountStyle.CARRY else _LEVEL_NS
        return cls(style, max(MIN_LEVELS, int((1000 / clock_mhz - _REGISTER_NS) / level_ns + 1e-9)))

    def registers(self, delays: Sequence[int], tail: int = 0) -> int:
        """The fewest registers with which no path is longer than ``levels``; else those with the shortest longest path.

        Args:
            delays: of steps one after the other, in levels. ``spread`` says where the registers go.
            tail: levels behind the last step, up to the register that is there in any case; 0: none, so that the last
                step itself needs one.
        """
        longest = {count: longest_path(delays, count, tail) for count in range(0 if tail else 1, len(delays) + 1)}
        enough = max(self.levels, min(longest.values()))
        return next(count for count, levels in longest.items() if levels <= enough)


DEFAULT_PIPELINE = Pipeline()
"""Of a compressor tree at 100 MHz."""


def spread(steps: int, registers: int) -> list[int]:
    """Registers behind each of so many steps: evenly, the last first; more than there are steps go behind the last."""
    if registers >= steps:
        return [1] * (steps - 1) + [registers - steps + 1]
    return [(step + 1) * registers // steps - step * registers // steps for step in range(steps)]


def longest_path(delays: Sequence[int], registers: int, tail: int) -> int:
    """The longest path between registers, in levels."""
    cuts = [0, *(step + 1 for step, count in enumerate(spread(len(delays), registers)) if count), len(delays)]
    parts = [sum(delays[begin:end]) for begin, end in pairwise(cuts)]
    return max([*parts[:-1], parts[-1] + tail])
