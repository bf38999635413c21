"""A small trained and exported run, made once for all tests of the command line."""

import shutil
from pathlib import Path

import pytest

from flow.cli import run as askew

CONFIG = """
name = "small"
[data]
name = "digits"
[network]
input_bits = 1
input_threshold = 0.5
layers = [{ dense = 32 }, { dense = 24 }]
[activation]
threshold_shift = [0.25, -0.25]
[training]
epochs = 2
batch_size = 64
"""


@pytest.fixture(scope="session")
def exported_run(tmp_path_factory) -> Path:
    """`askew train` and `askew export` of a small network on the embedded digits; read only."""
    folder = tmp_path_factory.mktemp("runs")
    config = folder / "small.toml"
    config.write_text(CONFIG)
    run = folder / "small"
    assert askew(["train", "--config", str(config), "--run", str(run), "--threads", "1"]) == 0
    assert askew(["export", "--run", str(run)]) == 0
    return run


@pytest.fixture
def run_copy(exported_run, tmp_path) -> Path:
    """A copy of that run which the test may damage."""
    copy = tmp_path / "small"
    shutil.copytree(exported_run, copy)
    return copy
