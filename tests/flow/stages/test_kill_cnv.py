"""The shipped CNV, which trains fused and in bfloat16, killed twice. The oracle is the same training left alone."""

import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from training.fit.checkpoint import epoch_path, latest_epoch, read_trained

EPOCHS = 6
CLASSES = 10


@pytest.fixture(scope="module")
def command(tmp_path_factory):
    """`command(run)`: what trains the whole network on few images of its size, in as few seconds."""
    folder, rng = tmp_path_factory.mktemp("images"), np.random.default_rng(8)
    counts = {"train": 1000, "test": 64}
    images = {key: rng.integers(0, 256, (count, 32, 32, 3), np.uint8) for key, count in counts.items()}
    labels = {key: (rng.permutation(len(value)) % CLASSES).astype(np.int64) for key, value in images.items()}
    arrays = {f"{key}_images": value for key, value in images.items()}
    np.savez(folder / "images.npz", **arrays, **{f"{key}_labels": value for key, value in labels.items()})
    settings = {"data.name": folder / "images.npz", "data.train_limit": 512, "training.precision": "bfloat16"}
    changed = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]

    def arguments(run):
        askew = [sys.executable, "-m", "askew", "train", "--config", "cnv-cifar10"]
        return [*askew, "--run", str(run), "--epochs", str(EPOCHS), "--threads", "1", *changed]

    return arguments


def state_of(run):
    return read_trained(run / "checkpoint.ckpt")["state"]


@pytest.mark.slow
@pytest.mark.timeout(3000)  # it takes minutes of CPU, and longer beside other programs
def test_killed_twice_at_random_moments_it_ends_in_the_same_weights(command, tmp_path):
    alone, killed = tmp_path / "alone", tmp_path / "killed"
    began = time.monotonic()
    subprocess.run(command(alone), check=True, capture_output=True)
    taken = time.monotonic() - began
    moments, done = random.Random(20210403), []
    for last in (1, 3):  # the second kill comes behind the first: each undoes the rest of an epoch of its own
        process = subprocess.Popen(command(killed), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while not any(epoch_path(killed / "checkpoints", epoch).exists() for epoch in range(last, EPOCHS)):
                assert process.poll() is None
                time.sleep(0.02)
            time.sleep(moments.uniform(0, taken / EPOCHS / 2))
        finally:
            os.kill(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        assert not (killed / "checkpoint.ckpt").exists()
        done.append(latest_epoch(killed / "checkpoints")[1]["askew"]["epochs"])
    print(f"killed in epochs {done[0] + 1} and {done[1] + 1} of {EPOCHS}")  # noqa: T201 - for docs/results.md
    assert done[0] < done[1] < EPOCHS
    assert latest_epoch(killed / "checkpoints")[1]["askew"]["arithmetic"] == "bfloat16 fused"
    subprocess.run(command(killed), check=True, capture_output=True)
    expected, found = state_of(alone), state_of(killed)
    assert expected.keys() == found.keys()
    assert any(value.dtype is torch.float32 and value.numel() > 500_000 for value in expected.values())
    for name, value in expected.items():
        assert torch.equal(value, found[name]), name
    histories = [read_trained(run / "checkpoint.ckpt")["result"]["history"] for run in (alone, killed)]
    assert histories[0] == histories[1]
