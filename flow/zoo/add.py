"""Putting networks into the zoo, and writing those that are there again in today's version of the network file."""

from __future__ import annotations

import lzma
from pathlib import Path

import numpy as np

from bnn.errors import UserError
from bnn.files import atomic_path, write_text
from bnn.network import Network
from bnn.readers import read_npz
from bnn.serialize import load_network, save_network
from bnn.version import VERSION
from flow.run.errors import sha256
from flow.run.figures import ExportFigures
from flow.run.figures.zoo import ZooIndex, ZooNetwork
from flow.run.folder import RunFolder
from flow.run.records import read_record
from flow.stages.train import DATA
from flow.zoo.entries import AGAIN, CONFIG, INDEX, MODEL, NETWORK, Entry, ZooError
from training.config.load import load_config
from training.fit.train import load_trained


def add_run(
    path: Path,
    folder: Path,
    *,
    trained_by: str | None = None,
    cpu_seconds: float | None = None,
    remark: str | None = None,
) -> Entry:
    """Put the network of an exported run into the zoo under its config's name, in the place of what bore that name.

    Args:
        path: a run folder that was trained and exported.
        folder: of the zoo.
        trained_by: who, with what, on which machine; None for what the index says already.
        cpu_seconds: of the training; None likewise.
        remark: None likewise.

    Raises:
        UserError: the run is not exported whole, or nobody says who trained it.
    """
    run = RunFolder.open(path)
    config = load_config(run.config)
    network = run.network()
    exported = ExportFigures.of(run.result("export", network))
    if exported is None or exported.accuracy is None or exported.frames is None:
        raise UserError(f"{path}: no accuracy there; run `{run.mending('export')}`")
    trained = load_trained(run.require(run.checkpoint, "train"), config)
    if trained.refusal:
        raise UserError(f"{path}: {trained.refusal}")
    index = _index(folder)
    before = index.networks.get(config.name)
    record = read_record(path, "train")
    if before is not None:
        trained_by, remark = trained_by or before.trained_by, before.remark if remark is None else remark
        cpu_seconds = before.cpu_seconds if cpu_seconds is None else cpu_seconds
    if trained_by is None:
        raise UserError(f"{config.name}: new in the zoo; say who trained it, with what, on which machine: --by TEXT")
    if config.data.validation_fraction:
        raise UserError(f"{path}: trained with images held out; the zoo's networks are trained on all of them")
    files = {f"{config.name}{end}": folder / f"{config.name}{end}" for end in (NETWORK, MODEL, CONFIG)}
    _write_network(network, files[f"{config.name}{NETWORK}"])
    _write_compressed(run.require(run.model, "export").read_bytes(), files[f"{config.name}{MODEL}"])
    write_text(files[f"{config.name}{CONFIG}"], config.to_toml())
    about = ZooNetwork(
        network_hash=network.hash,
        sha256={name: sha256(file) for name, file in files.items()},
        dataset=config.data.name,
        dataset_sha256=record.made_from.get(DATA) if record else None,
        accuracy=exported.accuracy,
        frames=exported.frames,
        weight_bits=network.weight_bits,
        seed=config.training.seed,
        epochs=config.training.epochs,
        cpu_seconds=cpu_seconds,
        trained_by=trained_by,
        remark=remark or "",
        askew_version=VERSION,
    )
    _write_index(folder, index.networks | {config.name: about})
    return Entry(config.name, about, folder)


def write_again(folder: Path) -> list[Entry]:
    """Write every network of the zoo in today's version of the network file, with today's hash in index and model.

    What a network computes does not change: each file is first held to its checksum, and the hash in its header to its
    contents, by the rule of the version that wrote it.
    """
    from onnx_export.metadata import with_network_hash  # noqa: PLC0415 - onnx takes a moment to import

    index = _index(folder)
    renewed = {}
    for name, about in index.networks.items():
        entry = Entry(name, about, folder)
        file, model = folder / f"{name}{NETWORK}", folder / f"{name}{MODEL}"
        if sha256(file) != about.sha256.get(file.name):
            raise ZooError(f"zoo network {name}: {file} is damaged: its SHA-256 is not that of {INDEX}")
        network, exported = load_network(file), entry.model_bytes()
        _write_network(network, file)
        _write_compressed(with_network_hash(exported, network.hash), model)
        sums = about.sha256 | {written.name: sha256(written) for written in (file, model)}
        renewed[name] = about.model_copy(update={"network_hash": network.hash, "sha256": sums})
    _write_index(folder, renewed)
    return [Entry(name, about, folder) for name, about in renewed.items()]


def _write_network(network: Network, file: Path) -> None:
    """The network file, its arrays compressed."""
    save_network(network, file)
    arrays = read_npz(file)
    with atomic_path(file) as temporary, temporary.open("wb") as opened:
        np.savez_compressed(opened, allow_pickle=False, **arrays)


def _write_compressed(content: bytes, file: Path) -> None:
    with atomic_path(file) as temporary:
        temporary.write_bytes(lzma.compress(content, preset=9 | lzma.PRESET_EXTREME))


def _index(folder: Path) -> ZooIndex:
    file = folder / INDEX
    return ZooIndex.read(file, AGAIN, ZooError) if file.is_file() else ZooIndex(networks={})


def _write_index(folder: Path, networks: dict[str, ZooNetwork]) -> None:
    ZooIndex(askew_version=VERSION, networks=networks).write(folder / INDEX)
