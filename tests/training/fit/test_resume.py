"""A training that is killed, with a real SIGKILL, ends in the weights of one that is not. The oracle is the latter."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from training.config.load import parse_config
from training.fit.arithmetic import PLAIN
from training.fit.checkpoint import CheckpointError, epoch_path, latest_epoch, read_trained
from training.fit.train import train

DENSE = {
    "name": "small",
    "data": {"name": "digits", "validation_fraction": 0.1},
    "network": {"input_bits": 1, "input_threshold": 0.3, "layers": [{"dense": 24}, {"dense": 24}]},
    "activation": {"threshold_shift": "learned", "pre_activation": "prelu", "ste": "approx_sign"},
    "training": {
        "epochs": 6,
        "batch_size": 128,
        "learning_rate": 0.02,
        "warmup_epochs": 1.5,
        "dropout": 0.1,
        "augmentation": {"shift_pixels": 1},
        "seed": 3,
    },
}

# What trains in bfloat16 with the fused operation, pools before and after the activation, and dropout beside it.
CONVOLUTIONAL = {
    "name": "small",
    "data": {"name": "digits", "validation_fraction": 0.1},
    "network": {
        "layers": [
            {"conv": 12, "padding": 1, "pad_pixel": 0},
            {"pool": 2},
            {"conv": 12, "padding": 1, "pad_bit": 0},
            {"pool": 2, "position": "before_activation"},
        ]
    },
    "activation": {"threshold_shift": 0.5, "ste": "approx_sign"},
    "training": {"epochs": 6, "batch_size": 128, "dropout": 0.1, "precision": "bfloat16", "seed": 3},
}

# A graph: sums of grids that train as one operation with what is before and behind them, and a learned shift.
GRAPH = {
    "name": "small",
    "data": {"name": "digits", "validation_fraction": 0.1},
    "network": {"residual": {"order": "grid", "blocks": [1, 1], "channels": [6, 12]}},
    "activation": {"threshold_shift": "learned", "ste": "approx_sign"},
    "training": {"epochs": 6, "batch_size": 128, "precision": "bfloat16", "seed": 3},
}

# Trains until a moment that it is told, and kills itself there: in the middle of an epoch, or with a checkpoint half
# written, or with all epochs done and the finished model half written.
VICTIM = """
import os, signal, sys
from pathlib import Path
import torch
from lightning.pytorch import Callback, Trainer
import training.fit.checkpoint
from training.config.load import parse_config
from training.fit.train import train

def die():
    os.kill(os.getpid(), signal.SIGKILL)

class Killer(Callback):
    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx):
        if MOMENT == "batch" and (trainer.current_epoch, batch_idx) == (1, 4):
            die()
        if MOMENT == "asked" and (trainer.current_epoch, batch_idx) == (1, 4):
            os.kill(os.getpid(), signal.SIGTERM)

save_epoch, save = Trainer.save_checkpoint, torch.save

def half_an_epoch(self, path, *args, **kwargs):
    save_epoch(self, path, *args, **kwargs)
    if self.current_epoch == 3:
        path = Path(path)
        path.write_bytes(path.read_bytes()[:1000])
        die()

def half_a_model(content, path):
    if not isinstance(path, Path):  # Lightning's own, into memory
        return save(content, path)
    path.write_bytes(b"half")
    die()

MOMENT = sys.argv[1]
if MOMENT == "checkpoint":
    Trainer.save_checkpoint = half_an_epoch
if MOMENT == "model":
    training.fit.checkpoint.torch.save = half_a_model
