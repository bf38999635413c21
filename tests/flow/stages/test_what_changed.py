"""Real commands after something has changed: the right thing is made anew, or one line says what is stale.

The command of that line is taken out of its backticks and run. Oracles: figures that the changed input alone decides
(cycles of a given folding, the images in a file, a clock in a file), and a second run made from the changed input only.
"""

import json
import shutil

import numpy as np
import pytest

from flow.cli.main import run as askew
from tests.flow.conftest import FOLDING
from tests.support.advice import advised, follow
from tests.support.runs import CONFIG, exported

SLOWER = {"fc1": {"pe": 4, "simd": 8}, "fc2": {"pe": 3, "simd": 4}, "fc3": {"pe": 1, "simd": 2}}
FRAME_II = {"fast": 30, "slow": 120}  # MW/SIMD x MH/PE of the slowest layer, by hand: fc3, 24/4 x 10/2 and 24/2 x 10/1


def command(name, run, *more):
    return askew([*name.split(), "--run", str(run), *more])


def refused(capsys, name, run, *more):
    """The one line and the one command with which a command refuses."""
    capsys.readouterr()
    assert command(name, run, *more) == 2
    said = capsys.readouterr().err.strip()
    assert said.count("askew: ") == 1, said
    (advice,) = advised(said)
    return said, advice


def report(run):
    assert command("report", run) == 0
    return json.loads((run / "report.json").read_text())


def figures(run, name):
    return json.loads((run / name).read_text())


def fold(run, layers, *more):
    folding = run.parent / "given.json"
    folding.write_text(json.dumps({"network_hash": None, "layers": layers}))
    assert command("fold", run, "--folding", str(folding), *more) == 0


def whole(run):
    return report(run)["comparison"]["whole"]


def test_refold_then_report_mixes_nothing(folded_run):
    assert command("rtlsim", folded_run, "--frames", "6") == 0
    assert whole(folded_run)["askew_rtl"]["frame_ii_cycles"] == FRAME_II["fast"]
    fold(folded_run, SLOWER)
    told = report(folded_run)
    assert told["comparison"]["whole"]["askew_model"]["frame_ii_cycles"] == FRAME_II["slow"]
    assert told["hardware"]["rtlsim"] is None
    assert told["comparison"]["whole"]["askew_rtl"]["frame_ii_cycles"] is None
    assert "folding.json is another one" in told["stale"]["rtlsim"]["because"]
    assert follow(told["stale"]["rtlsim"]["command"]) == 0
    told = report(folded_run)
    assert told["comparison"]["whole"]["askew_rtl"]["frame_ii_cycles"] == FRAME_II["slow"]
    assert told["hardware"]["rtlsim"]["frames"] == 6
    assert "rtlsim" not in told["stale"]


def test_a_run_with_stalls_is_not_the_designs_speed(folded_run):
    assert command("rtlsim", folded_run, "--frames", "8", "--stall", "0.4", "--seed", "3") == 0
    stalled = figures(folded_run, "rtlsim.json")  # labels that waited come faster after another than they are made
    assert stalled["latency_cycles"] > stalled["predicted_latency_cycles"]
    told = report(folded_run)
    ours = told["comparison"]["whole"]["askew_rtl"]
    assert [ours[key] for key in ("frame_ii_cycles", "latency_cycles", "frames_per_second", "latency_us")] == [None] * 4
    assert (ours["mismatches"], ours["frames"], ours["stall"]) == (0, 8, 0.4)
    assert told["summary"]["frame_ii_cycles"] == FRAME_II["fast"]  # of the model
    layers = told["comparison"]["layers"].values()
    assert {(layer["busy_share"], layer["cycles"]["askew_rtl"]) for layer in layers} == {(None, None)}
    for page in ("report.md", "report.html"):
        assert "stalled on purpose (40.00% of the cycles at either end)" in (folded_run / page).read_text()
    assert command("rtlsim", folded_run, "--frames", "8") == 0
    ours = whole(folded_run)["askew_rtl"]
    assert ours["frame_ii_cycles"] == FRAME_II["fast"]
    assert not ours.get("stall")


