"""How a training goes on after an interruption: a checkpoint an epoch, and which of them to take."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint

from bnn.files import atomic_path, write_text
from training.config.load import Config
from training.fit.arithmetic import PLAIN, Arithmetic
from training.fit.checkpoint import (
    CheckpointError,
    difference,
    epoch_path,
    forget_old_epochs,
    latest_epoch,
    network_state,
)
from training.fit.module import BinaryTraining
from training.networks.network import TrainableNetwork


@dataclass(frozen=True)
class Start:
    """Where a training begins: so many whole epochs are done, in this checkpoint, with so many threads, in this way."""

    epochs: int = 0
    path: Path | None = None
    threads: int | None = None
    arithmetic: Arithmetic | None = None
    sizes: Mapping[str, torch.Size] = field(default_factory=dict)

    def verify(self, network: TrainableNetwork) -> None:
        """Raise CheckpointError where the checkpoint's network has other parameters than this one."""
        ours = {name: tensor.shape for name, tensor in network.state_dict().items()}
        if self.path is not None and ours != self.sizes:
            differing = next(name for name in (*ours, *self.sizes) if ours.get(name) != self.sizes.get(name))
            raise CheckpointError(
                f"{self.path}: {differing} does not fit the model of the config; delete the file, and the training "
                "goes on from the one before"
            )


def find_start(folder: Path, config: Config, world_size: int) -> Start:
    """Where to go on; UserError where the folder holds the training of something else."""
    found = latest_epoch(folder)
    if found is None:
        return Start()
    path, content = found
    ours = content["askew"]
    if ours["config_hash"] != config.hash:
        raise CheckpointError(
            f"{path}: a training with another config: {difference(ours['config'], config)}; "
            "choose another run folder, or begin anew with --force"
        )
    if ours["world_size"] != world_size:
        raise CheckpointError(
            f"{path}: the interrupted training had {ours['world_size']} processes, this one has {world_size}; "
            "must be the same for the same result"
        )
    # before there was a choice, all trainings were plain
    arithmetic = Arithmetic.from_name(ours.get("arithmetic", PLAIN.name))
    sizes = {name: tensor.shape for name, tensor in network_state(content).items()}
    return Start(ours["epochs"], path, ours["threads"], arithmetic, sizes)


class EpochCheckpoint(Checkpoint):
    """Writes a checkpoint and the measurements so far after each epoch, each whole or not at all."""

    def __init__(self, run_dir: Path) -> None:
        self._folder = run_dir / "checkpoints"
        self._metrics = run_dir / "logs" / "metrics.csv"

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write both, unless the training has come to nothing."""
        assert isinstance(pl_module, BinaryTraining)
        if not np.isfinite(pl_module.history[-1]["loss"]):
            return
        path = epoch_path(self._folder, trainer.current_epoch + 1)
        if trainer.is_global_zero:
            with atomic_path(path) as temporary:
                trainer.save_checkpoint(temporary)
            forget_old_epochs(self._folder)
            write_text(self._metrics, _csv(pl_module.history))
        else:
            trainer.save_checkpoint(path)  # writes nothing here, but all processes must take part
        trainer.strategy.barrier()  # nobody looks for the last epoch before it is there


def _csv(history: list[dict[str, float]]) -> str:
    text = io.StringIO()
    columns = list(dict.fromkeys(key for row in history for key in row))  # an older version's epochs may lack some
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    return text.getvalue()
