"""A small trained and exported run, made once for all tests of the command line, and studies with made-up results."""

import json
import shutil
from pathlib import Path

import pytest

from flow.cli.main import run as askew
from flow.run.figures import RowFigures
from flow.study import load_study
from flow.study.table import write_tables
from tests.support.runs import exported

FOLDING = {"fc1": {"pe": 8, "simd": 16}, "fc2": {"pe": 6, "simd": 8}, "fc3": {"pe": 2, "simd": 4}}


@pytest.fixture(scope="session")
def exported_run(tmp_path_factory) -> Path:
    """`askew train` and `askew export` of a small network on the embedded digits; read only."""
    return exported(tmp_path_factory.mktemp("runs"))


@pytest.fixture
def run_copy(exported_run, tmp_path) -> Path:
    """A copy of that run which the test may damage."""
    copy = tmp_path / "small"
    shutil.copytree(exported_run, copy)
    return copy


@pytest.fixture
def folded_run(run_copy, tmp_path, tmp_path_factory, monkeypatch):
    """A run with a folding; executables go to a folder of the whole session."""
    if shutil.which("g++") is None:
        pytest.skip("needs a C++ compiler")
    monkeypatch.setenv("ASKEW_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    folding = tmp_path / "folding.json"
    folding.write_text(json.dumps({"network_hash": None, "layers": FOLDING}))
    assert askew(["fold", "--run", str(run_copy), "--folding", str(folding)]) == 0
    return run_copy


@pytest.fixture(scope="session")
def make_study():
    """Writes a study's folder from its TOML and a figure a row, in the study's order.

    A figure is an accuracy of the integer network, ("reference", accuracy), None for a row that failed, or "missing".
    """

    def make(folder: Path, toml: str, figures: list) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "study.toml").write_text(toml)
        study = load_study(folder / "study.toml")
        results = [
            (row, _figures(row, figure))
            for row, figure in zip(study.rows(), figures, strict=True)
            if figure != "missing"
        ]
        write_tables(study, results, folder)
        return folder

    return make


def _figures(row, figure):
    if figure is None:
        return RowFigures(config_hash=row.config.hash, status="failed", error="made up")
    if isinstance(figure, tuple):
        kind, accuracy = figure
        return RowFigures(config_hash=row.config.hash, status="done", kind=kind, accuracy=accuracy, mismatches=None)
    return RowFigures(config_hash=row.config.hash, status="done", kind="integer", accuracy=figure, mismatches=0)
