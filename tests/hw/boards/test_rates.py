"""Rates and cycle budgets. Oracle: fractions alone, for rates that are whole and for those that we state ourselves."""

from fractions import Fraction

import numpy as np
import pytest

from hw.boards.rates import clock_hz, cycle_budget, frames_per_second, meets


@pytest.mark.parametrize(("clock_mhz", "hertz"), [(100.0, 10**8), (187.5, 187_500_000), (33.3, 33_300_000)])
def test_a_design_reaches_the_rate_that_is_stated_of_it(clock_mhz: float, hertz: int) -> None:
    """A user who asks for the very figure that a design was shown with gets that design, not one a cycle shorter."""
    assert clock_hz(clock_mhz) == hertz
    for cycles in [*range(1, 200_001), *range(10**9, 10**9 + 1_000), 10**15]:
        stated = float(Fraction(hertz, cycles))
        assert frames_per_second(clock_mhz, cycles) == stated
        assert cycle_budget(clock_mhz, stated) == cycles


@pytest.mark.parametrize("hertz", [10**8, 2 * 10**8, 125 * 10**6, 33_300_000])
def test_whole_rates_are_divided_exactly(hertz: int) -> None:
    exact = [Fraction(hertz, cycles) for cycles in range(1, 5_000) if hertz % cycles == 0]
    others = np.random.default_rng(hertz).integers(1, 2 * hertz, 5_000)
    for rate in [*map(int, exact), *map(int, others), hertz, hertz + 1, 1]:
        assert cycle_budget(hertz / 1e6, rate) == hertz // rate


def test_rates_that_are_not_whole() -> None:
    """Written with few digits they are far from every rounding: floor of the exact quotient."""
    for rate in ("0.1", "1.5", "29.97", "1234.567", "1e-6", "2.5e7"):
        assert cycle_budget(100.0, float(rate)) == 10**8 // Fraction(rate)


def test_a_frame_every_fraction_of_cycles() -> None:
    frame_ii = Fraction(129, 2)
    assert meets(100.0, frame_ii, float(Fraction(10**8) / frame_ii))
    assert not meets(100.0, frame_ii, float(Fraction(10**8) / frame_ii) * (1 + 1e-15))
