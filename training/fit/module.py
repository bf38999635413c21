"""The training as Lightning runs it: steps, learning rate, and what is measured after each epoch."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812, its name everywhere
from lightning.pytorch import LightningModule
from torch import Tensor
from torch.optim import SGD, Adam, AdamW

from training.config.load import Config
from training.config.settings import AugmentationConfig, Loss, Optimizer, Schedule, TrainingConfig
from training.data.augment import Augmentation
from training.data.batches import Batches, EpochOrder, derive_seed
from training.data.sources.dataset import Dataset, Split, StoredImages
from training.data.stored_batches import StoredBatches
from training.fit.arithmetic import PLAIN, Arithmetic
from training.fit.evaluate import accuracy, plus_one_fractions
from training.networks.build import build_network
from training.networks.network import TrainableNetwork

PROBE_IMAGES = 1000  # of which the fraction of +1 is measured after each epoch
LIGHTNING_LOGGERS = ("lightning.pytorch", "lightning.fabric")
INITIAL, EPOCH, ORDER = range(3)  # what a derived seed is for

# The integer network's accuracy on a split; None for a network or images for which there is no such thing.
Measure = Callable[[TrainableNetwork, Split], float | None]


@dataclass(frozen=True)
class Manner:
    """What a training is done with, beside its configuration; all of it decides the last bits of the weights.

    Attributes:
        threads: of each process on a CPU.
        arithmetic: of the steps.
        measure: gives the integer network's accuracy after each epoch; a function that a worker process can import.
    """

    threads: int
    arithmetic: Arithmetic = PLAIN
    measure: Measure | None = None


class BinaryTraining(LightningModule):
    """Trains a network. Everything random follows from the seed and the epoch, so that a resumed training is exact.

    Args:
        config: what to train.
        dataset: of which the test images are measured where none are held out; nothing is chosen by that.
        train: the images to train on.
        validation: those that are held out.
        manner: threads, arithmetic, measurement.

    Attributes:
        network: what is trained.
        history: a row an epoch of what was measured, kept in the checkpoints.
    """

    def __init__(
        self, config: Config, dataset: Dataset, train: Split, validation: Split | None, manner: Manner
    ) -> None:
        super().__init__()
        self.config = config
        self.dataset = dataset
        self.train_split = train
        self.validation_split = validation
        self.manner = manner
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive_seed(config.training.seed, INITIAL))
            self.network = build_network(config, dataset.shape, dataset.classes)
        self.network.use(manner.arithmetic)
        self.history: list[dict[str, float]] = []
        self._batches: EpochOrder | None = None
        self._loss_sum = torch.zeros(())

    def __reduce__(self) -> tuple[Any, ...]:
        """A worker process builds its own from the same seed: Brevitas' quantizers cannot be sent."""
        arguments = (self.config, self.dataset, self.train_split, self.validation_split, self.manner)
        return _build_in_worker, arguments

    def setup(self, stage: str) -> None:
        """Called in every process, so that all of them compute with the same number of threads."""
        torch.set_num_threads(self.manner.threads)

    def teardown(self, stage: str) -> None:
        """Called in every process when all went well; nobody leaves before the last one is done."""
        self.trainer.strategy.barrier()

    def train_dataloader(self) -> EpochOrder:
        """This process's share of the training images, on its device."""
        training, split = self.config.training, self.train_split
        batch_size = min(training.batch_size, len(split)) // self.trainer.world_size
        order: dict[str, Any] = {
            "seed": derive_seed(training.seed, ORDER),
            "drop_last": True,
            "rank": self.trainer.global_rank,
            "world_size": self.trainer.world_size,
            "device": self.device,
        }
        moves = _augmentation(training)
        if not isinstance(split.images, StoredImages):
            self._batches = Batches(split, batch_size, augmentation=moves, **order)
        elif training.augmentation.random_crop:
            self._batches = StoredBatches(split, batch_size, flip=training.augmentation.flip, **order)
        else:
            self._batches = StoredBatches(split, batch_size, whole=moves or Augmentation(), **order)
        return self._batches

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """One optimizer; weight decay acts on the matrices' weights alone."""
        return make_optimizer(self.network, self.config.training)

    def on_train_epoch_start(self) -> None:
        """Whatever dropout draws depends on the epoch, not on what was drawn before."""
        torch.manual_seed(derive_seed(self.config.training.seed, EPOCH, self.current_epoch, self.global_rank))
        self._loss_sum = torch.zeros((), device=self.device)

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """The learning rate is a function of the step, so there is no state of it to resume."""
        assert self._batches is not None
        steps = len(self._batches)
        rate = learning_rate(self.config.training, self.current_epoch * steps + batch_idx, steps)
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = rate

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """The loss of one batch."""
        images, labels = batch
        loss = loss_value(self.network(images), labels, self.config.training)
        self._loss_sum += loss.detach()
        return loss

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Latent weights stay where their estimator holds."""
        self.network.clip()

    def on_train_epoch_end(self) -> None:
        """Measure, and add a row to the history."""
        assert self._batches is not None
        loss = self.trainer.strategy.reduce(self._loss_sum / len(self._batches), reduce_op="mean")
        row = {"epoch": self.current_epoch + 1, "loss": float(loss)}
        row["learning_rate"] = self.trainer.optimizers[0].param_groups[0]["lr"]
        if self.trainer.is_global_zero:
            row.update(self._accuracies())
            probe = self.validation_split or self.train_split
            # spread over the split: a folder's images are in the order of their classes
            spread = np.linspace(0, len(probe) - 1, min(len(probe), PROBE_IMAGES)).astype(np.int64)
            fractions = plus_one_fractions(self.network, probe.chosen(spread).images)
            row.update({f"plus_one/{name}": fraction for name, fraction in fractions.items()})
            for logger in self.loggers:
                logger.log_metrics(row, step=self.current_epoch + 1)
        self.history.append(row)
        if not math.isfinite(row["loss"]):
            self.trainer.should_stop = True

    def _accuracies(self) -> dict[str, float]:
        """The held-out images' accuracy; where none are held out the test images', for the record alone."""
        measure = self.manner.measure
        if self.validation_split is not None:
            measured = None if measure is None else measure(self.network, self.validation_split)
            return {
                "validation_accuracy": accuracy(self.network, self.validation_split) if measured is None else measured
            }
        measured = None if measure is None else measure(self.network, self.dataset.test)
        return {} if measured is None else {"test_accuracy": measured}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """What makes the checkpoint ours."""
        checkpoint["askew"] = {
            "config": self.config.to_toml(),
            "config_hash": self.config.hash,
            "world_size": self.trainer.world_size,
            "threads": self.manner.threads,
            "arithmetic": self.manner.arithmetic.name,
            "epochs": len(self.history),
            "history": self.history,
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on with the history where it was."""
        self.history = list(checkpoint["askew"]["history"])


