"""`askew finn fold` and the check of capacity. Oracles: FINN's own estimate of the run; the board file; arithmetic."""

import json
import shutil

import pytest

from bnn import as_chain, load_network
from bnn.folding import Folding, load_folding
from flow.cli.main import run as askew

BOARD = """
name = "Mine"
part = "xc7z020clg400-1"
family = "xc7"
luts = {luts}
ffs = 106400
bram36 = 140
dsps = 220
clock_mhz = 100
finn_name = "Pynq-Z2"
{more}
"""


def complaint(capsys):
    """The one line that a user sees."""
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("askew: ")]
    assert len(lines) == 1
    return lines[0]


def board_file(tmp_path, luts, more=""):
    file = tmp_path / f"board-{luts}.toml"
    file.write_text(BOARD.format(luts=luts, more=more))
    return file


@pytest.fixture(scope="module")
def folded_for_finn(exported_run, tmp_path_factory):
    """A run folded for FINN by default; read only."""
    run = tmp_path_factory.mktemp("finn") / "small"
    shutil.copytree(exported_run, run)
    assert askew(["finn", "fold", "--run", str(run), "--board", "pynq z2"]) == 0
    return run


def test_the_default_is_what_the_dma_can_feed_within_seventy_percent(folded_for_finn):
    described = json.loads((folded_for_finn / "finn" / "folding.json").read_text())
    # 8 x 8 pixels of a byte, 64 bits a cycle: 8 cycles.
    assert described["input_limit"] == {
        "frame_bytes": 64,
        "bytes_per_second": 8e8,
        "frames_per_second": 12.5e6,
        "cycles": 8.0,
    }
    assert described["frame_ii_cycles"] <= 8
    assert described["frames_per_second"] == 100e6 / described["frame_ii_cycles"]
    assert described["utilization"] == 0.7
    assert described["budget"] == {"luts": 37_240, "bram18": 196}
    assert described["lut"] <= 37_240
    assert (described["board"], described["clock_mhz"], described["target_fps"]) == ("Pynq-Z2", 100.0, None)


def test_estimate_takes_it_and_agrees(folded_for_finn, capsys):
    described = json.loads((folded_for_finn / "finn" / "folding.json").read_text())
    run = str(folded_for_finn)
    assert askew(["finn", "estimate", "--run", run, "--board", "Pynq-Z2", "--frames", "1"]) == 0
    printed = capsys.readouterr()
    assert "finn fold:" not in printed.out
    assert f"FINN estimates {described['lut']:,} of 53,200 LUTs" in printed.out
    estimate = json.loads((folded_for_finn / "finn" / "estimate.json").read_text())
    assert estimate["resources"]["lut"] == described["lut"]
    assert estimate["resources"]["bram18"] == described["bram18"]
    assert estimate["frame_ii_cycles"] == described["frame_ii_cycles"]
    for name, layer in described["layers"].items():
        assert {key: estimate["layers"][name][key] for key in ("pe", "simd")} == {
            key: layer[key] for key in ("pe", "simd")
        }


def test_a_rate_in_the_fewest_luts_is_exact(run_copy, capsys):
    """A frame every 64 cycles is 1,562,500 frames/s; a design of 64 cycles is kept and none of 65 is taken."""
    finn = ["finn", "fold", "--run", str(run_copy), "--board", "Pynq-Z2", "--target-fps"]
    assert askew([*finn, "1562500"]) == 0
    described = json.loads((run_copy / "finn" / "folding.json").read_text())
    assert described["frame_ii_cycles"] == 64
    assert described["lut"] < 5_000
    before = (run_copy / "finn" / "folding.json").read_bytes()
    assert askew([*finn, "1e9"]) == 2
    line = complaint(capsys)
    assert "1,000,000,000 frames/s at 100 MHz are not possible within 70% of Pynq-Z2 (37,240 LUTs, 196 block" in line
    assert "the fastest possible is" in line
    assert (run_copy / "finn" / "folding.json").read_bytes() == before


def test_a_folding_of_something_else_is_made_again(folded_for_finn, tmp_path, capsys):
    """Oracle: the file, one thing changed at a time."""
    run = tmp_path / "small"
    shutil.copytree(folded_for_finn, run)
    file = run / "finn" / "folding.json"
    kept = file.read_bytes()
    estimate = ["finn", "estimate", "--run", str(run), "--frames", "1"]
    assert askew(estimate) == 0
    assert "finn fold:" not in capsys.readouterr().out
    assert file.read_bytes() == kept
    assert askew([*estimate, "--board", "ZCU104"]) == 0
    assert json.loads(file.read_text())["board"] == "ZCU104"
    assert json.loads((run / "finn" / "estimate.json").read_text())["board"] == "ZCU104"
    assert askew(["finn", "fold", "--run", str(run), "--board", "Pynq-Z2"]) == 0
    assert file.read_bytes() == kept
    assert askew(estimate) == 0  # the folding's board, not the last estimate's
    assert json.loads((run / "finn" / "estimate.json").read_text())["board"] == "Pynq-Z2"
    file.write_text('{"network_hash": ')
    assert askew(estimate) == 0
    assert file.read_bytes() == kept


