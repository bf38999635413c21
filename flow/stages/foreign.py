"""Anybody's QONNX file and images through the integer network: `askew simulate --model`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn.errors import UserError
from bnn.files import atomic_path
from bnn.readers import read_npy
from bnn.version import VERSION
from flow.ladder.compare import accuracy
from flow.run.progress import console
from flow.stages.simulation import timed_simulation
from hw.simulator import Backend


def simulate_model(
    model: Path,
    images_file: Path,
    labels_file: Path | None,
    *,
    input_scale: str | None,
    input_mean: str | None,
    input_std: str | None,
    frames: int | None,
    backend: Backend,
    threads: int | None,
) -> tuple[dict[str, Any], NDArray[np.int32]]:
    """Import a file and run images through it: figures as of ``simulate.json``, and (n, classes) scores.

    Raises:
        UserError: text that is no number, a file that is damaged or does not fit the others, or a model that cannot
            become integers.
    """
    from onnx_export.importer import import_qonnx  # noqa: PLC0415 - onnx takes seconds to import

    imported = import_qonnx(model, input_scale=input_scale, input_mean=input_mean, input_std=input_std)
    network = imported.network
    for note in imported.notes:
        console.print(f"{model}: {note}")
    try:
        images = imported.images(load_array(images_file))
    except UserError as error:
        raise UserError(f"{images_file}: {error}") from None
    if not len(images):
        raise UserError(f"{images_file}: holds no images")
    labels = None if labels_file is None else load_labels(labels_file, len(images), network.classes)
    images, labels = images[:frames], None if labels is None else labels[:frames]
    scores, rate = timed_simulation(network, images, backend, threads)
    figures = {
        "network_hash": network.hash,
        "askew_version": VERSION,
        "frames": len(images),
        "accuracy": None if labels is None else accuracy(scores, labels),
        "mismatches": None,  # there is no golden answer but this one
        "frames_per_second": rate,
        "backend": backend.value,
    }
    return figures, scores


def load_array(file: Path) -> NDArray[Any]:
    """The one array of a .npy file; UserError where it is damaged or something else."""
    array = read_npy(file)
    if array.ndim == 0:
        raise UserError(f"{file}: not a .npy file of one array")
    return array


def load_labels(file: Path, count: int, classes: int) -> NDArray[np.int64]:
    """(n,) labels, one for each image, each below the number of classes."""
    labels = load_array(file)
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise UserError(f"{file}: labels are {labels.dtype} of shape {labels.shape}, must be integers of shape (n,)")
    if len(labels) != count:
        raise UserError(f"{file}: {len(labels)} labels, must be one for each of the {count} images")
    if labels.min() < 0 or labels.max() >= classes:
        raise UserError(f"{file}: labels reach {labels.min()}..{labels.max()}, must lie in 0..{classes - 1}")
    return labels.astype(np.int64)


def save_array(file: Path, array: NDArray[Any]) -> None:
    """Write a .npy file, whole or not at all."""
    with atomic_path(file) as temporary, temporary.open("wb") as opened:
        np.save(opened, array, allow_pickle=False)
