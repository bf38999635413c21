"""Runs of which a report was once refused, or said too little. Oracles: the page's text, and exit statuses."""

import json
import shlex

import numpy as np
import pytest

from flow.cli.main import run as askew

RESIDUAL = """
name = "tiny"
[data]
name = "IMAGES"
[network.residual]
variant = "bi_real_net"
stem = "cifar"
blocks = [1]
channels = [4]
[training]
epochs = 2
batch_size = 8
"""
PLAIN = """
name = "plain"
[data]
name = "IMAGES"
[network]
input_bits = 1
layers = [{ dense = 8 }]
[training]
epochs = 1
batch_size = 8
"""


@pytest.fixture
def images(tmp_path):
    """Dark and light noise in an .npz, with names for the two."""
    random = np.random.default_rng(0)
    labels = np.arange(16) % 2
    pixels = random.integers(0, 128, (16, 8, 8, 1), dtype=np.uint8) + (128 * labels[:, None, None, None]).astype(
        np.uint8
    )
    arrays = {
        f"{split}_{name}": array
        for split in ("train", "test")
        for name, array in (("images", pixels), ("labels", labels))
    }
    np.savez(tmp_path / "noise.npz", class_names=np.array(["dark", "light"]), **arrays)
    return tmp_path / "noise.npz"


def trained(config, images, tmp_path):
    (tmp_path / "config.toml").write_text(config.replace("IMAGES", str(images)))
    run = tmp_path / "run"
    assert askew(["train", "--config", str(tmp_path / "config.toml"), "--run", str(run), "--threads", "1"]) == 0
    return run


def reported(run):
    assert askew(["report", "--run", str(run)]) == 0
    return json.loads((run / "report.json").read_text()), (run / "report.html").read_text()


def test_a_residual_network_has_a_report_of_its_training(images, tmp_path, capsys):
    run = trained(RESIDUAL, images, tmp_path)
    report, page = reported(run)
    assert report["network"] is report["network_hash"] is report["comparison"] is None
    assert report["training"]["epochs"] == [1, 2]
    assert 'id="training"' in page
    assert 'id="accuracy"' not in page
    assert "full-precision shortcuts" in report["refusal"]
    assert report["refusal"].replace("'", "&#39;") in page
    assert report["missing"] == {}, "no command is advised that would be refused"
    assert "2 epochs, loss" in (run / "report.md").read_text()
    capsys.readouterr()
    assert askew(["report", "--run", str(run), "--against", str(run)]) == 2
    assert "the integer network cannot hold full-precision shortcuts" in capsys.readouterr().err


def test_a_trained_run_has_a_report_and_the_command_that_it_names_works(images, tmp_path):
    run = trained(PLAIN, images, tmp_path)
    report, page = reported(run)
    assert report["refusal"] is None
    assert list(report["missing"]) == ["export"]
    program, *command = shlex.split(report["missing"]["export"])
    assert (program, askew(command)) == ("askew", 0)
    report, page = reported(run)
    assert report["missing"].keys() >= {"simulate", "ladder"}
    assert 'id="accuracy"' in page


def test_the_class_names_of_an_npz_reach_the_report(images, tmp_path):
    run = trained(PLAIN, images, tmp_path)
    assert askew(["export", "--run", str(run)]) == 0
    report, page = reported(run)
    assert report["classes"] == ["dark", "light"]
    sentence = "Labels 0 to 1 are the classes dark, light."
    assert sentence in page
    assert sentence in (run / "report.md").read_text()
    assert '<th scope="col">dark</th><th scope="col">light</th>' in page
