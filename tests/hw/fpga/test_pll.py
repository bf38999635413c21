"""Dividers of clock generators. Oracle: Project Trellis' ecppll on the same clocks; the data sheets' limits."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bnn import UserError
from hw.fpga.pll import ECP5, XC7, solve_pll

ECPPLL = Path(sys.executable).parent / "yowasp-ecppll"


@pytest.mark.parametrize("mhz", [40, 48, 50, 62.5, 81.25, 100])
def test_as_near_as_ecppll_comes(mhz, tmp_path):
    program = str(ECPPLL) if ECPPLL.exists() else shutil.which("ecppll")
    if program is None:
        pytest.skip("needs ecppll")
    command = [program, "-i", "25", "-o", str(mhz), "-f", "pll.v"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    theirs = float(re.search(r"clkout0 frequency: ([\d.]+)", ran.stdout)[1])
    ours = float(solve_pll(25, mhz, ECP5).clock_mhz)
    assert ours <= mhz
    if theirs <= mhz:  # it may also come out above, which a design that just meets its clock could not bear
        assert ours >= theirs - 1e-6


@pytest.mark.parametrize("limits", [ECP5, XC7])
@pytest.mark.parametrize("mhz", [33.3, 50, 71, 100, 133])
def test_every_limit_is_kept(limits, mhz):
    oscillator = 25 if limits is ECP5 else 100
    found = solve_pll(oscillator, mhz, limits)
    phase = oscillator / found.input_divider
    assert limits.lowest_phase_mhz <= phase <= limits.highest_phase_mhz
    vco = phase * found.multiplier * (found.output_divider if limits.feedback_from_output else 1)
    assert vco == pytest.approx(float(found.vco_mhz))
    assert limits.lowest_vco_mhz <= vco <= limits.highest_vco_mhz
    assert vco / found.output_divider == pytest.approx(float(found.clock_mhz))
    assert mhz * 0.96 <= found.clock_mhz <= mhz


def test_a_clock_that_cannot_be_made_is_said():
    with pytest.raises(UserError, match=r"no setting of the clock generator makes 0.5 MHz of the board's 25 MHz"):
        solve_pll(25, 0.5, ECP5)
