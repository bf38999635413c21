"""Golden frames: images, labels and the integer network's answers, held to checksums block by block as they are read.

A rung that is given one frame reads one block of the files, not the whole test set.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn.files import atomic_path, write_figures
from bnn.network import Network
from bnn.readers import map_npy
from bnn.version import VERSION
from flow.run.errors import RunError, same_hash, sha256
from flow.run.figures import GoldenManifest, read_figures

MANIFEST = "manifest.json"
BLOCK_FRAMES = 256
FILES = {"images": "input.npy", "scores": "expected.npy", "labels": "labels.npy"}  # labels are not always there


@dataclass(frozen=True, eq=False)
class Golden:
    """The frames of a run and the integer network's answers to them.

    Attributes:
        images: (n, H, W, C) uint8.
        labels: (n,) int64, what the images show; None where nobody said.
        scores: (n, classes) int32, the integer network's answers.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64] | None
    scores: NDArray[np.int32]

    def first(self, frames: int | None) -> Golden:
        """The first ``frames`` of them, or all."""
        labels = None if self.labels is None else self.labels[:frames]
        return Golden(self.images[:frames], labels, self.scores[:frames])

    def __len__(self) -> int:
        return len(self.images)

    def contradiction(self, network: Network) -> str | None:
        """What about the arrays does not fit each other or the network; None where all does."""
        count = len(self.images) if self.images.ndim else 0
        wanted: list[tuple[str, NDArray[Any], str, tuple[int, ...]]] = [
            ("input", self.images, "u", (count, *network.input.shape)),
            ("expected", self.scores, "i", (count, network.classes)),
        ]
        if self.labels is not None:
            wanted.append(("labels", self.labels, "iu", (count,)))
        for name, array, kinds, shape in wanted:
            if array.dtype.kind not in kinds or array.shape != shape or not count:
                return f"{name}.npy is {array.dtype} of shape {array.shape}, must be of shape {shape}"
        if self.images.dtype != np.uint8:
            return f"input.npy is {self.images.dtype}, must be uint8"
        if self.labels is not None and (self.labels.min() < 0 or self.labels.max() >= network.classes):
            return f"labels reach {self.labels.min()}..{self.labels.max()}, must lie in 0..{network.classes - 1}"
        return None


def write_golden(golden: Golden, network: Network, folder: Path) -> None:
    """Write ``golden/``; its manifest goes last, so that without one there is no golden answer."""
    folder.mkdir(exist_ok=True)
    manifest = folder / MANIFEST
    manifest.unlink(missing_ok=True)
    checksums: dict[str, list[str]] = {}
    for attribute, name in FILES.items():
        array = getattr(golden, attribute)
        if array is None:
            (folder / name).unlink(missing_ok=True)
            continue
        with atomic_path(folder / name) as temporary, temporary.open("wb") as opened:
            np.save(opened, array, allow_pickle=False)
        blocks = range(0, len(array), BLOCK_FRAMES)
        checksums[name] = [_checksum(array[start : start + BLOCK_FRAMES]) for start in blocks]
    described = {"frames": len(golden), "block_frames": BLOCK_FRAMES, "sha256": checksums}
    write_figures(manifest, {"network_hash": network.hash, "askew_version": VERSION, **described})


def read_golden(folder: Path, network: Network, again: str, frames: int | None = None) -> Golden:
    """The first ``frames`` golden frames, or all: whole blocks are read and held to their checksums.

    Args:
        folder: ``runs/NAME/golden``.
        network: what they must be golden of.
        again: how to make them anew, for messages.
        frames: how many; None for all.

    Raises:
        RunError: not there, damaged, of another network, or of another form than its answers have.
    """
    manifest = read_figures(folder / MANIFEST, GoldenManifest, again, RunError)
    same_hash(network.hash, manifest["network_hash"], "network.npz", str(folder))
    total = manifest["frames"]
    count = total if frames is None else min(frames, total)
    arrays = _arrays(folder, manifest, count, again)
    if not {"images", "scores"} <= arrays.keys():
        raise RunError(f"{folder / MANIFEST}: damaged; {again}")
    golden = Golden(arrays["images"], arrays.get("labels"), arrays["scores"])
    wrong = golden.contradiction(network)
    if wrong:
        raise RunError(f"{folder}: {wrong}; {again}")
    return golden


def golden_fingerprint(folder: Path, *, thorough: bool) -> str | None:
    """What stands for all of the golden frames: SHA-256 of their manifest, which has their checksums; None without one.

    Args:
        folder: ``runs/NAME/golden``.
        thorough: read and check every block too; what is damaged has another fingerprint. Without it, blocks are
            checked when they are read.
    """
    file = folder / MANIFEST
    if not file.is_file():
        return None
    if thorough:
        try:
            manifest = read_figures(file, GoldenManifest, "", RunError)
            _arrays(folder, manifest, manifest["frames"], "")
        except RunError:
            return f"damaged: {sha256(file)}"
    return sha256(file)


def _arrays(folder: Path, manifest: dict[str, Any], count: int, again: str) -> dict[str, NDArray[Any]]:
    names = {name: attribute for attribute, name in FILES.items()}
    checksums = manifest["sha256"]
    if manifest["block_frames"] != BLOCK_FRAMES:
        raise RunError(f"{folder / MANIFEST}: of another version of Askew; {again}")
    return {names[name]: _read(folder / name, checksums[name], manifest["frames"], count, again) for name in checksums}


def _read(file: Path, checksums: list[str], total: int, count: int, again: str) -> NDArray[Any]:
    """The first ``count`` of ``total`` entries of an array, of blocks with the right checksums."""
    if not file.is_file():
        raise RunError(f"{file}: missing; {again}")
    array = map_npy(file, again, RunError)
    whole = array.ndim > 0 and len(array) == total and len(checksums) == -(-total // BLOCK_FRAMES)
    blocks = -(-count // BLOCK_FRAMES)
    if not whole or not all(
        _checksum(array[block * BLOCK_FRAMES : (block + 1) * BLOCK_FRAMES]) == checksums[block]
        for block in range(blocks)
    ):
        raise RunError(f"{file}: damaged; {again}")
    return np.ascontiguousarray(array[:count])


def _checksum(block: NDArray[Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(block).tobytes()).hexdigest()
