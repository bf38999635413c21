"""CIFAR-10, binary version: records of one label byte and 3 x 32 x 32 pixel bytes.

Source: the "binary version" section of https://www.cs.toronto.edu/~kriz/cifar.html.
"""

from __future__ import annotations

import gzip
import tarfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bnn.readers import MAX_RATIO, UNPACKED_ANYWAY, LimitedReader, door
from training.data.sources.catalogue import KnownDataset
from training.data.sources.dataset import DataError, Dataset, Split, checked_labels

TRAIN_FILES = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
TEST_FILES = ("test_batch.bin",)
ARCHIVE = "cifar-10-binary.tar.gz"
INNER_FOLDER = "cifar-10-batches-bin"
_AGAIN = "copy or download it again"


def missing_files(folder: Path) -> list[str]:
    """The files that ``folder`` lacks: none where it has the six, itself or in their usual folder, or the archive."""
    best = [name for name in (*TRAIN_FILES, *TEST_FILES) if not (_batches(folder) / name).is_file()]
    return [] if (folder / ARCHIVE).is_file() else best


def files(folder: Path) -> dict[str, Path]:
    """The files of a whole folder that are read: the six where they are unpacked, else the archive."""
    found = {name: _batches(folder) / name for name in (*TRAIN_FILES, *TEST_FILES)}
    return found if all(file.is_file() for file in found.values()) else {ARCHIVE: folder / ARCHIVE}


def load_cifar10(known: KnownDataset, folder: Path) -> Dataset:
    """Load the six files of ``folder``, or of the archive that it holds; an unpacked copy goes first.

    Raises:
        DataError: a file is missing, damaged, or has a label that is out of range.
    """
    batches = _batches(folder)
    unpacked = all((batches / name).is_file() for name in (*TRAIN_FILES, *TEST_FILES))
    contents = _read_folder(batches) if unpacked else _read_archive(folder / ARCHIVE)
    return Dataset(
        known.name,
        train=_join(known, (contents[name] for name in TRAIN_FILES)),
        test=_join(known, (contents[name] for name in TEST_FILES)),
        class_names=known.class_names,
    )


_Located = tuple[str, bytes]  # what an error calls the file, and its bytes


def _batches(folder: Path) -> Path:
    inner = folder / INNER_FOLDER
    return inner if inner.is_dir() else folder


def _read_folder(folder: Path) -> dict[str, _Located]:
    contents = {}
    for name in (*TRAIN_FILES, *TEST_FILES):
        path = folder / name
        try:
            contents[name] = (str(path), path.read_bytes())
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror}); check the file and its permissions") from error
    return contents


def _read_archive(archive: Path) -> dict[str, _Located]:
    contents: dict[str, _Located] = {}
    wanted = {*TRAIN_FILES, *TEST_FILES}
    try:
        limit = max(UNPACKED_ANYWAY, MAX_RATIO * archive.stat().st_size)
        with door(archive, "damaged archive", _AGAIN, DataError), gzip.open(archive) as whole:
            unpacked = LimitedReader(whole, limit, archive)  # type: ignore[arg-type]
            members = tarfile.open(fileobj=unpacked, mode="r:")  # noqa: SIM115 - `unpacked` is what is open
            for member in members:  # read in their order, so that the archive is unpacked only once
                name = Path(member.name).name
                file = members.extractfile(member) if name in wanted else None
                if file is not None:
                    contents[name] = (f"{archive}: {name}", file.read())
            while unpacked.read(1 << 20):  # gzip compares its checksum at the very end
                pass
    except OSError as error:
        raise DataError(f"{archive}: cannot be read ({error.strerror or error}); {_AGAIN}") from error
    if missing := sorted(wanted - contents.keys()):
        raise DataError(f"{archive}: has no {', '.join(missing)}; it must be the binary version of CIFAR-10")
    return contents


def _join(known: KnownDataset, batches: Iterable[_Located]) -> Split:
    parts = [_decode(known, contents, where) for where, contents in batches]
    return Split(np.concatenate([images for images, _ in parts]), np.concatenate([labels for _, labels in parts]))


def _decode(known: KnownDataset, contents: bytes, where: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    height, width, channels = known.shape
    record_bytes = 1 + channels * height * width
    if not contents or len(contents) % record_bytes:
        raise DataError(
            f"{where}: {len(contents)} bytes must be a multiple of a record's {record_bytes}, at least one: "
            f"truncated; {_AGAIN}"
        )
    records = np.frombuffer(contents, np.uint8).reshape(-1, record_bytes)
    labels = checked_labels(records[:, 0], len(records), len(known.class_names), where, where)
    pixels = records[:, 1:].reshape(-1, channels, height, width).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(pixels), labels
