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
from flow.run.folder import Origin, RunFolder, sha256
from flow.run.progress import console
from flow.stages.export import show_network, write_network
from flow.stages.foreign import load_array, load_labels
from flow.stages.options import Options
from flow.stages.stage import Stage

TABLE = "import"
NETWORK_SUFFIX = ".npz"


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
    return RunFolder.claim(path, tomli_w.dumps({"name": model.stem, TABLE: table | given}))


def _import(run: RunFolder, _options: ImportOptions) -> dict[str, Any]:
    table = _table(run)
    source = Path(table["model"])
    if source.suffix == NETWORK_SUFFIX:
        network, pixels = load_network(source), _pixels(Path(table["images"]), load_network(source))
        run.model.unlink(missing_ok=True)
        notes: tuple[str, ...] = ()
    else:
        network, pixels, notes = _import_onnx(run, source, table)
    labels = load_labels(Path(table["labels"]), len(pixels), network.classes) if "labels" in table else None
    more = {"model_sha256": sha256(source), "notes": list(notes)}
    return write_network(run, network, pixels, labels, more)


def _import_onnx(
    run: RunFolder, source: Path, table: dict[str, Any]
) -> tuple[Network, NDArray[np.uint8], tuple[str, ...]]:
    from onnx_export.foreign import copy_file  # noqa: PLC0415 - onnx takes seconds to import
    from onnx_export.importer import import_qonnx  # noqa: PLC0415

    meaning = {key: value for key, value in table.items() if key.startswith("input_")}
    imported = import_qonnx(source, **meaning)
    try:
        pixels = imported.images(load_array(Path(table["images"])))
    except UserError as error:
        raise UserError(f"{table['images']}: {error}") from None
    if not len(pixels):
        raise UserError(f"{table['images']}: holds no images")
    with atomic_path(run.model) as temporary:
        copy_file(source, temporary)
    return imported.network, pixels, imported.notes


def _pixels(file: Path, network: Network) -> NDArray[np.uint8]:
    images = load_array(file)
    if images.dtype != np.uint8 or images.shape[1:] != network.input.shape or not len(images):
        raise UserError(
            f"{file}: images are {images.dtype} of shape {images.shape}, must be uint8 of shape "
            f"(n, {', '.join(map(str, network.input.shape))})"
        )
    return images


def _table(run: RunFolder) -> dict[str, Any]:
    table = run.config_table().get(TABLE)
    if not isinstance(table, dict) or not {"model", "images"} <= table.keys():
        raise UserError(f"{run.config}: damaged: its table [{TABLE}] needs model and images; import into a new run")
    if not all(isinstance(value, str) for value in table.values()):
        raise UserError(f"{run.config}: damaged: table [{TABLE}] holds something that is no text")
    return table


def _files(run: RunFolder, _options: ImportOptions) -> dict[str, str | None]:
    table = run.config_table().get(TABLE, {})
    files = {key: Path(str(table[key])) for key in ("model", "images", "labels") if key in table}
    return {f"the file of {key}": sha256(file) if file.is_file() else None for key, file in files.items()}


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
