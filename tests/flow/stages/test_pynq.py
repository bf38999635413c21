"""`askew pynq bitstream` and `askew pynq results`, with a stand-in for Vivado that runs the real scripts.

Oracles: what Xilinx' guides say of Vivado's commands (tests/support/vivado_stub.py); the files on disk; the deployed
`validate.py` with the integer network in the accelerator's place.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from flow.cli.main import run as askew

pytest.importorskip("tkinter")

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def vivado(tmp_path, monkeypatch):
    """Puts the stand-in on the path; what it reports is chosen by keywords."""
    programs = tmp_path / "programs"
    programs.mkdir()
    program = programs / "vivado"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m tests.support.vivado_stub "$@"\n')
    program.chmod(0o755)

    def choose(**choices):
        monkeypatch.setenv("VIVADO_STUB", json.dumps(choices))
        monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")

    return choose


def figures(run):
    return json.loads((run / "pynq" / "bitstream.json").read_text())


def test_without_vivado_one_line_says_where_the_project_lies(folded_run, capsys, monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    run, project = str(folded_run), folded_run / "pynq" / "project"
    assert askew(["pynq", "bitstream", "--run", run, "--board", "Pynq-Z2"]) == 2
    said = capsys.readouterr().err
    (line,) = [line for line in said.splitlines() if "Vivado" in line]
    assert "needs Vivado, which is missing" in line
    assert f"the project is ready in {project}" in line
    assert (project / "build.tcl").exists()
    assert not (folded_run / "pynq" / "bitstream.json").exists()
    deploy = json.loads((folded_run / "pynq" / "deploy" / "deploy.json").read_text())
    assert (deploy["bitfile"], deploy["board"]) == (None, "Pynq-Z2")
    assert "askew_overlay.hwh" in (folded_run / "pynq" / "deploy" / "README.md").read_text()

    assert askew(["pynq", "bitstream", "--run", run, "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert f"cd {project} && vivado -mode batch -source build.tcl" in said
    assert "missing: pynq bitstream: needs Vivado" in said


def test_a_bitstream_and_what_the_board_measured_come_to_the_report(folded_run, vivado, capsys):
    vivado()
    run, folder = str(folded_run), folded_run / "pynq"
    assert askew(["pynq", "bitstream", "--run", run, "--board", "pynq z2"]) == 0
    assert f"what goes to the board is in {folder / 'deploy'}" in capsys.readouterr().out
    found = figures(folded_run)
    assert (found["met"], found["clock_origin"], found["clock_mhz"], found["luts"]) == (True, "routed", 100, 4801)
    assert found["fmax_mhz"] == pytest.approx(1000 / (10 - 0.113), abs=1e-3)
    assert found["bram18"] == 6
    assert found["bitfile_sha256"] == hashlib.sha256(b"bits").hexdigest()
    assert (folder / "askew_overlay.bit").read_bytes() == b"bits"
    assert (folder / "askew_overlay.hwh").exists()
    assert (folder / "deploy" / "bitfile" / "askew_overlay.hwh").exists()

    assert askew(["pynq", "results", "--run", run]) == 0
    assert "board: missing; run `sudo" in capsys.readouterr().out
    simulated = subprocess.run(
        [sys.executable, "validate.py", "--simulate", "--frames", "20"],
        cwd=folder / "deploy", env={**os.environ, "PYTHONPATH": ""}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert simulated.returncode == 0, simulated.stderr
    assert "20 frames, 0 mismatches with golden" in simulated.stdout
    assert askew(["pynq", "results", "--run", run]) == 0
    assert "what is there is a simulation" in capsys.readouterr().out

    board = folder / "deploy" / "board.json"
    measured = json.loads(board.read_text()) | {"simulated": False, "bitfile_sha256": found["bitfile_sha256"]}
    board.write_text(json.dumps(measured | {"clock_mhz": 100.0, "frames_per_second": {"1": 900.0, "10": 4321.0}}))
    assert askew(["pynq", "results", "--run", run]) == 0
    assert askew(["report", "--run", run]) == 0
    whole = json.loads((folded_run / "report.json").read_text())["comparison"]["whole"]
    assert (whole["askew_board"]["frames_per_second"], whole["askew_board"]["mismatches"]) == (4321.0, 0)
    assert (whole["askew_overlay"]["clock_mhz"], whole["askew_overlay"]["clock_origin"]) == (100, "routed")
    assert "our RTL, board" in (folded_run / "report.md").read_text()

    board.write_text(json.dumps(measured | {"bitfile_sha256": "0" * 64}))
    assert askew(["pynq", "results", "--run", run]) == 0
    assert "was measured with another bitfile" in capsys.readouterr().out


def test_a_clock_that_is_missed_is_a_result_without_a_bitstream(folded_run, vivado, capsys):
    vivado()
    run, folder = str(folded_run), folded_run / "pynq"
    assert askew(["pynq", "bitstream", "--run", run, "--board", "Pynq-Z2"]) == 0
    vivado(setup="-2.5")
    (work,) = (folder / ".work").glob("overlay-*")
    (work / "done.json").unlink()  # as after another version of Vivado
    capsys.readouterr()
    assert askew(["pynq", "bitstream", "--run", run]) == 0
    said = capsys.readouterr().out
    assert "80.0 MHz by the router, 100 MHz asked: MISSED" in said
    assert f"`askew pynq bitstream --run {run} --clock-mhz 80` builds one" in said
    found = figures(folded_run)
    assert (found["met"], found["bitfile"], found["bitfile_sha256"]) == (False, None, None)
    assert found["frames_per_second"] == pytest.approx(80e6 / found["frame_ii_cycles"])
    assert not (folder / "askew_overlay.bit").exists()


@pytest.mark.parametrize(
    ("choice", "words"),
    [({"fails": "impl_1"}, "impl_1 did not finish"), ({"hold": "-0.05"}, "missed hold times by 0.050 ns")],
)
def test_what_fails_is_one_line_and_leaves_the_old_result(folded_run, vivado, capsys, choice, words):
    vivado()
    run, folder = str(folded_run), folded_run / "pynq"
    assert askew(["pynq", "bitstream", "--run", run, "--board", "Pynq-Z2"]) == 0
    before = (folder / "bitstream.json").read_bytes()
    (work,) = (folder / ".work").glob("overlay-*")
    (work / "done.json").unlink()
    vivado(**choice)
    capsys.readouterr()
    assert askew(["pynq", "bitstream", "--run", run]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()[-1:]
    assert "pynq bitstream: " in line
    assert words in line
    assert (folder / "bitstream.json").read_bytes() == before
    assert (folder / "askew_overlay.bit").read_bytes() == b"bits"


def test_a_board_without_a_processor_is_refused(folded_run, capsys):
    assert askew(["pynq", "bitstream", "--run", str(folded_run), "--board", "ULX3S-85F"]) == 2
    assert "board ULX3S-85F: its part LFE5U-85F-6BG381C has no processor" in capsys.readouterr().err
    assert json.loads((folded_run / "folding.json").read_text())["board"] != "ULX3S-85F"  # not folded for it first
    assert not (folded_run / "pynq").exists()
