"""Board files are compared with the figures of the vendors' data sheets and with FINN's own part names."""

from __future__ import annotations

from pathlib import Path

import pytest

from hw.boards.board import BOARD_FOLDER, BoardError, board_names, load_board


def test_every_shipped_board_loads_under_loose_names() -> None:
    assert board_names() == [
        "Arty-A7-35T",
        "KV260",
        "Pynq-Z1",
        "Pynq-Z2",
        "ULX3S-85F",
        "Ultra96-V2",
        "ZCU104",
        "generic",
    ]
    for name in board_names():
        for spelling in (name, name.lower(), name.upper(), name.replace("-", "_"), name.replace("-", " ")):
            assert load_board(spelling).name == name


def test_parts_and_names_are_finns() -> None:
    basic = pytest.importorskip("finn.util.basic", reason="FINN's front end is not installed")
    for name in board_names():
        board = load_board(name)
        if board.finn_name is not None:
            assert basic.pynq_part_map[board.finn_name] == board.part


def test_pynq_z2_has_the_data_sheets_figures() -> None:
    board = load_board("pynq-z2")  # DS190: XC7Z020
    assert (board.luts, board.ffs, board.bram36, board.bram18, board.dsps) == (53_200, 106_400, 140, 280, 220)


def test_input_is_bounded_by_port_and_memory() -> None:
    """UG585: a high-performance port has 64 bits. The boards' manuals: DDR3 of 16 bits at 1050 MT/s, 2,100 MB/s."""
    board = load_board("pynq-z2")
    assert board.input_bytes_per_second(100) == 800_000_000
    assert board.input_bytes_per_second(33.3) == 266_400_000
    assert board.input_bytes_per_second(300) == 2_100_000_000
    assert board.input_bytes_per_second(100, port_bits=8) == 100_000_000
    assert load_board("zcu104").input_bytes_per_second(200) == 3_200_000_000
    assert load_board("ulx3s-85f").input_bytes_per_second(50) == 332_000_000
    assert load_board("generic").input_bytes_per_second(100) is None


def test_a_share_is_rounded_down_exactly() -> None:
    board = load_board("pynq-z2").share(0.7)  # 0.7 * 53200 is below 37,240 in binary fractions
    assert (board.luts, board.ffs, board.bram36, board.dsps) == (37_240, 74_480, 98, 154)
    assert load_board("pynq-z2").share(1.0) == load_board("pynq-z2")


def test_unknown_board_lists_all() -> None:
    with pytest.raises(BoardError, match=r"board 'pynq-z3' is not known; known: Arty-A7-35T, KV260, Pynq-Z1"):
        load_board("pynq-z3")


def test_a_users_own_file(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text((BOARD_FOLDER / "generic.toml").read_text().replace('name = "generic"', 'name = "mine"'))
    assert load_board(mine).name == "mine"
    with pytest.raises(BoardError, match="does not exist"):
        load_board(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("luts = 100000", "luts = -1", r"luts \(-1\) must be at least 0"),
        ("luts = 100000", 'luts = "many"', r"luts \('many'\) must be a whole number"),
        ("luts = 100000", "", "key 'luts' is missing"),
        ("luts = 100000", "luts = 1\nlutz = 2", "unknown key 'lutz'; known: bram36, clock_mhz"),
        ("clock_mhz = 100", "clock_mhz = 0", r"clock_mhz \(0.0\) must lie in"),
        ("clock_mhz = 100", "clock_mhz = 100\nlut_inputs = 5", r"lut_inputs \(5\) must be 4 or 6"),
        ("luts = 100000", "luts = ", "cannot be read"),
        ("luts = 100000", "luts = 100000000000", r"luts \(100000000000\) must be .* at most 100,000,000"),
        ("bram36 = ", "bram36 = 9999999", "bram36 .* at most 1,000,000"),
        ("clock_mhz = 100", "clock_mhz = nan", "clock_mhz"),
        ("clock_mhz = 100", "clock_mhz = 100\nport_bits = 4", r"port_bits \(4\) must lie in 8\.\.65536"),
        ("clock_mhz = 100", "clock_mhz = 100\nport_bits = 64.0", r"port_bits \(64.0\) must be a whole number"),
        ("clock_mhz = 100", "clock_mhz = 100\nmemory_mb_per_s = 0", r"memory_mb_per_s \(0.0\) must lie in 0\.\."),
    ],
)
def test_board_files_that_cannot_be_used(tmp_path: Path, old: str, new: str, message: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text((BOARD_FOLDER / "generic.toml").read_text().replace(old, new))
    with pytest.raises(BoardError, match=message):
        load_board(file)
