"""One line that says how far a training is, how well it goes and how long it will take."""

from __future__ import annotations

import time
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from training.module import BinaryTraining

SECONDS_BETWEEN_UPDATES = 0.1


class ProgressBar(Callback):
    """A bar over all epochs, on rank 0 alone; where the output is no terminal, a line a tenth of the training."""

    def __init__(self, name: str, start_epoch: int) -> None:
        self._name = name
        self._start_epoch = start_epoch
        self._progress: Progress | None = None
        self._last_update = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show the bar."""
        if not trainer.is_global_zero:
            return
        self._progress = Progress(
            TextColumn("train {task.fields[name]}"),
            BarColumn(),
            TextColumn("epoch"),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(elapsed_when_finished=False),
            TextColumn("{task.fields[measured]}"),
            console=Console(stderr=True),
        )
        self._task = self._progress.add_task("", total=trainer.max_epochs, name=self._name, measured="")
        self._progress.update(self._task, completed=self._start_epoch)
        if self._progress.console.is_terminal:
            self._progress.start()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Move within the epoch, at most ten times a second."""
        now = time.monotonic()
        if self._progress is None or now - self._last_update < SECONDS_BETWEEN_UPDATES:
            return
        self._last_update = now
        part = batch_idx / max(1, int(trainer.num_training_batches))
        self._progress.update(self._task, completed=round(trainer.current_epoch + part, 2))

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show what the last epoch measured; at its own end it is not measured yet."""
        self._show(trainer, pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Leave the finished bar on the screen."""
        self._show(trainer, pl_module)
        self._stop()

    def _show(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, BinaryTraining)
        if self._progress is None or not pl_module.history:
            return
        row = pl_module.history[-1]
        epoch = int(row["epoch"])
        measured = f"loss {row['loss']:.4f}"
        if "validation_accuracy" in row:
            measured += f", validation {row['validation_accuracy']:.2%}"
        self._progress.update(self._task, completed=epoch, measured=measured)
        every = max(1, int(trainer.max_epochs or 1) // 10)
        if not self._progress.console.is_terminal and epoch % every == 0:
            self._progress.console.print(f"train {self._name}: epoch {epoch}/{trainer.max_epochs}, {measured}")

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Give the terminal back."""
        self._stop()

    def _stop(self) -> None:
        if self._progress is not None and self._progress.console.is_terminal:
            self._progress.stop()
            self._progress = None
