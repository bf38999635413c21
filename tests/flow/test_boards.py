"""One table of boards. Oracles: FINN's own tables of parts; the board files read with tomllib."""

import tomllib

import pytest
from finn.util.basic import part_map

from finn_build.errors import FinnError
from flow.boards import board_for_finn, board_of_ours, find_known, known_boards
from flow.stages.finn_fold import Target
from hw.boards.board import BOARD_FOLDER, BoardError

TABLES = [tomllib.loads(file.read_text()) for file in sorted(BOARD_FOLDER.glob("*.toml"))]
MINE = """
name = "Mine"
part = "{part}"
family = "xc7"
luts = 1000
ffs = 2000
bram36 = 10
dsps = 0
clock_mhz = 80
{more}
"""


def file_of(tmp_path, part="xc7z020clg400-1", more='finn_name = "Pynq-Z1"'):
    file = tmp_path / "mine.toml"
    file.write_text(MINE.format(part=part, more=more))
    return str(file)


def test_every_board_once():
    table = known_boards()
    ours = {entry.ours.name: entry.finn and entry.finn.name for entry in table if entry.ours}
    assert ours == {board["name"]: board.get("finn_name") for board in TABLES}
    finns = [entry.finn.name for entry in table if entry.finn]
    assert sorted(finns) == sorted(part_map)


@pytest.mark.parametrize("board", TABLES, ids=lambda board: board["name"])
def test_a_board_goes_by_our_name_and_by_finns(board):
    names = [board["name"], board["name"].lower().replace("-", " ")]
    if "finn_name" in board:
        names += [board["finn_name"], board["finn_name"].lower()]
        for name in names:
            finn, ours = board_for_finn(name)
            assert (finn.name, finn.part) == (board["finn_name"], part_map[board["finn_name"]])
            assert ours.luts == board["luts"]
            assert Target.of(name, None).clock_mhz == board["clock_mhz"]
    for name in names:
        assert board_of_ours(name).part == board["part"]


def test_a_file_says_what_finn_calls_it(tmp_path):
    finn, ours = board_for_finn(file_of(tmp_path))
    assert (finn.name, ours.name, ours.luts) == ("Pynq-Z1", "Mine", 1000)


def test_known_to_one_alone():
    with pytest.raises(FinnError, match=r"board ULX3S-85F: known here, but FINN does not know it; its boards: Ultra96"):
        board_for_finn("ulx3s 85f")
    expected = (
        r"board ZCU102: FINN knows it, but its sizes are not known here; "
        r'.*finn_name = "ZCU102", or one of Arty-A7-35T, KV260'
    )
    with pytest.raises(BoardError, match=expected):
        board_of_ours("zcu102")
    assert board_for_finn("zcu102")[1] is None


def test_known_to_neither():
    with pytest.raises(
        BoardError, match=r"board 'Pynq-Z9' is known neither here nor to FINN; known: Arty-A7-35T, KV260, .*ZCU102"
    ):
        find_known("Pynq-Z9")
    with pytest.raises(BoardError, match=r"board 'Pynq-Z9' is not known; known: Arty-A7-35T, KV260, "):
        board_of_ours("Pynq-Z9")


def test_files_that_finn_cannot_build_for(tmp_path):
    with pytest.raises(BoardError, match=r"its finn_name 'Pynq-Z9' is none of FINN's boards: Ultra96"):
        board_for_finn(file_of(tmp_path, more='finn_name = "Pynq-Z9"'))
    with pytest.raises(BoardError, match=r"its part is xc7z010clg400-1, but FINN builds Pynq-Z1 for xc7z020clg400-1"):
        board_for_finn(file_of(tmp_path, part="xc7z010clg400-1"))
    with pytest.raises(FinnError, match=r"board Mine: known here, but FINN does not know it"):
        board_for_finn(file_of(tmp_path, more=""))
    with pytest.raises(BoardError, match=r"board file .*none\.toml: does not exist"):
        find_known(str(tmp_path / "none.toml"))
