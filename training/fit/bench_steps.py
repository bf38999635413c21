"""How many images a second one thread trains on: ours, a plain PyTorch loop, and our network in plain float32."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from training.config.load import Config, load_config, parse_config
from training.data.batches import Batches
from training.data.datasets import load_dataset
from training.data.sources.dataset import Dataset
from training.fit.arithmetic import PLAIN
from training.fit.bench_plain import PlainTraining
from training.fit.module import BinaryTraining, loss_value, make_optimizer
from training.fit.train import train
from training.networks.build import build_network

WARM_UP_EPOCHS = 1
BEFORE_BATCH = 256  # the batch size of the trainer that had nothing but plain float32
OURS, PLAIN_LOOP, BEFORE = "ours", "plain", "before"
TITLES = {
    PLAIN_LOOP: "plain PyTorch loop, float32",
    BEFORE: f"Askew's network in plain float32, batch {BEFORE_BATCH}",
    OURS: "`askew train` ({arithmetic})",
}


class _Before:
    """Our network in plain float32 with a batch of its own: the steps as they were, and no trainer around them."""

    def __init__(self, config: Config, dataset: Dataset) -> None:
        self._training = config.training
        self._network = build_network(config, dataset.shape, dataset.classes)
        assert self._network.arithmetic == PLAIN
        self._optimizer = make_optimizer(self._network, config.training)
        self._batches = Batches(dataset.train, BEFORE_BATCH, drop_last=True)

    def epoch(self) -> None:
        for images, labels in self._batches:
            self._optimizer.zero_grad()
            loss_value(self._network(images), labels, self._training).backward()  # type: ignore[no-untyped-call]
            self._optimizer.step()
            self._network.clip()


class _Rounds(Callback):
    """Runs an epoch of the others before each of ours, and takes everybody's CPU seconds; of ours the steps alone."""

    def __init__(self, others: dict[str, Callable[[], Any]]) -> None:
        self._others = others
        self._started = 0.0
        self.arithmetic = ""
        self.cpu_seconds: dict[str, list[float]] = {name: [] for name in (OURS, *others)}

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, BinaryTraining)
        self.arithmetic = pl_module.manner.arithmetic.name
        for name, epoch in self._others.items():
            start = time.process_time()
            epoch()
            self.cpu_seconds[name].append(time.process_time() - start)
        self._started = time.process_time()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if batch_idx + 1 == trainer.num_training_batches:
            self.cpu_seconds[OURS].append(time.process_time() - self._started)


def bench_steps(
    config_name: str = "cnv-cifar10",
    *,
    images: int = 2560,
    rounds: int = 5,
    layers: Sequence[dict[str, Any]] | None = None,
) -> tuple[dict[str, Any], str]:
    """Train in turn, one thread each, on random images: speed does not depend on what they show.

    All take Adam, cross entropy and no augmentation. Seconds are of the CPU, so that other programs count for nothing.

    Args:
        config_name: a shipped configuration without padding; its network, estimator, shift and batch size are taken.
        images: of 32 x 32 pixels in 3 channels, an epoch; a multiple of both batch sizes.
        rounds: measured epochs of each.
        layers: in the place of the configuration's.

    Returns:
        The figures as a JSON value, and as a Markdown table.
    """
    before_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with tempfile.TemporaryDirectory() as folder:
            config = _config(config_name, Path(folder), images, rounds, layers)
            dataset = load_dataset(config.data.name)
            others = {PLAIN_LOOP: PlainTraining(config, dataset).epoch, BEFORE: _Before(config, dataset).epoch}
            turns = _Rounds(others)
            train(config, Path(folder) / "run", threads=1, progress=False, callbacks=[turns])
    finally:
        torch.set_num_threads(before_threads)
    rates = {name: images / median(seconds[WARM_UP_EPOCHS:]) for name, seconds in turns.cpu_seconds.items()}
    figures = {
        "network": config_name,
        "images": images,
        "batch_size": config.training.batch_size,
        "rounds": rounds,
        "arithmetic": turns.arithmetic,
        **{f"{name}_images_per_cpu_second": rate for name, rate in rates.items()},
        **{f"ratio_to_{name}": rates[OURS] / rates[name] for name in others},
    }
    return figures, _markdown(figures)


def _config(name: str, folder: Path, images: int, rounds: int, layers: Sequence[dict[str, Any]] | None) -> Config:
    random = np.random.default_rng(0)
    file = folder / "random.npz"
    np.savez(
        file,
        train_images=random.integers(0, 256, (images, 32, 32, 3), dtype=np.uint8),
        train_labels=np.arange(images) % 10,
        test_images=random.integers(0, 256, (10, 32, 32, 3), dtype=np.uint8),
        test_labels=np.arange(10),
    )
    shipped = load_config(name)
    training = {"epochs": rounds + WARM_UP_EPOCHS, "batch_size": shipped.training.batch_size}
    settings = {**shipped.settings(), "data": {"name": str(file)}, "training": training}
    if layers is not None:
        settings["network"] = {"layers": list(layers)}
    return parse_config(settings, name)


def _markdown(figures: dict[str, Any]) -> str:
    rows = [
        f"| {title.format(**figures)} "
        f"| {figures[f'{name}_images_per_cpu_second']:,.0f} "
        f"| {figures[f'{name}_images_per_cpu_second'] / figures[f'{PLAIN_LOOP}_images_per_cpu_second']:.2f} |"
        for name, title in TITLES.items()
    ]
    return "\n".join(
        [
            f"Steps of {figures['network']}, batch {figures['batch_size']}, one thread, median of "
            f"{figures['rounds']} rounds of {figures['images']:,} images:",
            "",
            "| training | images a CPU second | ratio |",
            "|---|---:|---:|",
            *rows,
        ]
    )