def images_of_ones_own(file, seed):
    generator = np.random.default_rng(seed)
    labels = {"train": np.arange(300) % 3, "test": np.arange(60) % 3}
    arrays = {}
    for part, shown in labels.items():
        images = generator.integers(0, 120, (len(shown), 8, 8), dtype=np.uint8)
        for row, label in enumerate(shown):
            images[row, :, label * 3 : label * 3 + 2] += 120
        arrays |= {f"{part}_images": images, f"{part}_labels": shown.astype(np.int64)}
    np.savez(file, **arrays)
    return arrays["test_images"]


def test_replaced_images(tmp_path, capsys):
    file = tmp_path / "mine.npz"
    before = images_of_ones_own(file, 1)
    run = exported(tmp_path / "runs", CONFIG.replace('"digits"', f'"{file}"'))
    assert command("simulate", run) == 0
    np.testing.assert_array_equal(np.load(run / "golden" / "input.npy")[..., 0], before)
    after = images_of_ones_own(file, 2)
    said, advice = refused(capsys, "simulate", run)
    assert "the data set is another one than it was made from" in said
    assert "the data set" in report(run)["stale"]["golden"]["because"]
    assert follow(advice) == 0
    np.testing.assert_array_equal(np.load(run / "golden" / "input.npy")[..., 0], after)
    fresh = exported(tmp_path / "again", CONFIG.replace('"digits"', f'"{file}"'))
    assert (run / "network.npz").read_bytes() == (fresh / "network.npz").read_bytes()  # trained on the new ones too
    assert report(run)["stale"] == {}


def test_deleted_golden(run_copy, capsys):
    before = (run_copy / "golden" / "expected.npy").read_bytes()
    shutil.rmtree(run_copy / "golden")
    said, advice = refused(capsys, "simulate", run_copy)
    assert "golden is not there" in said
    assert follow(advice) == 0
    assert (run_copy / "golden" / "expected.npy").read_bytes() == before
    (run_copy / "golden" / "expected.npy").unlink()
    assert report(run_copy)["golden"] is None
    _, advice = refused(capsys, "simulate", run_copy)
    assert follow(advice) == 0
    assert (run_copy / "golden" / "expected.npy").read_bytes() == before
    shutil.rmtree(run_copy / "golden")
    assert command("export", run_copy) == 0  # never "up to date" without them
    assert (run_copy / "golden" / "expected.npy").read_bytes() == before


@pytest.mark.parametrize(
    ("old", "new"), [("seed = 0", "seed = 5"), ("threshold_shift = [\n    0.25,", "threshold_shift = [\n    0.5,")]
)
def test_edited_config(run_copy, tmp_path, capsys, old, new):
    """Another seed, another shift: what a new run of that config would be."""
    config = run_copy / "config.toml"
    assert config.read_text().count(old) == 1
    config.write_text(config.read_text().replace(old, new))
    before = (run_copy / "network.npz").read_bytes()
    said, advice = refused(capsys, "simulate", run_copy)
    assert "config.toml is another one than it was made from" in said
    assert follow(advice) == 0
    other = tmp_path / "other"
    assert command("train", other, "--config", str(config), "--threads", "1") == 0
    assert command("export", other) == 0
    assert (run_copy / "network.npz").read_bytes() == (other / "network.npz").read_bytes() != before


def test_retrained_with_another_seed_then_simulate(run_copy, capsys):
    assert command("simulate", run_copy) == 0
    config = run_copy / "config.toml"
    config.write_text(config.read_text().replace("seed = 0", "seed = 5"))
    assert command("train", run_copy, "--config", str(config), "--threads", "1") == 0
    said, advice = refused(capsys, "simulate", run_copy)
    assert "network.npz is stale" in said
    assert follow(advice) == 0
    told = figures(run_copy, "simulate.json")
    assert told["network_hash"] == figures(run_copy, "export.json")["network_hash"]
    assert told["mismatches"] == 0


