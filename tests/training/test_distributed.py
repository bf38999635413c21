"""Training in two processes. The oracle is one process that averages both halves' gradients by hand."""

import atexit
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Callback

from training.config.load import parse_config
from training.data.batches import Batches, derive_seed
from training.data.datasets import load_dataset
from training.fit.arithmetic import PLAIN, Arithmetic
from training.fit.checkpoint import read_trained
from training.fit.module import ORDER, learning_rate, loss_value, make_optimizer
from training.fit.train import split_training, train
from training.networks.models import BinaryNetwork

ROOT = Path(__file__).resolve().parents[2]


class _AtExit(Callback):
    """Notes whether a process still holds its process group when its interpreter ends: gloo's threads may abort it."""

    def __init__(self, folder):
        self.folder = folder

    def on_fit_start(self, trainer, pl_module):
        assert torch.distributed.is_initialized()
        atexit.register(self.note, trainer.global_rank)

    def note(self, rank):
        (self.folder / f"rank{rank}").write_text(str(torch.distributed.is_initialized()))


@pytest.mark.parametrize(
    ("layers", "arithmetic", "measured"),
    [
        ([{"dense": 16}], PLAIN, {"fc1"}),
        ([{"conv": 8}, {"pool": 2}], Arithmetic(torch.float32, True), {"conv1", "pool1"}),
    ],
)
def test_two_processes_take_the_steps_of_one_that_averages_their_gradients(
    tmp_path, monkeypatch, layers, arithmetic, measured
):
    monkeypatch.syspath_prepend(ROOT)  # a worker imports this file for the callback
    config = parse_config(
        {
            "name": "two",
            "data": {"name": "digits", "train_limit": 400},
            "network": {"layers": layers},
            "activation": {"threshold_shift": "learned"},
            "training": {"epochs": 2, "batch_size": 200, "learning_rate": 0.01, "optimizer": "sgd"}
            | {"precision": "float32"},
        },
        "two.toml",
    )
    result = train(config, tmp_path, devices=2, threads=1, progress=False, callbacks=[_AtExit(tmp_path)])
    assert [(tmp_path / f"rank{rank}").read_text() for rank in (0, 1)] == ["False", "False"]
    assert len(result.history) == 2
    assert set(result.plus_one) == measured

    dataset = load_dataset("digits")

    split, _ = split_training(config, dataset)
    seed = config.training.seed
    torch.manual_seed(derive_seed(seed, 0))
    model = BinaryNetwork(config, dataset.shape, dataset.classes)
    model.use(arithmetic)
    optimizer = make_optimizer(model, config.training)
    shares = [
        Batches(split, 100, seed=derive_seed(seed, ORDER), drop_last=True, rank=rank, world_size=2) for rank in (0, 1)
    ]
    for epoch in (0, 1):
        for share in shares:
            share.set_epoch(epoch)
        for step, halves in enumerate(zip(*shares, strict=True)):
            optimizer.zero_grad()
            for images, labels in halves:
                (loss_value(model(images), labels, config.training) / 2).backward()
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(config.training, epoch * 2 + step, 2)
            optimizer.step()
            model.clip()
    state = read_trained(result.checkpoint)["state"]
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(state[name], parameter.detach(), rtol=1e-4, atol=1e-6)
