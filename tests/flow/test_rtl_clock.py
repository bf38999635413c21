"""The clock of constraints, manifest and report. The oracle: the period as arithmetic, and sentences written out."""

import json
import re

import pytest

from flow.cli.main import run as askew


def written(run):
    """(MHz in the manifest, ns in the constraints)."""
    manifest = json.loads((run / "rtl" / "manifest.json").read_text())
    period = re.search(r"-period ([0-9.]+) ", (run / "rtl" / "constraints.xdc").read_text())
    return manifest["clock_mhz"], float(period[1])


def reported(run):
    """(MHz and frames/s of our RTL, of our model; what the report says of rtl/)."""
    assert askew(["report", "--run", str(run)]) == 0
    whole = json.loads((run / "report.json").read_text())["comparison"]["whole"]
    sources = (whole["askew_rtl"], whole["askew_model"])
    return (*((one["clock_mhz"], one["frames_per_second"]) for one in sources), whole["askew_rtl"]["written"])


@pytest.fixture
def fast_run(run_copy):
    """Folded for 200 MHz, on a board whose usual clock is another; with a frame interval as if it was simulated."""
    fold = ["fold", "--run", str(run_copy), "--board", "Pynq-Z2", "--target-fps", "100000", "--clock-mhz", "200"]
    assert askew(fold) == 0
    figures = json.loads((run_copy / "folding.json").read_text())
    simulated = {"network_hash": figures["network_hash"], "frame_ii_cycles": 1000, "latency_cycles": 3000}
    simulated |= {"frames": 3, "mismatches": 0}
    (run_copy / "rtlsim.json").write_text(json.dumps(simulated))
    return run_copy


def test_the_foldings_clock_is_that_of_the_constraints(fast_run, capsys):
    assert askew(["rtl", "--run", str(fast_run)]) == 0
    assert "constraints for 200 MHz, the folding's clock" in capsys.readouterr().out
    assert written(fast_run) == (200.0, 5.0)
    ours, model, text = reported(fast_run)
    assert ours == (200.0, 200_000.0)
    assert model[0] == 200.0
    assert text == "popcount primitives, constraints for 200 MHz"


def test_another_clock_is_taken_and_said(fast_run, capsys):
    assert askew(["rtl", "--run", str(fast_run), "--clock-mhz", "125"]) == 0
    line = "constraints for 125 MHz, as asked; the folding and its frames/s are for 200 MHz"
    assert line in capsys.readouterr().out
    assert written(fast_run) == (125.0, 8.0)
    ours, model, text = reported(fast_run)
    assert ours == (125.0, 125_000.0)
    assert model[0] == 200.0
    assert text == "popcount primitives, constraints for 125 MHz, while the folding is for 200 MHz"
    assert text in (fast_run / "report.md").read_text()
    assert text in (fast_run / "report.html").read_text()


def test_without_a_clock_one_is_assumed_and_said(run_copy, tmp_path, capsys):
    layers = {"fc1": {"pe": 8, "simd": 16}, "fc2": {"pe": 6, "simd": 8}, "fc3": {"pe": 2, "simd": 4}}
    (tmp_path / "folding.json").write_text(json.dumps({"network_hash": None, "layers": layers}))
    assert askew(["fold", "--run", str(run_copy), "--folding", str(tmp_path / "folding.json")]) == 0
    assert askew(["rtl", "--run", str(run_copy)]) == 0
    assert "constraints for 100 MHz, assumed, as the folding names no clock" in capsys.readouterr().out
    assert written(run_copy) == (100.0, 10.0)
    assert askew(["rtl", "--run", str(run_copy), "--clock-mhz", "50"]) == 0
    assert "constraints for 50 MHz, as asked\n" in capsys.readouterr().out
    assert written(run_copy) == (50.0, 20.0)


def test_a_design_of_another_folding_is_stale_and_gives_no_clock(fast_run):
    assert askew(["rtl", "--run", str(fast_run), "--clock-mhz", "125"]) == 0
    fold = ["fold", "--run", str(fast_run), "--board", "Pynq-Z2", "--target-fps", "1000", "--clock-mhz", "150"]
    assert askew(fold) == 0
    ours, model, text = reported(fast_run)
    assert ours == (150.0, 150_000.0)
    assert model[0] == 150.0
    assert text.startswith("stale, made from another folding")
    (fast_run / "rtl" / "manifest.json").write_text("{")
    assert reported(fast_run)[2].startswith("stale or damaged (")


@pytest.mark.parametrize("clock", [0, -1, "fast", True])
def test_a_damaged_clock_is_one_line(fast_run, clock, capsys):
    figures = json.loads((fast_run / "folding.json").read_text()) | {"clock_mhz": clock}
    (fast_run / "folding.json").write_text(json.dumps(figures))
    assert askew(["rtl", "--run", str(fast_run)]) == 2
    assert f"clock_mhz ({clock!r}) must be a number above 0; run `askew fold` again" in capsys.readouterr().err
