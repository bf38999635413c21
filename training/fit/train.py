"""Train what a configuration describes, into a run folder, so that an interruption at any moment costs one epoch.

``checkpoints/`` holds the last whole epochs, ``logs/`` what was measured, ``checkpoint.ckpt`` the finished model.
"""

from __future__ import annotations

import logging
import shutil
import signal
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities.exceptions import SIGTERMException

from bnn.errors import UserError
from training.config.load import Config
from training.data.datasets import load_dataset
from training.data.sources.dataset import Dataset, Split, StoredImages
from training.fit.arithmetic import Arithmetic, choose_arithmetic
from training.fit.checkpoint import (
    CheckpointError,
    difference,
    latest_epoch,
    load_binary,
    load_exportable,
    load_trained,
    network_state,
    read_trained,
    save_trained,
)
from training.fit.evaluate import accuracy
from training.fit.module import LIGHTNING_LOGGERS, BinaryTraining, Manner, Measure, silence_lightning
from training.fit.processes import Processes
from training.fit.progress import ProgressBar
from training.fit.resume import EpochCheckpoint, find_start
from training.networks.build import build_network, count_multiplications

__all__ = ["CheckpointError", "TrainingResult", "load_binary", "load_exportable", "load_trained", "train"]

SMALL_STEP = 50_000_000  # multiplications; TFC at batch 256 has 15 million, SFC 86 million
HELD_BYTES = 2**30  # images of a folder that are read once and kept, rather than decoded every epoch
SPLIT_SEED = 20210403  # of the held-out images; the same for every training seed, so that seeds can be compared


@dataclass(frozen=True)
class TrainingResult:
    """What a training came to.

    Attributes:
        checkpoint: the finished model.
        test_accuracy: share of the test images after the last epoch, by the trained model in PyTorch.
        validation_accuracy: of the held-out training images after the last epoch; None where none were held out.
        plus_one: share of +1 by layer after the last epoch.
        history: a row an epoch: epoch, loss, learning_rate, plus_one/LAYER, and validation_accuracy where images are
            held out; where none are and ``measure`` was given, test_accuracy, by which nothing is chosen.
        resumed_from_epoch: whole epochs that an earlier, interrupted training had done.
        images: what was done to the images of a folder; empty where they were taken as they are stored.
    """

    checkpoint: Path
    config_hash: str
    epochs: int
    test_accuracy: float
    validation_accuracy: float | None
    plus_one: dict[str, float]
    history: tuple[dict[str, float], ...]
    resumed_from_epoch: int
    images: str


def train(
    config: Config,
    run_dir: Path,
    *,
    data_dir: Path | None = None,
    epochs: int | None = None,
    devices: int = 1,
    num_nodes: int = 1,
    threads: int | None = None,
    progress: bool = True,
    restart: bool = False,
    measure: Measure | None = None,
    callbacks: Sequence[Callback] = (),
) -> TrainingResult:
    """Train, or go on where an interrupted training in ``run_dir`` stopped; a finished one is returned as it is.

    On one machine's CPU the final weights depend on the configuration, the number of processes and ``threads`` alone,
    however often the training was killed. A GPU is used where there is one.

    Args:
        config: what to train, and how.
        run_dir: made where it is missing.
        data_dir: where the data set is; see ``training.data.datasets``.
        epochs: instead of the configuration's.
        devices: processes (or GPUs) on each node; they share each batch.
        num_nodes: nodes; start the same command on each, under torchrun or SLURM, with a run folder that all see.
        threads: of each process on a CPU; where None, after an interruption what it was before, else one, or PyTorch's
            choice for large networks that train without the fused operation.
        progress: show a progress bar on stderr.
        restart: begin anew whatever is there.
        measure: gives the integer network's accuracy after each epoch; see ``training.fit.module.Measure``.
        callbacks: Lightning's, in addition to ours.

    Raises:
        UserError: data missing or damaged, sizes that do not fit, or a folder with another configuration's training.
    """
    if epochs is not None:
        config = config.with_overrides([f"training.epochs={epochs}"])
    dataset = _load(config, data_dir)
    training_split, validation_split = split_training(config, dataset)
    _check_batch(config, training_split, devices * num_nodes)
    folder, finished = run_dir / "checkpoints", run_dir / "checkpoint.ckpt"
    if restart:
        _forget(run_dir)
    if finished.exists():
        return _finished(finished, config)
    folder.mkdir(parents=True, exist_ok=True)
    start = find_start(folder, config, devices * num_nodes)
    arithmetic = _arithmetic(config, start.arithmetic)
    if threads is None:
        threads = start.threads or default_threads(config, dataset, devices, arithmetic)
    module = BinaryTraining(config, dataset, training_split, validation_split, Manner(threads, arithmetic, measure))
    start.verify(module.network)
    if start.epochs < config.training.epochs:
        with _quiet(), _thread_count(threads):
            trainer = _trainer(config, run_dir, start.epochs, devices, num_nodes, progress, callbacks)
            try:
                trainer.fit(module, ckpt_path=start.path, weights_only=True)
            except SIGTERMException:  # its own exit status is 0, as if the training were done
                raise SystemExit(128 + signal.SIGTERM) from None
    return _finish(finished, folder, config, dataset, start.epochs)


