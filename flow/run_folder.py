"""The run folder: one design, everything that a stage reads and writes, and the checks that it all belongs together."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn.errors import UserError
from bnn.files import atomic_path, write_json, write_text
from bnn.network import Network
from bnn.serialize import load_network
from bnn.version import VERSION


class RunError(UserError):
    """A run folder that lacks what a stage needs, or holds what does not belong together."""


@dataclass(frozen=True, eq=False)
class Golden:
    """The frames of a run and the integer network's answers to them.

    Attributes:
        images: (n, H, W, C) uint8.
        labels: (n,) int64, what the images show.
        scores: (n, classes) int32, the integer network's answers.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    scores: NDArray[np.int32]

    def first(self, frames: int | None) -> Golden:
        """The first ``frames`` of them, or all."""
        return Golden(self.images[:frames], self.labels[:frames], self.scores[:frames])

    def __len__(self) -> int:
        return len(self.images)


class RunFolder:
    """``runs/NAME``: where each artefact of one design lies.

    Raises RunError, naming the command that helps, where something needed is not there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = path / "config.toml"
        self.checkpoint = path / "checkpoint.ckpt"
        self.model = path / "model.onnx"
        self.network_file = path / "network.npz"
        self.golden_folder = path / "golden"
        self.folding = path / "folding.json"
        self.rtl = path / "rtl"
        self.finn = path / "finn"
        self.report_json = path / "report.json"
        self.report_markdown = path / "report.md"
        self.report_html = path / "report.html"

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """An existing run."""
        run = cls(path)
        if not run.config.exists():
            raise RunError(f"{path}: no run there; make it with `askew train --config NAME --run {path}`")
        return run

    @classmethod
    def claim(cls, path: Path, resolved_config: str) -> RunFolder:
        """The run for this very configuration: a new folder, or one that the same configuration made."""
        run = cls(path)
        if run.config.exists():
            existing = run.config.read_text(encoding="utf-8")
            if existing != resolved_config:
                raise RunError(
                    f"{path}: this run was made by another config ({_first_difference(existing, resolved_config)}); "
                    "choose another --run or delete the folder"
                )
            return run
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise RunError(f"{path}: exists and is not a run folder; choose another --run")
        path.mkdir(parents=True, exist_ok=True)
        write_text(run.config, resolved_config)
        return run

    def release(self) -> None:
        """Give up a run in which nothing was made yet, so that a mended config can claim it."""
        if any(file.is_file() and file != self.config for file in self.path.rglob("*")):
            return
        shutil.rmtree(self.path)

    def require(self, file: Path, command: str) -> Path:
        """``file``, or RunError with the command that makes it."""
        if not file.exists():
            raise RunError(f"{file}: not there yet; make it with `askew {command} --run {self.path}`")
        return file

    def network(self) -> Network:
        """The integer network of this run."""
        return load_network(self.require(self.network_file, "export"))

    def write_golden(self, golden: Golden, network: Network) -> None:
        """Write ``golden/``; its manifest goes last, so that without one there is no golden answer."""
        self.golden_folder.mkdir(exist_ok=True)
        manifest = self.golden_folder / "manifest.json"
        manifest.unlink(missing_ok=True)
        checksums = {}
        arrays: dict[str, NDArray[Any]] = {"input": golden.images, "labels": golden.labels, "expected": golden.scores}
        for name, array in arrays.items():
            file = self.golden_folder / f"{name}.npy"
            with atomic_path(file) as temporary, temporary.open("wb") as opened:
                np.save(opened, array, allow_pickle=False)
            checksums[file.name] = sha256(file)
        write_json(manifest, {"network_hash": network.hash, "askew_version": VERSION, "sha256": checksums})

    def golden(self, network: Network) -> Golden:
        """The golden answers, refused when damaged or of another network."""
        manifest_file = self.require(self.golden_folder / "manifest.json", "export")
        manifest = read_json(manifest_file)
        same_hash(network.hash, manifest.get("network_hash"), str(self.network_file), str(manifest_file))
        arrays = []
        for name, checksum in manifest["sha256"].items():
            file = self.golden_folder / name
            if not file.exists() or sha256(file) != checksum:
                raise RunError(
                    f"{file}: missing or damaged; make it again with `askew export --run {self.path} --force`"
                )
            arrays.append(np.load(file, allow_pickle=False))
        return Golden(*arrays)

    def write_result(self, stage: str, network: Network, figures: dict[str, Any]) -> None:
        """Write ``STAGE.json`` with the hash of the network that the figures belong to."""
        write_json(self.path / f"{stage}.json", {"network_hash": network.hash, "askew_version": VERSION, **figures})

    def result(self, stage: str, network: Network | None = None) -> dict[str, Any] | None:
        """The figures of a stage, or None where it has not run; RunError when they belong to another network."""
        file = self.path / f"{stage}.json"
        if not file.exists():
            return None
        figures = read_json(file)
        if network is not None:
            same_hash(network.hash, figures.get("network_hash"), str(self.network_file), str(file))
        return figures


def same_hash(ours: str, theirs: object, our_name: str, their_name: str) -> None:
    """RunError unless both artefacts are of the same network."""
    if ours != theirs:
        raise RunError(
            f"{their_name} is of network {str(theirs)[:12]}, {our_name} is of network {ours[:12]}: they cannot be "
            "compared; run the stage that makes the older one again"
        )


def read_json(file: Path) -> dict[str, Any]:
    """A JSON object from a file; RunError in one line where it is damaged."""
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise RunError(f"{file}: damaged ({error}); delete it and run its stage again") from error
    if not isinstance(value, dict):
        raise RunError(f"{file}: damaged (a JSON object is expected); delete it and run its stage again")
    return value


def sha256(file: Path) -> str:
    """SHA-256 of a file's bytes, as hexadecimal digits."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _first_difference(existing: str, wanted: str) -> str:
    there, here = existing.splitlines(), wanted.splitlines()
    for old, new in zip(there, here, strict=False):
        if old != new:
            return f"it has `{old.strip()}`, you ask for `{new.strip()}`"
    return "one has more lines than the other"
