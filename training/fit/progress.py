"""One line that says how far a training is, how well it goes and how long it will take."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from training.fit.module import BinaryTraining

SECONDS_BETWEEN_UPDATES = 0.1
SECONDS_BETWEEN_LINES = 60.0  # at most one line in so long, unless it is a tenth of the training
ACCURACIES = {"validation_accuracy": "validation", "test_accuracy": "test"}


class ProgressBar(Callback):
    """A bar over all epochs, on rank 0 alone.

    Where the output is no terminal, a line after an epoch: of every tenth of the training, and once a minute.
    """

    def __init__(self, name: str, start_epoch: int) -> None:
        self._name = name
        self._start_epoch = start_epoch
        self._progress: Progress | None = None
        self._last_update = 0.0
        self._last_line = 0.0
        self._started = 0.0

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
        self._started = self._last_line = time.monotonic()
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
        measured += "".join(f", {word} {row[key]:.2%}" for key, word in ACCURACIES.items() if key in row)
        epochs = int(trainer.max_epochs or 1)
        done, now = epoch - self._start_epoch, time.monotonic()
        if done > 0:  # measurements and checkpoints count: it is what the training as a whole comes to
            seconds = (now - self._started) / done
            measured += f", {self._images(trainer, pl_module) / seconds:,.0f} images/s"
        self._progress.update(self._task, completed=epoch, measured=measured)
        if self._progress.console.is_terminal or done <= 0:
            return
        if epoch % max(1, epochs // 10) == 0 or now - self._last_line >= SECONDS_BETWEEN_LINES:
            self._last_line = now
            left = timedelta(seconds=round(seconds * (epochs - epoch)))
            self._progress.console.print(
                f"train {self._name}: epoch {epoch}/{epochs}, {measured}, {left} left", soft_wrap=True
            )

    def _images(self, trainer: Trainer, training: BinaryTraining) -> int:
        """Images that an epoch trains on, over all processes."""
        size = min(training.config.training.batch_size, len(training.train_split))
        return int(trainer.num_training_batches) * size

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Give the terminal back."""
        self._stop()

    def _stop(self) -> None:
        if self._progress is not None and self._progress.console.is_terminal:
            self._progress.stop()
            self._progress = None
