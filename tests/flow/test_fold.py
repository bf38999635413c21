"""`askew fold`: what a user does, and gets wrong. Oracle: the folding read back, and the board's own file."""

import json

from bnn import as_chain, load_network
from bnn.folding import load_folding
from flow.cli.main import run as askew
from hw.boards.board import board_names


def complaint(capsys):
    """The one line that a user sees."""
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("askew: ")]
    assert len(lines) == 1
    return lines[0]


def test_every_goal_writes_a_folding_with_its_figures(run_copy, capsys):
    network = as_chain(load_network(run_copy / "network.npz"))
    fold = ["fold", "--run", str(run_copy), "--board", "pynq z2"]
    figures = {}
    for goal in (["--max-fps"], ["--latency"], ["--target-fps", "250000"]):
        assert askew([*fold, *goal]) == 0
        described = figures[goal[0]] = json.loads((run_copy / "folding.json").read_text())
        folding = load_folding(run_copy / "folding.json", network)
        assert described["network_hash"] == network.hash
        assert described["board"] == "Pynq-Z2"
        assert described["clock_mhz"] == 100
        assert described["frames_per_second"] == 100e6 / described["frame_ii_cycles"]
        assert {name: layer["cycles"] for name, layer in described["layers"].items()} == folding.cycles(network)
        parts = [*described["layers"].values(), *described["others"].values()]
        for key in ("luts", "ffs", "bram18"):
            assert described[key] >= sum(part[key] for part in parts) >= 0
    assert figures["--target-fps"]["frames_per_second"] >= 250_000
    assert figures["--target-fps"]["luts"] < figures["--max-fps"]["luts"]
    assert figures["--latency"]["latency_cycles"] <= figures["--max-fps"]["latency_cycles"]
    assert "frames/s at 100 MHz" in capsys.readouterr().out


def test_what_bounds_the_solver_is_stated(run_copy, capsys):
    """Oracle: the board's data sheets: 53,200 LUTs, a port of 64 bits a cycle; a frame here is 8 x 8 bytes."""
    fold = ["fold", "--run", str(run_copy), "--board", "Pynq-Z2"]
    assert askew([*fold, "--max-fps"]) == 0
    described = json.loads((run_copy / "folding.json").read_text())
    assert described["utilization"] == 0.7
    assert described["budget"] == {"luts": 37_240, "ffs": 74_480, "bram18": 196}
    limit = {"frame_bytes": 64, "bytes_per_second": 8e8, "frames_per_second": 12.5e6, "cycles": 8.0}
    assert described["input_limit"] == limit
    assert described["frame_ii_cycles"] <= 8
    printed = capsys.readouterr().out
    assert "within 70% of Pynq-Z2 (37,240 LUTs, 196 block RAMs of 18 kbit)" in printed
    assert "input: Pynq-Z2 reads 800 MB/s at most, 64 bytes a frame: 12,500,000 frames/s" in printed
    assert askew([*fold, "--max-fps", "--no-input-roof", "--utilization", "1.0"]) == 0
    faster = json.loads((run_copy / "folding.json").read_text())
    assert faster["frame_ii_cycles"] == 1
    assert faster["luts"] > described["luts"]
    assert faster["budget"]["luts"] == 53_200
    assert "no more of the design's 100,000,000 can come from there" in capsys.readouterr().out


def test_a_rate_that_was_stated_is_met_by_the_same_design(run_copy):
    """The figure of one design, asked for, gives a design as fast with no more LUTs. Oracle: the two files."""
    fold = ["fold", "--run", str(run_copy), "--board", "Pynq-Z2", "--target-fps"]
    for rate in ("1000", "123456", "3e6"):
        assert askew([*fold, rate]) == 0
        first = json.loads((run_copy / "folding.json").read_text())
        assert askew([*fold, repr(first["frames_per_second"])]) == 0
        again = json.loads((run_copy / "folding.json").read_text())
        assert again["frame_ii_cycles"] == first["frame_ii_cycles"]
        assert again["luts"] == first["luts"]


def test_the_clock_sets_the_cycles(run_copy):
    fold = ["fold", "--run", str(run_copy), "--board", "Pynq-Z2", "--target-fps", "100000"]
    taken = []
    for clock in ("100", "200"):
        assert askew([*fold, "--clock-mhz", clock]) == 0
        described = json.loads((run_copy / "folding.json").read_text())
        assert described["frames_per_second"] >= 100_000
        taken.append(described["luts"])
    assert taken[1] < taken[0]


def test_what_users_get_wrong(run_copy, tmp_path, capsys):
    fold = ["fold", "--run", str(run_copy)]
    assert askew([*fold, "--board", "Pynq-Z2", "--max-fps", "--latency"]) == 2
    assert "fold: --max-fps and --latency contradict each other; give one of them" in complaint(capsys)
    assert askew([*fold, "--folding", "finn-tfc", "--target-fps", "5"]) == 2
    assert "fold: --target-fps and --folding contradict each other; give one of them" in complaint(capsys)
    assert askew([*fold, "--board", "Pink-Z2", "--max-fps"]) == 2
    line = complaint(capsys)
    assert "board 'Pink-Z2' is not known" in line
    assert all(name in line for name in board_names())
    assert askew([*fold, "--board", "Pynq-Z2", "--target-fps", "1e12"]) == 2
    assert "the fastest possible is 100,000,000 frames/s, a frame every 1 cycle" in complaint(capsys)
    assert not (run_copy / "folding.json").exists()


def test_a_folding_over_the_budget(run_copy, tmp_path, capsys):
    fold = ["fold", "--run", str(run_copy)]
    assert askew([*fold, "--board", "Pynq-Z2", "--max-fps"]) == 0
    large = tmp_path / "large.json"
    described = json.loads((run_copy / "folding.json").read_text())
    large.write_text(json.dumps(described))
    board = tmp_path / "board.toml"
    board.write_text(
        'name = "Mine"\npart = "x"\nfamily = "xc7"\nluts = 50\nffs = 100000\nbram36 = 0\ndsps = 0\nclock_mhz = 50\n'
    )
    before = (run_copy / "folding.json").read_bytes()
    assert askew([*fold, "--board", str(board), "--folding", str(large)]) == 2
    line = complaint(capsys)
    assert f"takes {described['luts']:,} LUTs, {described['luts'] - 50:,} more than it has (50)" in line
    assert (run_copy / "folding.json").read_bytes() == before
    assert askew([*fold, "--folding", str(large)]) == 0  # on the board that it was last folded for
    assert json.loads((run_copy / "folding.json").read_text())["board"] == "Pynq-Z2"
    (run_copy / "stages" / "fold.json").unlink()
    assert askew([*fold, "--folding", str(large)]) == 0
    described = json.loads((run_copy / "folding.json").read_text())
    assert described["board"] is None
    assert described["frames_per_second"] is None
