"""The stage that trains a network; it goes on where an interrupted training stopped."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from bnn.errors import UserError
from flow.run.folder import Origin, RunFolder, sha256
from flow.run.progress import console
from flow.run.records import read_record
from flow.stages.options import Kind, Options, option
from flow.stages.stage import Stage

DATA = "the data set"
LONG_TRAINING = 300.0  # CPU seconds; whoever begins one is told of the zoo


class DataOptions(Options):
    """Where images are looked for."""

    data_dir: Path | None = option(None, "Where data sets lie; else they are downloaded.", kind=Kind.WHERE)


class TrainOptions(DataOptions):
    """How a training is run; what is trained stands in the run's config."""

    devices: int = option(1, "Processes or GPUs on each node.", kind=Kind.PASSING, ge=1)
    num_nodes: int = option(1, "Nodes of a distributed training.", kind=Kind.PASSING, ge=1)
    threads: int | None = option(None, "Threads to use; default: chosen for the network.", kind=Kind.PASSING, ge=1)
    restart: bool = option(False, "Begin anew whatever is there.", kind=Kind.PASSING)


def dataset_fingerprint(run: RunFolder, options: DataOptions) -> dict[str, str | None]:
    """The images that the run's config names, by content."""
    from training.data.fingerprint import fingerprint_dataset  # noqa: PLC0415 - scikit-learn takes a second

    name = run.config_table().get("data", {}).get("name")
    return {DATA: fingerprint_dataset(name, options.data_dir) if isinstance(name, str) else None}


def _train(run: RunFolder, options: TrainOptions) -> Any:
    from flow.stages.measure import integer_accuracy  # noqa: PLC0415 - torch takes seconds to import
    from training.config.load import load_config  # noqa: PLC0415
    from training.fit.train import train  # noqa: PLC0415

    config = load_config(run.config)
    if not any((run.path / "checkpoints").glob("*")):
        _point_to_zoo(run, config.name)
    record = read_record(run.path, "train")
    restart = options.restart
    # A checkpoint without a record is whole, and of this config or refused: it is not trained anew.
    if record is not None and run.checkpoint.exists() and not restart:
        now = {"config": sha256(run.config), **dataset_fingerprint(run, options)}
        if all(value in (None, record.made_from.get(name)) for name, value in now.items()):
            run.checkpoint.unlink()  # damaged: its last epoch is still there
        else:
            restart = True
    try:
        return train(
            config,
            run.path,
            data_dir=options.data_dir,
            devices=options.devices,
            num_nodes=options.num_nodes,
            threads=options.threads,
            restart=restart,
            measure=integer_accuracy,
        )
    except UserError:
        run.release()
        raise


def _point_to_zoo(run: RunFolder, name: str) -> None:
    """Before a long training begins, say where its result can be had at once."""
    from flow.zoo.entries import find_trained  # noqa: PLC0415 - pydantic takes a moment

    found = find_trained(name)
    seconds = 0.0 if found is None else found.about.cpu_seconds or 0.0
    if found is not None and seconds > LONG_TRAINING:
        other = run.path.with_name(f"zoo-{name}")
        console.print(
            f"train: the zoo has {name} trained ({found.about.accuracy:.2%} after {seconds / 60:,.0f} "
            f"minutes of CPU): `askew zoo get {name} --run {shlex.quote(str(other))}` makes a run of it in seconds",
            highlight=False,
        )


def _show(run: RunFolder, result: Any) -> None:
    if result.images:
        console.print(f"train: images: {result.images}", highlight=False)
    console.print(f"train: {run.checkpoint}, test accuracy {result.test_accuracy:.2%}")


TRAIN = Stage(
    name="train",
    summary="Train the network that the run's config describes; an interrupted training goes on to the same result.",
    example="--config tfc-mnist --run runs/tfc",
    options=TrainOptions,
    needs=("config",),
    makes=("checkpoint",),
    run=_train,
    show=_show,
    outside=dataset_fingerprint,
    keeps_fresh=True,
    origin=Origin.TRAINED,
)