def test_what_does_not_fit_is_not_packaged(run_copy, tmp_path, capsys):
    network = as_chain(load_network(run_copy / "network.npz"))
    unrolled = tmp_path / "unrolled.json"
    unrolled.write_text(json.dumps(Folding.unrolled(network).describe(network)))
    folding = load_folding(unrolled, network)
    assert max(folding.cycles(network).values()) == 1
    board = board_file(tmp_path, 5_000)
    package = ["finn", "package", "--run", str(run_copy), "--board", str(board), "--folding", str(unrolled)]
    assert askew(package) == 2
    line = complaint(capsys)
    assert "finn: the design does not fit: FINN estimates " in line
    assert "LUTs, " in line
    assert "more than Pynq-Z2 has (5,000)" in line
    assert "`askew finn fold --run " in line
    assert not (run_copy / "finn" / "build").exists()
    assert askew(["bitstream", *package[2:], "--dry-run"]) == 2
    assert "does not fit" in complaint(capsys)
    assert not (run_copy / "finn" / "build").exists()
    assert askew([*package, "--over-capacity"]) == 0
    described = json.loads((run_copy / "finn" / "deploy" / "deploy.json").read_text())
    assert described["network_hash"] == network.hash
    assert described["bitfile"] is None
    assert "There is no bitfile here yet" in (run_copy / "finn" / "deploy" / "README.md").read_text()
    assert (run_copy / "finn" / "build" / "manifest.json").exists()


def test_finns_own_folding_is_checked_as_well(run_copy, tmp_path, capsys):
    board = board_file(tmp_path, 300)
    package = ["finn", "package", "--run", str(run_copy), "--board", str(board), "--target-fps", "1000"]
    assert askew([*package, "--finn-folding"]) == 2
    assert "more than Pynq-Z2 has (300)" in complaint(capsys)
    assert not (run_copy / "finn" / "folding.json").exists()


def test_a_board_that_holds_nothing(run_copy, tmp_path, capsys):
    assert askew(["finn", "fold", "--run", str(run_copy), "--board", str(board_file(tmp_path, 100))]) == 2
    line = complaint(capsys)
    assert "no folding of this network fits within 70% of Pynq-Z2 (70 LUTs, 196 block RAMs)" in line
    assert "the one with the fewest LUTs takes " in line


def test_options_that_contradict_one_another(run_copy, capsys):
    finn = ["--run", str(run_copy), "--board", "Pynq-Z2"]
    assert askew(["finn", "fold", *finn, "--max-fps", "--target-fps", "5"]) == 2
    assert "finn fold: --target-fps and --max-fps contradict each other; give one of them" in complaint(capsys)
    assert askew(["finn", "package", *finn, "--folding", "finn-tfc", "--target-fps", "5"]) == 2
    assert "finn package: --target-fps and --folding contradict each other" in complaint(capsys)
    assert askew(["finn", "package", *finn, "--finn-folding"]) == 2
    assert "--finn-folding wants a --target-fps that is a whole number" in complaint(capsys)
    assert askew(["finn", "fold", "--run", str(run_copy), "--board", "VCK190"]) == 2
    assert "what VCK190 has is not known here; give --target-fps" in complaint(capsys)
    assert askew(["finn", "fold", "--run", str(run_copy), "--board", "ULX3S-85F"]) == 2
    assert "FINN does not know it; its boards: " in complaint(capsys)


def test_a_bitstream_by_our_name_of_the_board(run_copy, tmp_path, capsys):
    """Oracles: the board file's finn_name; FINN's own table of parts."""
    from finn.util.basic import part_map

    network = as_chain(load_network(run_copy / "network.npz"))
    file = tmp_path / "sequential.json"
    file.write_text(json.dumps(Folding.sequential(network).describe(network)))
    given = ["bitstream", "--run", str(run_copy), "--board", "KV260", "--folding", str(file), "--dry-run", "--force"]
    assert askew(given) == 0
    configuration = json.loads((run_copy / "finn" / "build" / "manifest.json").read_text())["configuration"]
    assert (configuration["board"], configuration["part"]) == ("KV260_SOM", part_map["KV260_SOM"])
    assert json.loads((run_copy / "finn" / "deploy" / "deploy.json").read_text())["board"] == "KV260_SOM"


@pytest.mark.parametrize(
    ("styles", "reason"),
    [
        ([], "ram_styles must be a table of layers"),
        ({"fc9": {"matrix": "block"}}, "layer fc9 is not in the network; its layers: fc1, fc2, fc3"),
        ({"fc1": "block"}, "ram_styles of layer fc1 must be a table of matrix and window"),
        ({"fc1": {"matrix": "ultra"}}, "matrix = 'ultra' must be one of matrix, window with one of block, distributed"),
        ({"fc1": {"pool": "block"}}, "pool = 'block' must be one of matrix, window"),
    ],
)
def test_memories_of_a_folding_file_that_cannot_be(run_copy, tmp_path, capsys, styles, reason):
    file = tmp_path / "mine.json"
    layers = {name: {"pe": 1, "simd": 1} for name in ("fc1", "fc2", "fc3")}
    file.write_text(json.dumps({"layers": layers, "ram_styles": styles}))
    package = ["finn", "package", "--run", str(run_copy), "--board", "Pynq-Z2", "--folding", str(file)]
    assert askew(package) == 2
    assert reason in complaint(capsys)
