"""The cost of a shift. Oracles: filecmp on what was written; PyTorch's sign of the shifted values."""

import filecmp
import json

import numpy as np
import pytest
import torch

from bnn import load_network
from flow.cli.main import run as askew
from flow.stages.shift_twin import differing_files, with_shift
from hw.simulator import simulate
from onnx_export.absorb import absorb
from training.config.load import load_config
from training.fit.train import load_trained
from training.networks.models import to_pixels


@pytest.fixture
def shift_cost(folded_run):
    assert askew(["shift-cost", "--run", str(folded_run), "--no-synthesis", "--frames", "10"]) == 0
    return folded_run


def test_thresholds_are_all_that_differs(shift_cost):
    figures = json.loads((shift_cost / "shift_cost.json").read_text())
    ours, twin = (shift_cost / "shift_cost" / side / "rtl" for side in ("with_shift", "without_shift"))
    compared = filecmp.dircmp(ours / "mem", twin / "mem")
    assert sorted(compared.diff_files) == ["fc1_matrix_start.hex", "fc2_matrix_start.hex", "identity.hex"]
    assert not compared.left_only + compared.right_only
    assert not filecmp.dircmp(ours / "rtl", twin / "rtl").diff_files
    assert figures["differing_files"]["thresholds"] == ["mem/fc1_matrix_start.hex", "mem/fc2_matrix_start.hex"]
    assert figures["differing_files"]["other"] == []
    sides = figures["sides"]
    assert sides["with_shift"]["network_hash"] == load_network(shift_cost / "network.npz").hash
    assert sides["without_shift"]["network_hash"] != sides["with_shift"]["network_hash"]
    for key in ("frame_ii_cycles", "latency_cycles"):
        assert len({side[prefix + key] for side in sides.values() for prefix in ("", "predicted_")}) == 1
    assert all(side["mismatches"] == 0 for side in sides.values())


def test_the_twin_is_the_model_without_its_shift(run_copy):
    config = load_config(run_copy / "config.toml")
    model = load_trained(run_copy / "checkpoint.ckpt", config)
    images = np.load(run_copy / "golden" / "input.npy")[:100]
    for shift in (0.0, 0.5):
        twin = with_shift(model, shift).eval()
        x = twin.input(to_pixels(images))
        with torch.no_grad():
            for stage in model.eval().stage_list():
                x = stage.matrix(x.flatten(1))
                if "norm" not in dict(stage.epilogue.named_children()):
                    break
                x = torch.where(stage.epilogue.norm(x) - shift >= 0, 1.0, -1.0)
            expected = stage.epilogue.affine(x)
        scores = simulate(absorb(twin.staged()), images)
        np.testing.assert_array_equal(scores.argmax(1), expected.numpy().argmax(1))


def test_other_differences_are_told_apart(tmp_path):
    class Named:
        def __init__(self, name):
            self.hash = name

    for side, text in (("a", "aaaa"), ("b", "bbbb")):
        (tmp_path / side / "mem").mkdir(parents=True)
        (tmp_path / side / "top.sv").write_text(f"// network {text}\nmodule top;")
        (tmp_path / side / "mem" / "fc1_weights.hex").write_text(f"0{side}")
        (tmp_path / side / "mem" / "fc1_start.hex").write_text(f"1{side}")
    (tmp_path / "b" / "more.sv").write_text("")
    found = differing_files(tmp_path / "a", tmp_path / "b", {"a": Named("aaaa"), "b": Named("bbbb")})
    assert found == {
        "thresholds": ["mem/fc1_start.hex"],
        "identity": [],
        "other": ["mem/fc1_weights.hex", "more.sv"],
    }
