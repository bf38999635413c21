"""How much slower an epoch is with Lightning, Brevitas, logs and checkpoints than in a plain loop, in one run."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from training.config.load import load_config, parse_config
from training.data.datasets import load_dataset
from training.fit.bench_plain import PlainTraining
from training.fit.train import train

WARM_UP_EPOCHS = 1


class _Turns(Callback):
    """Runs an epoch of the plain loop before each of Lightning's; times both."""

    def __init__(self, plain: PlainTraining) -> None:
        self._plain = plain
        self._started = 0.0
        self.ours_seconds: list[float] = []
        self.plain_seconds: list[float] = []

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        start = time.perf_counter()
        if trainer.current_epoch:
            self.ours_seconds.append(start - self._started)
        self._plain.epoch()
        self._started = time.perf_counter()
        self.plain_seconds.append(self._started - start)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.ours_seconds.append(time.perf_counter() - self._started)


def bench_training(
    data_dir: Path | None = None, *, config_name: str = "tfc-mnist", repeats: int = 5, threads: int = 1
) -> tuple[dict[str, Any], str]:
    """Time epochs of ours and of plain PyTorch in turn, with the same network, data, batch size and optimizer.

    Both train with Adam, cross entropy and the clipped identity. An epoch of ours is all that happens from its start
    to the next one's: steps, measurements, logs and checkpoint.

    Args:
        data_dir: where the data set is.
        config_name: a shipped configuration of dense layers; its network, data and batch size are taken.
        repeats: measured epochs of each.
        threads: of PyTorch.

    Returns:
        The figures as a JSON value, and as a Markdown table.
    """
    shipped = load_config(config_name)
    training = {"epochs": repeats + WARM_UP_EPOCHS, "batch_size": shipped.training.batch_size}
    settings = {**shipped.settings(), "activation": {}, "training": training}
    settings["data"] = {"name": shipped.data.name}
    config = parse_config(settings, config_name)
    dataset = load_dataset(config.data.name, data_dir)
    turns = _Turns(PlainTraining(config, dataset))
    with tempfile.TemporaryDirectory() as folder:
        train(config, Path(folder), data_dir=data_dir, threads=threads, progress=False, callbacks=[turns])
    ours = turns.ours_seconds[WARM_UP_EPOCHS:]
    plain = turns.plain_seconds[WARM_UP_EPOCHS:]
    figures = {
        "network": config.name,
        "images": len(dataset.train),
        "batch_size": config.training.batch_size,
        "threads": threads,
        "epochs": repeats,
        "ours_seconds": statistics.median(ours),
        "plain_seconds": statistics.median(plain),
        "ratio": statistics.median(ours) / statistics.median(plain),
    }
    return figures, _markdown(figures)


def _markdown(figures: dict[str, Any]) -> str:
    return "\n".join(
        [
            f"One epoch of {figures['network']}, {figures['images']:,} images, batch {figures['batch_size']}, "
            f"{figures['threads']} thread(s), median of {figures['epochs']}:",
            "",
            "| training | seconds | ratio |",
            "|---|---|---|",
            f"| plain PyTorch loop | {figures['plain_seconds']:.3f} | 1.00 |",
            f"| `askew train` (Lightning, Brevitas) | {figures['ours_seconds']:.3f} | {figures['ratio']:.2f} |",
        ]
    )
