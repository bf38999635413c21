"""Frames a second and cycles a frame, in exact arithmetic: no design is a cycle short because a quotient is rounded."""

from __future__ import annotations

from fractions import Fraction


def clock_hz(clock_mhz: float) -> Fraction:
    """The clock exactly as it was written: 33.3 is 33,300,000 Hz, not what the nearest binary fraction comes to."""
    return Fraction(repr(float(clock_mhz))) * 1_000_000


def frames_per_second(clock_mhz: float, frame_ii: Fraction | int) -> float:
    """The rate of a design with a frame every ``frame_ii`` cycles, rounded once."""
    return float(clock_hz(clock_mhz) / frame_ii)


def meets(clock_mhz: float, frame_ii: Fraction | int, target_fps: float) -> bool:
    """Whether a design reaches a rate. A rate that we have stated is reached by the design that it was stated of."""
    return frames_per_second(clock_mhz, frame_ii) >= target_fps


def cycle_budget(clock_mhz: float, target_fps: float) -> int:
    """The most cycles a frame that reach a rate: floor(clock / rate), where a float stands for all that round to it.

    0 where even a frame a cycle is too slow.
    """
    cycles = int(clock_hz(clock_mhz) / Fraction(target_fps))
    while meets(clock_mhz, cycles + 1, target_fps):  # the float may lie above the rate that it was rounded from
        cycles += 1
    return cycles
