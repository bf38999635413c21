"""The stage that makes a run of a network of the zoo: no training, and every other stage works on it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w
from numpy.typing import NDArray

from bnn.errors import UserError
from bnn.files import atomic_path
from bnn.network import Network
from flow.run.folder import ZOO_TABLE, Origin, RunFolder
from flow.run.progress import console
from flow.stages.export import show_network, write_network
from flow.stages.options import option
from flow.stages.stage import Stage
from flow.stages.train import DATA, DataOptions
from flow.zoo.entries import Entry, find_entry

SEED = 20210403  # of random frames


class ZooOptions(DataOptions):
    """Which images become the golden frames."""

    random_frames: int | None = option(
        None, "So many random images, without labels, in the place of the data set's test images.", ge=1, le=100_000
    )


def claim_for_zoo(path: Path, name: str) -> RunFolder:
    """The run for this network of the zoo, new or as it was made.

    Raises:
        ZooError: there is no such network in the zoo.
        RunError: another network's run lies there, or something that is no run.
    """
    entry = find_entry(name)
    return RunFolder.claim(path, tomli_w.dumps({"name": entry.name, ZOO_TABLE: {"network": entry.name}}))


def _get(run: RunFolder, options: ZooOptions) -> dict[str, Any]:
    entry = find_entry(run.zoo_network())
    network, model = entry.network(), entry.model_bytes()
    pixels, labels, more = _frames(entry, network, options)
    with atomic_path(run.model) as temporary:
        temporary.write_bytes(model)
    about = {"zoo": entry.about.to_json(), "notes": _notes(entry, run, options)}
    return write_network(run, network, pixels, labels, more | about)


def _frames(
    entry: Entry, network: Network, options: ZooOptions
) -> tuple[NDArray[np.uint8], NDArray[np.int64] | None, dict[str, Any]]:
    """Images, labels, and what the images mean."""
    from training.data.datasets import load_dataset  # noqa: PLC0415 - scikit-learn takes a second to import
    from training.data.sources.dataset import DataError  # noqa: PLC0415

    if options.random_frames is not None:
        shape = (options.random_frames, *network.input.shape)
        return np.random.default_rng(SEED).integers(0, 256, shape, np.uint8), None, {}
    try:
        dataset = load_dataset(entry.about.dataset, options.data_dir)
    except DataError as error:
        raise UserError(f"{error}; --random-frames 100 does without the data set, and without accuracy") from None
    if dataset.shape != network.input.shape:
        raise UserError(
            f"zoo network {entry.name}: takes images of {network.input.shape}, those of {entry.about.dataset} are "
            f"{dataset.shape}"
        )
    return dataset.test.pixels, dataset.test.labels, {"class_names": list(dataset.class_names)}


def _notes(entry: Entry, run: RunFolder, options: ZooOptions) -> list[str]:
    about, notes = entry.about, []
    if options.random_frames is not None:
        notes.append(f"the golden frames are {options.random_frames:,} random images without labels")
    elif about.dataset_sha256 not in (None, _outside(run, options).get(DATA)):
        notes.append(
            f"the files of {about.dataset} here are other ones than those on which the zoo's "
            f"{about.accuracy:.2%} were measured"
        )
    if about.remark:
        notes.append(about.remark)
    return notes


def _outside(run: RunFolder, options: ZooOptions) -> Mapping[str, str | None]:
    """The zoo's network, and the images where some are read, by content."""
    from training.data.fingerprint import fingerprint_dataset  # noqa: PLC0415 - scikit-learn takes a second

    try:
        about = find_entry(run.zoo_network()).about
    except UserError:  # the stage says what is damaged, or no longer there
        return {}
    found: dict[str, str | None] = {"the zoo's network": "".join(about.sha256.values())}
    if options.random_frames is None:
        found[DATA] = fingerprint_dataset(about.dataset, options.data_dir)
    return found


def _show(run: RunFolder, figures: dict[str, Any]) -> None:
    about = figures["zoo"]
    console.print(f"zoo: {run.zoo_network()}: {about['epochs']} epochs, seed {about['seed']}, {about['trained_by']}")
    for note in figures["notes"]:
        console.print(f"zoo: {note}")
    show_network(run, figures, "zoo")


ZOO_GET = Stage(
    name="zoo get",
    summary="Make a run of a network of the zoo: trained already, so that every stage behind it works at once.",
    example="tfc-mnist --run runs/tfc",
    options=ZooOptions,
    needs=("config",),
    makes=("network", "model", "golden", "export"),
    run=_get,
    show=_show,
    outside=_outside,
    keeps_fresh=True,
    origin=Origin.ZOO,
)
