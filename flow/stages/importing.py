"""The stage that makes a run of somebody's own network: an ONNX file that can become integers, or a network file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tomli_w
from numpy.typing import NDArray

from bnn.errors import UserError
from bnn.files import atomic_path
from bnn.network import Network
from bnn.serialize import load_network
from flow.run.folder import IMPORT_TABLE, NETWORK_SUFFIX, Origin, RunError, RunFolder, sha256
from flow.run.progress import console
from flow.stages.export import show_network, write_network
from flow.stages.foreign import load_array, load_labels
from flow.stages.options import Options
from flow.stages.stage import Stage


class ImportOptions(Options):
    """None: what is imported stands in the run's config."""


def claim_for_import(
    path: Path,
    model: Path,
    images: Path,
    labels: Path | None,
    *,
    input_scale: str | None,
    input_mean: str | None,
    input_std: str | None,
) -> RunFolder:
    """The run for this very file and these images, new or as it was made.

    Args:
        path: the run folder.
        model: a W1A1 QONNX or FINN-ONNX file, or a ``.npz`` network file.
        images: .npy, uint8 (n, H, W, C).
        labels: .npy, integers (n,); None where nobody knows.
        input_scale: what a pixel value is multiplied with; see ``import_qonnx``.
        input_mean: what is subtracted then.
        input_std: what is divided by then.

    Raises:
        UserError: a file is not there, or an option that does not go with it.
        RunError: another network's run lies there, or something that is no run.
    """
    for file in (model, images, *([labels] if labels else [])):
        if not file.is_file():
            raise UserError(f"{file}: no such file")
    meaning = {"input_scale": input_scale, "input_mean": input_mean, "input_std": input_std}
    given = {key: value for key, value in meaning.items() if value is not None}
    if given and model.suffix == NETWORK_SUFFIX:
        raise UserError(
            f"import: --{next(iter(given)).replace('_', '-')} goes with an ONNX file; a network file takes pixel values"
        )
    table: dict[str, Any] = {"model": str(model.absolute()), "images": str(images.absolute())}
    if labels:
        table["labels"] = str(labels.absolute())
    return RunFolder.claim(path, tomli_w.dumps({"name": model.stem, IMPORT_TABLE: table | given}))


def _import(run: RunFolder, _options: ImportOptions) -> dict[str, Any]:
    table = run.import_table()
    source = Path(table["model"])
    notes: tuple[str, ...] = ()
    if run.has_model:
        network, pixels, notes = _import_onnx(source, table)
    else:
        network = load_network(source)
        pixels = _pixels(Path(table["images"]), network)
    labels = load_labels(Path(table["labels"]), len(pixels), network.classes) if "labels" in table else None
    more = {"model_sha256": sha256(source), "notes": list(notes)}
    if run.has_model:  # only now, when nothing is refused any more
        from onnx_export.external import copy_file  # noqa: PLC0415 - onnx takes a moment to import

        with atomic_path(run.model) as temporary:
            copy_file(source, temporary)
    return write_network(run, network, pixels, labels, more)


def _import_onnx(source: Path, table: dict[str, str]) -> tuple[Network, NDArray[np.uint8], tuple[str, ...]]:
    from onnx_export.importer import import_qonnx  # noqa: PLC0415 - onnx takes seconds to import

    meaning: dict[str, Any] = {key: value for key, value in table.items() if key.startswith("input_")}
    imported = import_qonnx(source, **meaning)
    try:
        pixels = imported.images(load_array(Path(table["images"])))
    except UserError as error:
        raise UserError(f"{table['images']}: {error}") from None
    if not len(pixels):
        raise UserError(f"{table['images']}: holds no images")
    return imported.network, pixels, imported.notes


def _pixels(file: Path, network: Network) -> NDArray[np.uint8]:
    images = load_array(file)
    if images.shape[1:] == network.input.shape[:2] and network.input.shape[2] == 1:
        images = images[..., None]
    if images.dtype != np.uint8 or images.shape[1:] != network.input.shape or not len(images):
        raise UserError(
            f"{file}: images are {images.dtype} of shape {images.shape}, must be uint8 of shape "
            f"(n, {', '.join(map(str, network.input.shape))})"
        )
    return images


def _files(run: RunFolder, _options: ImportOptions) -> dict[str, str | None]:
    """The user's files, by content; of one that is gone the run has what it needs, so that it changes nothing."""
    try:
        table = run.import_table()
    except RunError:  # the config is another one then, and the stage says what is damaged
        return {}
    files = {f"the file of {key}": Path(table[key]) for key in ("model", "images", "labels") if key in table}
    if run.has_model:
        from onnx_export.external import external_files  # noqa: PLC0415 - onnx takes a moment to import

        files |= {f"external data {file.name}": file for file in external_files(Path(table["model"]))}
    return {name: sha256(file) if file.is_file() else None for name, file in files.items()}


def _show(run: RunFolder, figures: dict[str, Any]) -> None:
    for note in figures["notes"]:
        console.print(f"import: {note}", highlight=False)
    show_network(run, figures, "import")


IMPORT = Stage(
    name="import",
    summary="Make the integer network and golden answers of somebody's file and images.",
    example="--model mine.onnx --images images.npy --labels labels.npy --run runs/mine",
    options=ImportOptions,
    needs=("config",),
    makes=("network", "model", "golden", "export"),
    run=_import,
    show=_show,
    outside=_files,
    keeps_fresh=True,
    origin=Origin.IMPORTED,
)