def is_gpu_used() -> bool:
    """Whether trainings on this machine run on a GPU: wherever there is one."""
    return torch.cuda.is_available()


def _arithmetic(config: Config, before: Arithmetic | None) -> Arithmetic:
    """What an interrupted training had, unless it cannot be had here; for a new one what suits the machine."""
    on_gpu = is_gpu_used()
    return choose_arithmetic(config, on_gpu) if before is None or (before.fused and on_gpu) else before


def default_threads(config: Config, dataset: Dataset, devices: int, arithmetic: Arithmetic) -> int:
    """Threads of each process: one where handing a step out costs more than it saves.

    So it is where a step is small, and where it is fused: its convolutions' threads wait for each other by spinning,
    which another program on the same cores turns into a multiple of the time. Processes (``devices``) do not.
    """
    if arithmetic.fused:
        return 1
    multiplications = config.training.batch_size * count_multiplications(config, dataset.shape, dataset.classes)
    return max(1, torch.get_num_threads() // devices) if multiplications > SMALL_STEP else 1


def split_training(config: Config, dataset: Dataset) -> tuple[Split, Split | None]:
    """The images to train on and those that are held out; the test images are in neither."""
    count = len(dataset.train)
    order = np.random.default_rng(SPLIT_SEED).permutation(count)
    held_out = round(count * config.data.validation_fraction)
    kept = np.sort(order[held_out:][: config.data.train_limit])
    validation = None
    if config.data.validation_fraction:
        if not 0 < held_out < count:
            raise UserError(
                f"{config.source}: data.validation_fraction {config.data.validation_fraction} of {count} training "
                f"images is {held_out}; must leave at least one on either side"
            )
        validation = dataset.train.chosen(np.sort(order[:held_out]))
    if len(kept) == count:
        return dataset.train, validation
    return dataset.train.chosen(kept), validation


def _check_batch(config: Config, split: Split, world_size: int) -> None:
    batch = config.training.batch_size
    if batch % world_size:
        raise UserError(
            f"{config.source}: training.batch_size ({batch}) must be divisible by the devices ({world_size})"
        )
    if min(batch, len(split)) // world_size < 2:
        raise UserError(
            f"{config.source}: training.batch_size ({batch}) must give each of {world_size} devices at least 2 of the "
            f"{len(split)} images: a batch norm needs more than one"
        )


def _load(config: Config, data_dir: Path | None) -> Dataset:
    """The data set; a folder's images in memory where they are few and taken whole."""
    dataset = load_dataset(config.data.name, data_dir, config.data.preparation)
    is_stored = isinstance(dataset.train.images, StoredImages)
    if config.training.augmentation.random_crop:
        if not is_stored:
            raise UserError(
                f"{config.source}: training.augmentation.random_crop: is for folders of images, {config.data.name} is "
                "taken as it is stored; leave it out"
            )
        return dataset
    if is_stored and dataset.train.bytes + dataset.test.bytes <= HELD_BYTES:
        return replace(dataset, train=dataset.train.held(), test=dataset.test.held())
    return dataset


def _trainer(
    config: Config,
    run_dir: Path,
    start_epoch: int,
    devices: int,
    num_nodes: int,
    progress: bool,
    extra_callbacks: Sequence[Callback],
) -> Trainer:
    on_gpu = is_gpu_used()
    if on_gpu:
        # +-1 and pixels are exact in the 11 bits of TensorFloat-32, so accumulators stay exact
        torch.set_float32_matmul_precision("high")
    logger = TensorBoardLogger(
        run_dir / "logs", name="", version="tensorboard", purge_step=start_epoch + 1 if start_epoch else None
    )
    callbacks: list[Callback] = [*extra_callbacks, EpochCheckpoint(run_dir)]
    if progress:
        callbacks.append(ProgressBar(config.name, start_epoch))
    return Trainer(
        accelerator="gpu" if on_gpu else "cpu",
        devices=devices,
        num_nodes=num_nodes,
        strategy=Processes(num_nodes) if devices * num_nodes > 1 else "auto",
        max_epochs=config.training.epochs,
        logger=logger,
        callbacks=callbacks,
        default_root_dir=run_dir,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        limit_val_batches=0,
        use_distributed_sampler=False,
    )


def _finish(finished: Path, folder: Path, config: Config, dataset: Dataset, resumed_from: int) -> TrainingResult:
    """Measure the last epoch's model on the test images and write it as the finished one."""
    found = latest_epoch(folder)
    done = 0 if found is None else found[1]["askew"]["epochs"]
    if found is None or done < config.training.epochs:
        raise UserError(
            f"{config.source}: training stopped in epoch {done + 1}: the loss is no longer a finite number; "
            "lower training.learning_rate"
        )
    model = build_network(config, dataset.shape, dataset.classes)
    model.load_state_dict(network_state(found[1]))
    if is_gpu_used():
        model.cuda()
    result = {
        "test_accuracy": accuracy(model, dataset.test),
        "history": found[1]["askew"]["history"],
        "resumed_from_epoch": resumed_from,
        "images": _describe_images(config, dataset),
    }
    save_trained(finished, model, config, result)
    return _finished(finished, config)


def _finished(path: Path, config: Config) -> TrainingResult:
    """What a finished training came to; CheckpointError where it was another configuration's."""
    content = read_trained(path)
    if content["config_hash"] != config.hash:
        raise CheckpointError(
            f"{path}: trained with another config: {difference(content['config'], config)}; "
            "choose another run folder, or begin anew with --force"
        )
    result = content["result"]
    last = result["history"][-1]
    return TrainingResult(
        checkpoint=path,
        config_hash=config.hash,
        epochs=config.training.epochs,
        test_accuracy=result["test_accuracy"],
        validation_accuracy=last.get("validation_accuracy"),
        plus_one={key.partition("/")[2]: value for key, value in last.items() if key.startswith("plus_one/")},
        history=tuple(result["history"]),
        resumed_from_epoch=result["resumed_from_epoch"],
        images=result.get("images", ""),
    )


def _describe_images(config: Config, dataset: Dataset) -> str:
    if not config.training.augmentation.random_crop:
        return dataset.preparation
    return f"{dataset.preparation}; training took random parts of the files, of the same size"


def _forget(run_dir: Path) -> None:
    (run_dir / "checkpoint.ckpt").unlink(missing_ok=True)
    for name in ("checkpoints", "logs"):
        shutil.rmtree(run_dir / name, ignore_errors=True)


@contextmanager
def _thread_count(threads: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _quiet() -> Iterator[None]:
    """Lightning without its hints, for the block."""
    levels = {name: logging.getLogger(name).level for name in LIGHTNING_LOGGERS}
    with warnings.catch_warnings():
        silence_lightning()
        try:
            yield
        finally:
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)
