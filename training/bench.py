"""How much slower an epoch is with Lightning, Brevitas, logs and checkpoints than in a plain loop, in one run."""

from __future__ import annotations

import statistics
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional

from training.config import Config, load_config, parse_config
from training.datasets import load_dataset
from training.sources.dataset import Dataset
from training.train import train

WARM_UP_EPOCHS = 1


class _PlainSign(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return torch.sign(torch.sign(x) + 0.5)  # 0 counts as +1

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (x,) = ctx.saved_tensors
        return gradients[0] * (x.abs() <= 1)


class _PlainLinear(nn.Linear):
    def forward(self, input: Tensor) -> Tensor:  # noqa: A002, PyTorch's name
        sign: Tensor = _PlainSign.apply(self.weight)  # type: ignore[no-untyped-call]
        return functional.linear(input, sign)


class _PlainSignLayer(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        sign: Tensor = _PlainSign.apply(x)  # type: ignore[no-untyped-call]
        return sign


class PlainTraining:
    """The same network as a person would write it in PyTorch alone, with the plainest training loop."""

    def __init__(self, config: Config, dataset: Dataset) -> None:
        widths = [int(torch.tensor(dataset.shape).prod()), *(layer.dense for layer in config.network.layers)]  # type: ignore[union-attr]
        modules: list[nn.Module] = []
        for inputs, outputs in pairwise(widths):
            modules += [_PlainLinear(inputs, outputs, bias=False), nn.BatchNorm1d(outputs), _PlainSignLayer()]
        self.model = nn.Sequential(*modules, _PlainLinear(widths[-1], dataset.classes, bias=False))
        self.scale = nn.Parameter(torch.tensor(widths[-1] ** -0.5))
        self.optimizer = torch.optim.Adam([*self.model.parameters(), self.scale], lr=config.training.learning_rate)
        self.images = torch.from_numpy(dataset.train.pixels).flatten(1)
        self.labels = torch.from_numpy(dataset.train.labels)
        self.batch_size = config.training.batch_size
        self.pixel = round(config.network.input_threshold * 255) if config.network.input_bits == 1 else None
        self.weights = [module.weight for module in modules if isinstance(module, _PlainLinear)]

    def logits(self, images: Tensor) -> Tensor:
        """(n, classes) of (n, pixels) uint8."""
        x = images.float()
        if self.pixel is not None:
            x = torch.sign(x - self.pixel + 0.5)
        y: Tensor = self.model(x) * self.scale
        return y

    def epoch(self) -> float:
        """One pass over the training images; the mean loss."""
        total = 0.0
        order = torch.randperm(len(self.labels))
        steps = len(order) // self.batch_size
        for step in range(steps):
            chosen = order[step * self.batch_size : (step + 1) * self.batch_size]
            loss = functional.cross_entropy(self.logits(self.images[chosen]), self.labels[chosen])
            self.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
            with torch.no_grad():
                for weight in self.weights:
                    weight.clamp_(-1.0, 1.0)
            total += loss.item()
        return total / steps


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
