"""Which dividers of a family's clock generator come nearest to a clock that is asked for, never above it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from bnn import UserError


@dataclass(frozen=True)
class PllLimits:
    """What a family's clock generator can do.

    Attributes:
        lowest_phase_mhz, highest_phase_mhz: of its phase comparator, whose input is divided from the oscillator.
        lowest_vco_mhz, highest_vco_mhz: of its own oscillator.
        input_dividers, multipliers, output_dividers: the largest of each; the smallest is 1.
        feedback_from_output: the multiplier multiplies the output's clock, not its own oscillator's.
    """

    lowest_phase_mhz: float
    highest_phase_mhz: float
    lowest_vco_mhz: float
    highest_vco_mhz: float
    input_dividers: int
    multipliers: int
    output_dividers: int
    feedback_from_output: bool


# ECP5 and ECP5-5G Family Data Sheet (FPGA-DS-02012), sysCLOCK PLL timing.
ECP5 = PllLimits(3.125, 400, 400, 800, 128, 128, 128, feedback_from_output=True)
# Artix-7 Data Sheet (DS181), PLL, speed grade -1.
XC7 = PllLimits(19, 450, 800, 1600, 56, 64, 128, feedback_from_output=False)


@dataclass(frozen=True)
class Pll:
    """Dividers, and the clock that they give.

    Attributes:
        input_divider, multiplier, output_divider: of the clock generator.
        vco_mhz: of its own oscillator.
        clock_mhz: exactly.
    """

    input_divider: int
    multiplier: int
    output_divider: int
    vco_mhz: Fraction
    clock_mhz: Fraction


def solve_pll(oscillator_mhz: float, clock_mhz: float, limits: PllLimits) -> Pll:
    """The dividers whose clock is the nearest to ``clock_mhz`` and not above it; of equal ones the smallest, mid-range.

    Raises:
        UserError: no dividers give half of it or more.
    """
    asked = Fraction(repr(float(clock_mhz)))
    middle = Fraction(limits.lowest_vco_mhz + limits.highest_vco_mhz) / 2
    candidates = [pll for pll in _plls(Fraction(repr(float(oscillator_mhz))), limits) if pll.clock_mhz <= asked]
    best = max(
        candidates,
        key=lambda pll: (pll.clock_mhz, -pll.input_divider, -pll.multiplier, -abs(pll.vco_mhz - middle)),
        default=None,
    )
    if best is None or best.clock_mhz < asked / 2:
        raise UserError(
            f"implement: no setting of the clock generator makes {clock_mhz:g} MHz of the board's {oscillator_mhz:g} "
            "MHz; give another --clock-mhz"
        )
    return best


def _plls(oscillator: Fraction, limits: PllLimits) -> Iterator[Pll]:
    for divider in range(1, limits.input_dividers + 1):
        phase = oscillator / divider
        if not limits.lowest_phase_mhz <= phase <= limits.highest_phase_mhz:
            continue
        for multiplier in range(1, limits.multipliers + 1):
            for output in range(1, limits.output_dividers + 1):
                vco = phase * multiplier * (output if limits.feedback_from_output else 1)
                if limits.lowest_vco_mhz <= vco <= limits.highest_vco_mhz:
                    yield Pll(divider, multiplier, output, vco, vco / output)
