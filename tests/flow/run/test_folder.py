"""A run folder refuses what does not belong together. Oracle: what the test put there."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from bnn import Chain, DenseLayer, Encode, save_network
from bnn.files import clear_stale, is_temporary, write_new_text
from flow.run.folder import Golden, RunError, RunFolder


def network(seed):
    bits = np.random.default_rng(seed).integers(0, 2, (3, 8))
    return Chain(Encode.threshold((2, 2, 2), 128), (DenseLayer.from_bits("fc1", bits, None),)).network()


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
    with pytest.raises(RunError, match=r"network.npz: not there yet; make it with `askew run --run"):
        run.network()
    with pytest.raises(RunError, match="--to export`"):
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
    with pytest.raises(RunError, match=r"expected.npy: damaged; make it again with `askew run --run"):
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


def aged(path, seconds):
    os.utime(path, (time.time() - seconds, time.time() - seconds))
    return path


def test_a_folder_in_which_a_run_was_killed_in_its_first_moments_is_claimed(tmp_path):
    left = tmp_path / ".config.toml.4000000.tmp.toml"
    left.write_text("half")
    aged(left, 60)
    run = RunFolder.claim(tmp_path, "a = 1\n")
    assert [path.name for path in run.path.iterdir()] == ["config.toml"]
    (tmp_path / "thesis.tmp").write_text("x")
    assert not is_temporary("thesis.tmp")


def test_what_killed_stages_left_is_cleared_when_the_run_is_opened(run):
    (run.path / "golden").mkdir()
    left = [run.path / ".model.onnx.4000000.tmp.onnx", run.path / "golden" / ".input.npy.4000000.tmp.npy"]
    kept = [run.path / "notes.tmp", run.path / ".hidden", run.path / ".model.onnx.4000001.tmp.onnx"]
    for path in (*left, *kept):
        path.write_text("half")
    for path in left:
        aged(path, 60)
    folder = run.path / ".rtl.4000000.tmp"
    folder.mkdir()
    aged(folder, 7200)
    RunFolder.open(run.path)
    assert not any(path.exists() for path in (*left, folder))
    assert all(path.exists() for path in kept)  # the last was written just now: its writer may be about to lock it


def test_what_a_living_process_writes_is_not_cleared_and_what_a_killed_one_wrote_is(tmp_path):
    program = (
        "import pathlib, sys, time\nfrom bnn.files import atomic_path\n"
        "with atomic_path(pathlib.Path(sys.argv[1])) as temporary:\n"
        "    temporary.write_text('half')\n    print('written', flush=True)\n    time.sleep(60)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "figures.json")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": ":".join(sys.path)}) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "written\n"
        (temporary,) = tmp_path.iterdir()
        aged(temporary, 60)
        clear_stale([tmp_path])
        assert temporary.exists()
        writer.send_signal(signal.SIGKILL)
    clear_stale([tmp_path])
    assert not temporary.exists()


def test_of_two_that_claim_a_folder_at_once_one_gets_it(tmp_path, monkeypatch):
    def overtaken(path, text):
        path.write_text("b = 2\n")
        return write_new_text(path, text)

    monkeypatch.setattr("flow.run.folder.write_new_text", overtaken)
    with pytest.raises(RunError, match="made by another config"):
        RunFolder.claim(tmp_path / "one", "a = 1\n")
    assert (tmp_path / "one" / "config.toml").read_text() == "b = 2\n"


def rewritten(run, change):
    file = run.golden_folder / "manifest.json"
    manifest = json.loads(file.read_text())
    del manifest["checksum"]
    change(manifest)
    file.write_text(json.dumps(manifest))


def test_golden_of_another_form_is_refused(run):
    ours = network(0)
    run.write_golden(golden(), ours)
    rewritten(run, lambda manifest: manifest["sha256"].update({"../config.toml": "0" * 64}))
    with pytest.raises(RunError, match=r"manifest\.json: damaged .*askew run --run .* --to export`"):
        run.golden(ours)
    run.write_golden(golden(), ours)
    rewritten(run, lambda manifest: manifest.update(sha256=dict(reversed(manifest["sha256"].items()))))
    assert np.array_equal(run.golden(ours).images, golden().images)  # found by name, in whatever order they stand there
    whole = golden()
    for wrong, reason in (
        (Golden(whole.images, whole.labels[:3], whole.scores), "labels.npy: damaged; make it again"),
        (Golden(whole.images, whole.labels + 3, whole.scores), "labels reach"),
        (Golden(whole.images, None, whole.scores[:, :2]), "expected.npy is int32 of shape"),
        (Golden(whole.images.astype(np.uint16), whole.labels, whole.scores), "must be uint8"),
        (whole.first(0), "manifest.json: damaged"),
    ):
        run.write_golden(wrong, ours)
        with pytest.raises(RunError, match=reason):
            run.golden(ours)