def _build_in_worker(*arguments: Any) -> BinaryTraining:
    silence_lightning()
    return BinaryTraining(*arguments)


def silence_lightning() -> None:
    """Without Lightning's hints, which are about data loaders that we do not use."""
    for name in LIGHTNING_LOGGERS:
        logging.getLogger(name).setLevel(logging.ERROR)
    for category in (UserWarning, FutureWarning):
        warnings.filterwarnings("ignore", category=category, module=r"lightning\..*")


def make_optimizer(network: TrainableNetwork, training: TrainingConfig) -> torch.optim.Optimizer:
    """The optimizer of a configuration: the matrices' weights decay, all other parameters don't."""
    weights = network.matrix_weights()
    chosen = {id(weight) for weight in weights}
    others = [parameter for parameter in network.parameters() if id(parameter) not in chosen]
    groups = [
        {"params": weights, "weight_decay": training.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    match training.optimizer:
        case Optimizer.ADAM:
            return Adam(groups, lr=training.learning_rate, fused=True)
        case Optimizer.ADAMW:
            return AdamW(groups, lr=training.learning_rate, fused=True)
        case Optimizer.SGD:
            return SGD(groups, lr=training.learning_rate, momentum=training.momentum, fused=True)


def learning_rate(training: TrainingConfig, step: int, steps_per_epoch: int) -> float:
    """The learning rate of a step, counted from 0 over the whole training."""
    warmup = training.warmup_epochs * steps_per_epoch
    if step < warmup:
        return training.learning_rate * (step + 1) / (warmup + 1)
    held = warmup + (training.hold_epochs or 0.0) * steps_per_epoch
    progress = max(0.0, step - held) / max(1.0, training.epochs * steps_per_epoch - held)
    match training.schedule:
        case Schedule.CONSTANT:
            return training.learning_rate
        case Schedule.COSINE:
            return training.learning_rate * 0.5 * (1.0 + math.cos(math.pi * progress))
        case Schedule.LINEAR:
            return training.learning_rate * (1.0 - progress)


def loss_value(logits: Tensor, labels: Tensor, training: TrainingConfig) -> Tensor:
    """The loss of logits (n, classes) and labels (n,), averaged over the batch."""
    if training.loss is Loss.CROSS_ENTROPY:
        return F.cross_entropy(logits, labels, label_smoothing=training.label_smoothing)
    target = F.one_hot(labels, logits.shape[1]).to(logits.dtype) * 2.0 - 1.0
    return F.relu(1.0 - target * logits).square().mean()


def _augmentation(training: TrainingConfig) -> Augmentation | None:
    chosen = training.augmentation
    if chosen == AugmentationConfig():
        return None
    return Augmentation(
        shift=chosen.shift_pixels, flip=chosen.flip, rotate=chosen.rotate_degrees or 0.0, zoom=chosen.zoom or 0.0
    )
