"""What a data set is, by content: so that a result can say which images it was made from."""

from __future__ import annotations

import hashlib
from pathlib import Path

from training.data.datasets import dataset_files
from training.data.sources.dataset import DataError

READ_BYTES = 2**30
"""Of a larger data set, names and sizes stand for the contents: reading it would take minutes at every command."""


def fingerprint_dataset(name: str, data_dir: Path | None = None) -> str | None:
    """64 hexadecimal digits for a data set's files, by name and content; None where it is not here.

    Args:
        name: as in ``load_dataset``.
        data_dir: the first folder to look in.
    """
    try:
        files = dataset_files(name, data_dir)
    except DataError:
        return None
    total = hashlib.sha256(name.encode() if not files else b"")
    whole = sum(file.stat().st_size for file in files.values()) <= READ_BYTES
    for inner, file in sorted(files.items()):
        if whole:
            with file.open("rb") as opened:
                found = hashlib.file_digest(opened, "sha256").hexdigest()
        else:
            found = str(file.stat().st_size)
        total.update(f"{inner}\0{found}\n".encode())
    return total.hexdigest()