def test_advice_keeps_what_was_asked_for(run_copy, capsys):
    """A refused command names one that does what was asked for, not what was asked for last."""
    assert command("fold", run_copy, "--board", "Pynq-Z2", "--max-fps") == 0
    _, advice = refused(capsys, "ladder", run_copy, "--rungs", "numpy,finn", "--frames", "7")
    assert "ladder.rungs" in advice
    shutil.rmtree(run_copy / "golden")
    _, advice = refused(capsys, "ladder", run_copy, "--rungs", "numpy,plain", "--frames", "7")
    assert follow(advice) == 0
    rungs = figures(run_copy, "ladder.json")["rungs"]
    assert {name: rung["frames"] for name, rung in rungs.items()} == {"numpy": 7, "plain": 7}
    (run_copy / "network.npz").unlink()
    _, advice = refused(capsys, "fold", run_copy, "--board", "ZCU104", "--target-fps", "50000", "--clock-mhz", "150")
    assert follow(advice) == 0
    folding = figures(run_copy, "folding.json")
    assert (folding["board"], folding["clock_mhz"]) == ("ZCU104", 150)
    assert figures(run_copy, "stages/fold.json")["options"]["target_fps"] == 50000
    assert not figures(run_copy, "stages/fold.json")["options"]["max_fps"]


def test_another_clock(folded_run):
    fold(folded_run, FOLDING, "--board", "Pynq-Z2", "--clock-mhz", "100")
    assert command("rtl", folded_run) == 0
    assert figures(folded_run, "rtl/manifest.json")["clock_mhz"] == 100
    fold(folded_run, FOLDING, "--board", "Pynq-Z2", "--clock-mhz", "150")
    told = whole(folded_run)["askew_rtl"]
    assert told["clock_mhz"] is None
    (advice,) = advised(told["written"])
    assert follow(advice) == 0
    assert figures(folded_run, "rtl/manifest.json")["clock_mhz"] == 150
    assert command("run", folded_run, "--to", "rtl", "--clock-mhz", "125") == 0
    assert figures(folded_run, "rtl/manifest.json")["clock_mhz"] == 125
    assert figures(folded_run, "folding.json")["clock_mhz"] == 125


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("fold", "--target-fps 1000 --latency", "fold: --target-fps and --latency contradict each other"),
        ("fold", "--max-fps --folding x.json", "fold: --max-fps and --folding contradict each other"),
        ("run", "--to rtl --max-fps --latency", "fold: --max-fps and --latency contradict each other"),
        ("finn estimate", "--target-fps 10 --folding finn-tfc", "--target-fps and --folding contradict each other"),
        ("run", "--to export --board ZCU104", "none of train, export takes --board"),
    ],
)
def test_options_that_contradict(run_copy, capsys, name, options, said):
    capsys.readouterr()
    assert command(name, run_copy, *options.split()) == 2
    complaint = capsys.readouterr().err
    assert said in complaint
    assert complaint.count("\n") == 1
    assert not (run_copy / "folding.json").exists()


@pytest.mark.slow
def test_folded_for_another_board_then_finn(run_copy, capsys):
    """FINN takes some 20 s a compilation."""
    pytest.importorskip("finn")
    assert command("finn fold", run_copy, "--board", "Pynq-Z2") == 0
    assert command("finn estimate", run_copy, "--frames", "2") == 0
    assert figures(run_copy, "finn/estimate.json")["board"] == "Pynq-Z2"
    assert command("finn fold", run_copy, "--board", "ZCU104") == 0
    told = report(run_copy)
    assert told["hardware"]["finn_estimate"] is None
    assert follow(told["stale"]["finn/estimate"]["command"]) == 0
    assert figures(run_copy, "finn/estimate.json")["board"] == "ZCU104"
    assert command("finn estimate", run_copy, "--board", "Ultra96", "--frames", "2") == 0
    assert figures(run_copy, "finn/folding.json")["board"] == "Ultra96"
    assert figures(run_copy, "finn/estimate.json")["board"] == "Ultra96"
    capsys.readouterr()
    assert command("bitstream", run_copy, "--board", "ZCU104", "--dry-run") == 0
    assert figures(run_copy, "finn/build/dataflow_build_config.json")["board"] == "ZCU104"
    assert "stages/bitstream.json" not in {str(file.relative_to(run_copy)) for file in run_copy.rglob("*.json")}