train(parse_config(SETTINGS, "x"), Path(sys.argv[2]), threads=1, progress=False, callbacks=[Killer()])
"""

ROOT = Path(__file__).resolve().parents[3]


def run_until(moment: str, run: Path, status: int = -signal.SIGKILL, settings: dict = DENSE) -> None:
    script = f"SETTINGS = {settings!r}\n" + VICTIM
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, moment, str(run)], cwd=ROOT, capture_output=True, check=False
    )
    assert done.returncode == status, done.stderr.decode()


def state_of(path: Path) -> dict[str, torch.Tensor]:
    return read_trained(path)["state"]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return train(parse_config(DENSE, "x"), tmp_path_factory.mktemp("whole"), threads=1, progress=False)


def test_killed_three_times_it_ends_in_the_same_weights(tmp_path, undisturbed):
    run_until("asked", tmp_path, status=128 + signal.SIGTERM)  # an interrupted training is no success
    assert latest_epoch(tmp_path / "checkpoints")[0] == epoch_path(tmp_path / "checkpoints", 1)
    run_until("batch", tmp_path)
    assert latest_epoch(tmp_path / "checkpoints")[0] == epoch_path(tmp_path / "checkpoints", 1)
    run_until("checkpoint", tmp_path)
    assert latest_epoch(tmp_path / "checkpoints")[0] == epoch_path(tmp_path / "checkpoints", 3)
    run_until("model", tmp_path)
    assert not (tmp_path / "checkpoint.ckpt").exists()
    result = train(parse_config(DENSE, "x"), tmp_path, threads=1, progress=False)
    assert result.resumed_from_epoch == 6
    assert result.history == undisturbed.history
    assert result.test_accuracy == undisturbed.test_accuracy
    ours, theirs = state_of(result.checkpoint), state_of(undisturbed.checkpoint)
    assert ours.keys() == theirs.keys()
    for name, tensor in theirs.items():
        assert torch.equal(ours[name], tensor), name
    leftovers = [path.name for path in (tmp_path / "checkpoints").iterdir() if path.name.startswith(".")]
    assert leftovers == []


@pytest.mark.parametrize("settings", [CONVOLUTIONAL, GRAPH], ids=["chain", "graph"])
def test_killed_twice_in_bfloat16_with_the_fused_operation_it_ends_in_the_same_weights(tmp_path, settings):
    config = parse_config(settings, "x")
    undisturbed = train(config, tmp_path / "whole", threads=1, progress=False)
    run = tmp_path / "killed"
    run_until("batch", run, settings=settings)
    run_until("checkpoint", run, settings=settings)
    path, content = latest_epoch(run / "checkpoints")
    assert path == epoch_path(run / "checkpoints", 3)
    assert content["askew"]["arithmetic"] == "bfloat16 fused"
    result = train(config, run, threads=1, progress=False)
    assert result.resumed_from_epoch == 3
    assert result.history == undisturbed.history
    ours, theirs = state_of(result.checkpoint), state_of(undisturbed.checkpoint)
    assert ours.keys() == theirs.keys()
    for name, tensor in theirs.items():
        assert torch.equal(ours[name], tensor), name


def test_an_older_versions_training_goes_on_in_plain_float32(tmp_path, monkeypatch):
    """It had no choice of arithmetic; going on in another would end in other weights."""
    config = parse_config(CONVOLUTIONAL, "x")
    with monkeypatch.context() as old:
        old.setattr("training.fit.train.choose_arithmetic", lambda config, on_gpu: PLAIN)
        undisturbed = train(config, tmp_path / "whole", threads=1, progress=False)
        folder = tmp_path / "old" / "checkpoints"
        folder.mkdir(parents=True)
        source = epoch_path(undisturbed.checkpoint.parent / "checkpoints", 5)
        content = torch.load(source, weights_only=True)
        del content["askew"]["arithmetic"]
        torch.save(content, folder / source.name)
    result = train(config, tmp_path / "old", threads=1, progress=False)
    assert result.resumed_from_epoch == 5
    theirs = state_of(undisturbed.checkpoint)
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in state_of(result.checkpoint).items())


def test_a_damaged_epoch_is_passed_over(tmp_path, undisturbed):
    source = undisturbed.checkpoint.parent / "checkpoints"
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    for path in source.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    newest = epoch_path(folder, 6)
    newest.write_bytes(newest.read_bytes()[:5000])
    result = train(parse_config(DENSE, "x"), tmp_path, threads=1, progress=False)
    assert result.resumed_from_epoch == 5
    theirs = state_of(undisturbed.checkpoint)
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in state_of(result.checkpoint).items())


def test_another_number_of_processes_is_refused(tmp_path, undisturbed):
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    source = epoch_path(undisturbed.checkpoint.parent / "checkpoints", 5)
    (folder / source.name).write_bytes(source.read_bytes())
    with pytest.raises(
        CheckpointError, match=r"the interrupted training had 1 processes, this one has 2; must be the same"
    ):
        train(parse_config(DENSE, "x"), tmp_path, devices=2, threads=1, progress=False)
