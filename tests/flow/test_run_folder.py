"""A run folder refuses what does not belong together. Oracle: what the test put there."""

import json

import numpy as np
import pytest

from bnn import DenseLayer, InputEncoding, Network, save_network
from flow.run_folder import Golden, RunError, RunFolder


def network(seed):
    bits = np.random.default_rng(seed).integers(0, 2, (3, 8))
    return Network(InputEncoding.threshold((2, 2, 2), 128), (DenseLayer.from_bits("fc1", bits, None),))


def golden(frames=5):
    rng = np.random.default_rng(frames)
    images = rng.integers(0, 256, (frames, 2, 2, 2), np.uint8)
    return Golden(images, rng.integers(0, 3, frames), rng.integers(-8, 9, (frames, 3), np.int32))


@pytest.fixture
def run(tmp_path):
    return RunFolder.claim(tmp_path / "runs" / "one", 'name = "one"\nepochs = 3\n')


def test_a_run_is_claimed_again_by_the_same_config_only(run):
    assert RunFolder.claim(run.path, 'name = "one"\nepochs = 3\n').path == run.path
    with pytest.raises(RunError, match="made by another config .it has `epochs = 3`, you ask for `epochs = 4`.*--run"):
        RunFolder.claim(run.path, 'name = "one"\nepochs = 4\n')


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(RunError, match="exists and is not a run folder"):
        RunFolder.claim(tmp_path, "a = 1\n")


def test_what_is_missing_names_its_command(tmp_path, run):
    with pytest.raises(RunError, match="no run there; make it with `askew train"):
        RunFolder.open(tmp_path / "none")
    with pytest.raises(RunError, match=r"network.npz: not there yet; make it with `askew export --run"):
        run.network()
    with pytest.raises(RunError, match="askew export"):
        run.golden(network(0))


def test_golden_round_trip_and_damage(run):
    ours = network(0)
    run.write_golden(golden(), ours)
    read = run.golden(ours)
    for attribute in ("images", "labels", "scores"):
        assert np.array_equal(getattr(read, attribute), getattr(golden(), attribute))
    with pytest.raises(RunError, match="is of network .* cannot be compared"):
        run.golden(network(1))
    expected = run.golden_folder / "expected.npy"
    expected.write_bytes(expected.read_bytes()[:-1] + b"\x55")
    with pytest.raises(RunError, match=r"expected.npy: missing or damaged"):
        run.golden(ours)


def test_results_of_another_network_are_refused(run):
    ours = network(0)
    save_network(ours, run.network_file)
    run.write_result("simulate", ours, {"frames": 5})
    assert run.result("simulate", run.network())["frames"] == 5
    assert run.result("ladder", ours) is None
    with pytest.raises(RunError, match=r"simulate.json is of network"):
        run.result("simulate", network(1))
    (run.path / "simulate.json").write_text(json.dumps([1]))
    with pytest.raises(RunError, match="damaged"):
        run.result("simulate")
    (run.path / "simulate.json").write_text('{"frames": ')
    with pytest.raises(RunError, match=r"simulate.json: damaged .*delete it"):
        run.result("simulate")
