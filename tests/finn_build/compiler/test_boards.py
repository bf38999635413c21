"""Boards by any spelling. Oracle: FINN's own table of boards."""

import pytest

from finn_build.compiler.boards import Shell, find_board, finn_boards
from finn_build.errors import FinnError


@pytest.mark.parametrize("name", ["Pynq-Z2", "pynq-z2", "Pynq_Z2", "PYNQ Z2", "pynqz2"])
def test_spelling_does_not_matter(name):
    assert find_board(name).name == "Pynq-Z2"
    assert find_board(name).part == "xc7z020clg400-1"


def test_every_board_of_finn_is_there():
    from finn.util.basic import part_map

    assert {board.name: board.part for board in finn_boards()} == part_map


def test_shells():
    assert find_board("u250").shell is Shell.ALVEO
    assert find_board("zcu 104").shell is Shell.ZYNQ
    assert find_board("vck190").shell is None


def test_licence():
    assert find_board("zcu102").needs_licence
    assert not find_board("pynq-z1").needs_licence


def test_unknown_board_lists_all():
    with pytest.raises(
        FinnError, match=r"board 'Pynq-Z9': FINN does not know it; its boards: Ultra96, .*Pynq-Z2.*U250"
    ):
        find_board("Pynq-Z9")
