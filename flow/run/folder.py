"""The run folder: one design, everything that a stage reads and writes, and the checks that it all belongs together."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn.errors import UserError
from bnn.files import atomic_path, clear_stale, is_temporary, write_figures, write_new_text
from bnn.network import Network
from bnn.readers import read_npy, read_text
from bnn.serialize import load_network
from bnn.version import VERSION
from flow.run.figures import OF_STAGE, Figures, GoldenManifest, read_figures


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

    def contradiction(self, network: Network) -> str | None:
        """What about the arrays does not fit each other or the network; None where all does."""
        count = len(self.images) if self.images.ndim else 0
        wanted: list[tuple[str, NDArray[Any], str, tuple[int, ...]]] = [
            ("input", self.images, "u", (count, *network.input.shape)),
            ("labels", self.labels, "iu", (count,)),
            ("expected", self.scores, "i", (count, network.classes)),
        ]
        for name, array, kinds, shape in wanted:
            if array.dtype.kind not in kinds or array.shape != shape or not count:
                return f"{name}.npy is {array.dtype} of shape {array.shape}, must be of shape {shape}"
        if self.images.dtype != np.uint8:
            return f"input.npy is {self.images.dtype}, must be uint8"
        if self.labels.min() < 0 or self.labels.max() >= network.classes:
            return f"labels reach {self.labels.min()}..{self.labels.max()}, must lie in 0..{network.classes - 1}"
        return None


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
        run._clear_stale()
        return run

    @classmethod
    def claim(cls, path: Path, resolved_config: str) -> RunFolder:
        """The run for this very configuration: a new folder, or one that the same configuration made.

        New is also one in which a run was killed before its config was whole. Of two that claim a folder at once, with
        configurations that differ, one gets it.
        """
        run = cls(path)
        if not run.config.exists():
            if path.exists() and (not path.is_dir() or not all(is_temporary(entry.name) for entry in path.iterdir())):
                raise RunError(f"{path}: exists and is not a run folder; choose another --run")
            path.mkdir(parents=True, exist_ok=True)
            write_new_text(run.config, resolved_config)
        existing = read_text(run.config, error_type=RunError)
        if existing != resolved_config:
            raise RunError(
                f"{path}: this run was made by another config ({_first_difference(existing, resolved_config)}); "
                "choose another --run or delete the folder"
            )
        run._clear_stale()
        return run

    def _clear_stale(self) -> None:
        below = ("checkpoints", "logs", "golden", "finn", "finn/estimate", "finn/build", "finn/deploy", "shift_cost")
        clear_stale([self.path, *(self.path / name for name in below)])

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
        write_figures(manifest, {"network_hash": network.hash, "askew_version": VERSION, "sha256": checksums})

    def golden(self, network: Network) -> Golden:
        """The golden answers, refused when damaged, of another network, or of another form than its answers have."""
        manifest_file = self.require(self.golden_folder / "manifest.json", "export")
        again = f"make it again with `askew export --run {self.path} --force`"
        manifest = read_figures(manifest_file, GoldenManifest, again, RunError)
        same_hash(network.hash, manifest["network_hash"], str(self.network_file), str(manifest_file))
        arrays = {}
        for name in ("input", "labels", "expected"):
            file = self.golden_folder / f"{name}.npy"
            if not file.exists() or sha256(file) != manifest["sha256"].get(file.name):
                raise RunError(f"{file}: missing or damaged; {again}")
            arrays[name] = read_npy(file, again, RunError)
        golden = Golden(arrays["input"], arrays["labels"], arrays["expected"])
        wrong = golden.contradiction(network)
        if wrong:
            raise RunError(f"{self.golden_folder}: {wrong}; {again}")
        return golden

    def write_result(self, stage: str, network: Network, figures: dict[str, Any]) -> None:
        """Write ``STAGE.json`` with the hash of the network that the figures belong to."""
        write_figures(self.path / f"{stage}.json", {"network_hash": network.hash, "askew_version": VERSION, **figures})

    def result(self, stage: str, network: Network | None = None) -> dict[str, Any] | None:
        """The figures of a stage, or None where it has not run; RunError when they belong to another network."""
        file = self.path / f"{stage}.json"
        if not file.exists():
            return None
        model = OF_STAGE.get(stage, Figures)
        figures = read_figures(file, model, "delete it and run its stage again", RunError)
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
