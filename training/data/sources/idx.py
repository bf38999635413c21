"""IDX files, gzipped or not: the format of MNIST and Fashion-MNIST.

A header of big-endian 32-bit words (a magic number, then one size a dimension), then the bytes themselves.
Source: the description on the MNIST page, http://yann.lecun.com/exdb/mnist/.
"""

from __future__ import annotations

import gzip
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bnn.readers import MAX_RATIO, UNPACKED_ANYWAY, door
from training.data.sources.catalogue import KnownDataset
from training.data.sources.dataset import DataError, Dataset, Split, checked_labels

UBYTE = 0x08
FILE_NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
_AGAIN = "copy or download it again"


def missing_files(folder: Path) -> list[str]:
    """Those of the four files that ``folder`` has neither gzipped nor unpacked."""
    return [f"{name}.gz" for name in FILE_NAMES if _find(folder, name) is None]


def files(folder: Path) -> dict[str, Path]:
    """The four files of a whole folder, by their plain names."""
    return {name: _existing(folder, name) for name in FILE_NAMES}


def load_idx(known: KnownDataset, folder: Path) -> Dataset:
    """Load the four files of ``folder``.

    Raises:
        DataError: a file is damaged, or they do not fit one another or ``known``.
    """
    train_images, train_labels, test_images, test_labels = (_existing(folder, name) for name in FILE_NAMES)
    return Dataset(
        known.name,
        train=_load_split(known, train_images, train_labels),
        test=_load_split(known, test_images, test_labels),
        class_names=known.class_names,
    )


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """Read one file of bytes with the given number of dimensions.

    Raises:
        DataError: its magic number, its length or its checksum is wrong.
    """
    header_bytes = 4 + 4 * dimensions
    contents = _read_bytes(path, header_bytes)
    expected_magic = (UBYTE << 8) | dimensions
    magic = int.from_bytes(contents[:4], "big")
    if len(contents) >= 4 and magic != expected_magic:
        raise DataError(
            f"{path}: magic number 0x{magic:08x} must be 0x{expected_magic:08x} (bytes, {dimensions} dimensions); "
            "this is another kind of file"
        )
    if len(contents) < header_bytes:
        raise DataError(f"{path}: {len(contents)} bytes, the header alone has {header_bytes}: truncated; {_AGAIN}")
    shape = tuple(int(size) for size in np.frombuffer(contents, ">u4", dimensions, offset=4))
    expected_bytes = header_bytes + math.prod(shape)
    if len(contents) != expected_bytes:
        state = "truncated" if len(contents) < expected_bytes else "too long"
        raise DataError(
            f"{path}: {len(contents)} bytes unpacked, but its header promises {expected_bytes} "
            f"({' x '.join(map(str, shape))}): {state}; {_AGAIN}"
        )
    return np.frombuffer(contents, np.uint8, offset=header_bytes).reshape(shape).copy()


def _load_split(known: KnownDataset, images_path: Path, labels_path: Path) -> Split:
    images = read_idx(images_path, 3)
    labels = read_idx(labels_path, 1)
    height, width, _ = known.shape
    if images.shape[1:] != (height, width):
        raise DataError(
            f"{images_path}: images of {images.shape[1]} x {images.shape[2]}, {known.name} has {height} x {width}; "
            "use the files of that data set"
        )
    if not len(images):
        raise DataError(f"{images_path}: has no images; {_AGAIN}")
    checked = checked_labels(labels, len(images), len(known.class_names), str(labels_path), str(images_path))
    _check_is_not_its_twin(known, checked, labels_path)
    return Split(images[..., np.newaxis], checked)


def _check_is_not_its_twin(known: KnownDataset, labels: NDArray[np.int64], path: Path) -> None:
    """MNIST and Fashion-MNIST share file names, sizes and shapes, so that one is easily taken for the other.

    Fashion-MNIST has equally many images of each class, MNIST has not. Smaller sets of the user's own are let pass.
    """
    if len(labels) not in (known.train_images, known.test_images):
        return
    counts = np.bincount(labels, minlength=len(known.class_names))
    found = "fashion-mnist" if (counts == counts[0]).all() else "mnist"
    if found != known.name:
        raise DataError(
            f"{path}: {counts.min()} to {counts.max()} labels a class: these are the files of {found}, not of "
            f"{known.name}; keep each data set in a folder of its own, named {known.name}"
        )


def _find(folder: Path, name: str) -> Path | None:
    for candidate in (folder / name, folder / name.replace("-idx", ".idx"), folder / f"{name}.gz"):
        if candidate.is_file():
            return candidate
    return None


def _existing(folder: Path, name: str) -> Path:
    path = _find(folder, name)
    assert path is not None, f"{name} left {folder} after it was found there"
    return path


def _read_bytes(path: Path, header_bytes: int) -> bytes:
    """The header and what it promises, and one byte more where there is more; no bomb is unpacked further."""
    kind = "damaged gzip file" if path.suffix == ".gz" else "cannot be read"
    try:
        limit = max(UNPACKED_ANYWAY, MAX_RATIO * path.stat().st_size)
        with (
            door(path, kind, _AGAIN, DataError),
            gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file,
        ):
            try:
                header = file.read(header_bytes)
                promised = math.prod(np.frombuffer(header[4 : len(header) // 4 * 4], ">u4").tolist())
                contents = header + file.read(min(promised, limit) + 1)
            except EOFError:
                raise ValueError("truncated") from None
            if len(contents) > limit:
                raise DataError(f"{path}: unpacks to more than {limit:,} bytes; {_AGAIN}")
            return contents
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check the file and its permissions") from error
