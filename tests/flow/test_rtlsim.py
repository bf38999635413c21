"""`askew rtl`, `askew rtlsim` and the rung rtl on a small trained run.

Oracles: the run's golden frames; the folding's own cycles; the files on disk.
"""

import json
import shutil
import sys

import pytest

from bnn import load_network
from flow.cli.main import run as askew
from hw.generator.design import RTL_FOLDER
from tests.flow.conftest import FOLDING

CYCLES = {"fc1": 16, "fc2": 16, "fc3": 30}


def test_golden_frames_through_the_rtl(folded_run, capsys):
    run = str(folded_run)
    assert askew(["rtl", "--run", run]) == 0
    manifest = json.loads((folded_run / "rtl" / "manifest.json").read_text())
    network_hash = load_network(folded_run / "network.npz").hash
    assert (manifest["network_hash"], manifest["popcount"]) == (network_hash, "compressor")
    assert {name: layer["cycles"] for name, layer in manifest["folding"].items()} == CYCLES

    assert askew(["rtlsim", "--run", run, "--frames", "40"]) == 0
    figures = json.loads((folded_run / "rtlsim.json").read_text())
    assert figures["network_hash"] == network_hash
    assert (figures["frames"], figures["mismatches"]) == (40, 0)
    assert figures["popcount"] == figures["delivered_popcount"] == manifest["popcount"]
    assert figures["frame_ii_cycles"] == figures["predicted_frame_ii_cycles"] == max(CYCLES.values())
    assert figures["latency_cycles"] == figures["predicted_latency_cycles"]
    for name, layer in figures["layers"].items():
        assert layer["measured"] == layer["predicted"]
        assert (layer["cycles"], layer["pe"], layer["simd"]) == (CYCLES[name], *FOLDING[name].values())
    assert figures["layers"]["fc3"]["busy_share"] == 1

    capsys.readouterr()
    assert askew(["diff", "--run", run, "numpy", "rtl", "--frames", "20"]) == 0
    assert askew(["ladder", "--run", run, "--rungs", "numpy,rtl", "--frames", "20"]) == 0
    assert "numpy and rtl agree in every node on 20 frames" in capsys.readouterr().out
    assert json.loads((folded_run / "ladder.json").read_text())["rungs"]["rtl"]["mismatches"] == 0


def test_what_is_simulated_is_what_is_delivered_for_the_board(folded_run, tmp_path, monkeypatch, capsys):
    """The oracle: a fault in a primitive that only the delivered style has. Golden finds it; plain sums cannot."""
    run = str(folded_run)
    assert askew(["fold", "--run", run, "--board", "Pynq-Z2", "--folding", str(folded_run / "folding.json")]) == 0
    assert askew(["rtl", "--run", run]) == 0
    assert json.loads((folded_run / "rtl" / "manifest.json").read_text())["popcount"] == "primitives"
    capsys.readouterr()
    simulate = ["rtlsim", "--run", run, "--frames", "20"]
    assert askew(simulate) == 0
    assert "popcount primitives, as delivered" in capsys.readouterr().out

    rtl = tmp_path / "hw" / "rtl"
    shutil.copytree(RTL_FOLDER, rtl)
    full_adder = next(file for file in rtl.glob("*.sv") if "64'h96696996_f99f9009" in file.read_text())
    full_adder.write_text(full_adder.read_text().replace("64'h96696996_f99f9009", "64'h96696996_f99f9008"))
    for module in ("hw.generator.design", "hw.rtlsim.build"):
        monkeypatch.setattr(sys.modules[module], "RTL_FOLDER", rtl)
    assert askew(simulate) == 2
    assert "frames differ from golden" in capsys.readouterr().err
    assert json.loads((folded_run / "rtlsim.json").read_text())["mismatches"] > 0
    assert askew([*simulate, "--popcount", "naive"]) == 0
    assert "popcount naive instead of the delivered primitives" in capsys.readouterr().out
    figures = json.loads((folded_run / "rtlsim.json").read_text())
    assert (figures["popcount"], figures["delivered_popcount"]) == ("naive", "primitives")
    monkeypatch.setattr("flow.stages.hardware.SIMULATED_XNORS", 8 * 16 + 6 * 8 + 2 * 4 - 1)
    assert askew(simulate) == 0
    said = capsys.readouterr().out
    assert "popcount naive instead of the delivered primitives (its 184 XNORs side by side would compile" in said
    assert "; `askew rtlsim --popcount primitives` simulates that" in said
    assert askew([*simulate, "--popcount", "primitives"]) == 2
    assert "frames differ from golden" in capsys.readouterr().err
    assert askew([*simulate, "--popcount", "fast"]) == 2
    assert "--popcount fast: unknown, must be one of naive, compressor, primitives" in capsys.readouterr().err


@pytest.mark.slow
def test_stalls_and_a_waveform(folded_run, tmp_path):
    run, trace = str(folded_run), tmp_path / "first.fst"
    assert askew(["rtlsim", "--run", run, "--frames", "20", "--stall", "0.3", "--seed", "9"]) == 0
    assert json.loads((folded_run / "rtlsim.json").read_text())["mismatches"] == 0
    assert (
        askew(
            [
                "rtlsim",
                "--run",
                run,
                "--frames",
                "6",
                "--trace",
                str(trace),
                "--threads",
                "2",
                "--trace-from",
                "2",
                "--trace-count",
                "3",
            ]
        )
        == 0
    )
    assert trace.stat().st_size > 0


def test_without_a_compiler_there_is_one_line(folded_run, monkeypatch, capsys):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    assert askew(["rtlsim", "--run", str(folded_run)]) == 2
    error = capsys.readouterr().err
    lines = [line for line in error.splitlines() if line.startswith("askew: ")]
    assert lines == [
        "askew: rtlsim: no C++ compiler (g++ or clang++) found, install one (apt install g++) or set CXX"
    ], error
    assert not (folded_run / "rtlsim.json").exists()


def test_without_a_folding_the_stage_says_what_to_do(run_copy, capsys):
    assert askew(["rtlsim", "--run", str(run_copy)]) == 2
    message = capsys.readouterr().err
    assert "folding.json is not there yet" in message
    assert askew(message.partition("`")[2].partition("`")[0].split()[1:]) == 0
    assert (run_copy / "rtlsim.json").exists()
