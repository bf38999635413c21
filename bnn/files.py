"""Files that exist whole or not at all: each is written under a temporary name beside its own and renamed.

A writer holds a lock on its temporary file as long as it lives, so that what a killed one left behind can be told from
what is being written, and cleared.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

CHECKSUM = "checksum"
"""Key of a figures file: SHA-256 of the rest of it."""

_TEMPORARY = re.compile(r"\..+\.\d+\.(tmp(\..*)?|old)")
_FILE_IS_STALE = 10.0  # seconds since it was written, besides that nobody holds its lock
_FOLDER_IS_STALE = 3600.0  # seconds; a folder is written in much less, and has no lock


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to; it takes the place of ``path`` only when the block ends without an error.

    Raises whatever the block raises (a full disk is an OSError), after removing the temporary file.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp{path.suffix}")
    try:
        with _locked(temporary):
            yield temporary
            with temporary.open("rb") as written:
                os.fsync(written.fileno())  # some file systems report a full disk only here
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _locked(temporary: Path) -> Iterator[None]:
    """Make the file and hold its lock; where somebody took it for stale in between, make it again."""
    while True:
        with temporary.open("wb") as held:
            with suppress(OSError):  # a file system without locks: nothing is cleared there either
                fcntl.flock(held, fcntl.LOCK_EX)
            if _is_there(temporary, held.fileno()):
                yield
                return


def _is_there(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def is_temporary(name: str) -> bool:
    """Whether a file or folder of this name is one that is being written, or was when its writer was killed."""
    return _TEMPORARY.fullmatch(name) is not None


def clear_stale(folders: Iterable[Path]) -> None:
    """Remove what killed processes left half-written in these folders; what a living one writes stays.

    What cannot be removed stays too: it is in nobody's way.
    """
    for folder in folders:
        found = [path for path in folder.iterdir() if is_temporary(path.name)] if folder.is_dir() else []
        for path in found:
            try:
                _clear(path)
            except OSError:  # another process was faster, or the folder is read-only
                continue


def _clear(path: Path) -> None:
    age = time.time() - path.lstat().st_mtime
    if path.is_dir() and not path.is_symlink():
        if age > _FOLDER_IS_STALE:
            shutil.rmtree(path, ignore_errors=True)
        return
    if age < _FILE_IS_STALE:
        return
    with path.open("rb") as found:
        fcntl.flock(found, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_there(path, found.fileno()):
            path.unlink()


def write_new_text(path: Path, text: str) -> bool:
    """Write ``text`` as UTF-8 unless the file exists already; whether it was written. Of two at once, one does it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp{path.suffix}")
    try:
        with _locked(temporary):
            temporary.write_text(text, encoding="utf-8")
            try:
                os.link(temporary, path)
            except FileExistsError:
                return False
            except OSError:  # a file system without links
                if path.exists():
                    return False
                temporary.replace(path)
            return True
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON, atomically. NaN is refused: JSON has none."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def write_figures(path: Path, figures: Mapping[str, Any]) -> dict[str, Any]:
    """Write a stage's figures as JSON with their checksum, so that a changed digit is seen when they are read.

    Returns:
        What was written.
    """
    written = {**figures, CHECKSUM: checksum(figures)}
    write_json(path, written)
    return written


def checksum(figures: Mapping[str, Any]) -> str:
    """SHA-256 of a JSON object without its checksum, as 64 hexadecimal digits; order and spaces do not matter."""
    rest = {key: value for key, value in figures.items() if key != CHECKSUM}
    # through text and back, as a reader has it: a whole number as a key is a text there
    rest = json.loads(json.dumps(rest, allow_nan=False))
    return hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
