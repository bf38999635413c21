"""The notebooks run from first cell to last. Oracle: the assertions in them: PyTorch's classes, Verilator's counts."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
MAX_BYTES = 20_000  # with all outputs


def run(*files):
    command = [sys.executable, str(ROOT / "tools" / "notebooks.py"), *map(str, files)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_it_runs(file, tmp_path, monkeypatch):
    if shutil.which("g++") is None and "rtlsim" in file.read_text():
        pytest.skip("needs a C++ compiler")
    monkeypatch.setenv("ASKEW_CACHE", str(tmp_path))
    ran = run(file)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_its_outputs_are_kept_and_small(file):
    cells = [cell for cell in json.loads(file.read_text())["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    for cell in cells:
        assert bool(cell["outputs"]) == any("print(" in line for line in cell["source"])
        assert {output["output_type"] for output in cell["outputs"]} <= {"stream"}
        assert not any("/home" in line or "/tmp" in line for output in cell["outputs"] for line in output["text"])
    assert file.stat().st_size < MAX_BYTES


def test_a_cell_that_fails_is_seen(tmp_path):
    cells = [{"cell_type": "code", "source": [text]} for text in ("x = 3\nx + 1", "assert x == 4", "print('never')")]
    (tmp_path / "bad.ipynb").write_text(json.dumps({"cells": cells}))
    ran = run(tmp_path / "bad.ipynb")
    assert ran.returncode == 1
    assert 'File "bad.ipynb, code cell 2", line 1' in ran.stderr
    assert ran.stdout == ""


def test_there_are_two():
    assert len(NOTEBOOKS) == 2
