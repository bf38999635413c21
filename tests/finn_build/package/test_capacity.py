"""Whether a design fits. Oracles: the vendors' data sheets in our board files; FINN's platforms; sums by hand."""

import pytest

from finn_build.compiler.boards import finn_boards
from finn_build.errors import FinnError
from finn_build.package.capacity import Capacity, finn_capacity, shortages, verify_fits
from finn_build.worker.costs import UnitCost
from hw.boards.board import board_names, load_board

SMALL = Capacity("Small", 1_000, 10, 2)


@pytest.mark.parametrize(("name", "rounding"), [("Pynq-Z1", 0), ("Pynq-Z2", 0), ("ZCU104", 0.03)])
def test_finn_and_our_board_files_agree(name, rounding):
    """FINN states round figures of the ZCU104: 230,000 LUTs and 610 block RAMs, where the data sheet has more."""
    ours, theirs = load_board(name), finn_capacity(name)
    assert theirs is not None
    assert theirs.board == name
    counts = (ours.luts, ours.bram18, ours.dsps)
    assert (theirs.luts, theirs.bram18, theirs.dsp) == pytest.approx(counts, rel=rounding)


def test_every_board_of_ours_has_a_capacity_and_some_of_finns_have_none():
    assert all(load_board(name).luts for name in board_names())
    unknown = [board.name for board in finn_boards() if finn_capacity(board.name) is None]
    assert "VCK190" in unknown
    assert "Pynq-Z2" not in unknown


def test_figures_of_what_is_short():
    assert shortages(UnitCost(5, 1_000, 10, 0, 2), SMALL) == []
    assert shortages(UnitCost(5, 1_234, 10, 0, 3), SMALL) == [
        "1,234 LUTs, 234 more than Small has (1,000)",
        "3 DSPs, 1 more than Small has (2)",
    ]


def test_refuses_in_one_line_unless_told_otherwise():
    costs = {"MVAU_hls_0": [UnitCost(7, 900, 6)], "MVAU_hls_1": [UnitCost(9, 800, 5)]}
    with pytest.raises(
        FinnError,
        match=r"^finn: the design does not fit: FINN estimates 1,700 LUTs, 700 more than Small has \(1,000\); and "
        r"11 block RAMs of 18 kbit, 1 more than Small has \(10\); fold less, or add --over-capacity to package it all "
        r"the same$",
    ):
        verify_fits(costs, SMALL, "fold less")
    assert verify_fits(costs, SMALL, "fold less", over_capacity=True) == UnitCost(9, 1_700, 11)
    assert verify_fits(costs, None, "fold less").luts == 1_700


def test_refuses_what_cannot_be_generated_whatever_the_board():
    costs = {"MVAU_hls_0": [UnitCost(1, 1)], "MVAU_hls_1": [UnitCost(1, 1, problem="too wide.")]}
    with pytest.raises(FinnError, match=r"^finn: MVAU_hls_1 cannot be built \(too wide\); fold less$"):
        verify_fits(costs, None, "fold less", over_capacity=True)
