"""What a compressed file may unpack to: as much as honest data does, and never more than a multiple of its own size."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from bnn.readers.door import DamagedFileError

UNPACKED_ANYWAY = 1 << 28  # bytes that any file may unpack to
MAX_RATIO = 100  # larger ones, times their own size: images take 2 to 20, deflate can reach 1,032
MAX_MEMBERS = 100_000  # of a zip archive


def check_unpacked(where: Path | str, promised: int, packed: int) -> None:
    """Refuse a file of ``packed`` bytes that would unpack to ``promised``.

    Raises:
        DamagedFileError: it is too many, or no number of bytes.
    """
    limit = max(UNPACKED_ANYWAY, MAX_RATIO * packed)
    if not 0 <= promised <= limit:
        raise DamagedFileError(
            f"{where}: {packed:,} bytes that would unpack to {promised:,}, may be at most {limit:,}; "
            "the file is damaged, or must be saved without compression"
        )


@contextmanager
def open_archive(path: Path, *, stored: bool = False) -> Iterator[zipfile.ZipFile]:
    """A zip archive whose members together are no bomb and have names of their own.

    Args:
        path: of the file.
        stored: members must not be compressed at all.

    Raises:
        DamagedFileError: as said; what zipfile itself raises is for the caller's door.
    """
    with path.open("rb") as file, zipfile.ZipFile(file) as archive:
        members, packed = archive.infolist(), path.stat().st_size
        if len(members) > MAX_MEMBERS or len({member.filename for member in members}) != len(members):
            raise DamagedFileError(f"{path}: {len(members):,} members, some of one name or too many; save it again")
        promised = sum(member.file_size for member in members)
        if stored:
            squeezed = [m.filename for m in members if m.compress_type != zipfile.ZIP_STORED]
            if squeezed or promised > packed:
                raise DamagedFileError(
                    f"{path}: {packed:,} bytes hold {promised:,} ({len(squeezed)} members are compressed), "
                    "which this kind of file never is; make it again"
                )
        check_unpacked(path, promised, packed)
        yield archive


class LimitedReader(io.RawIOBase):
    """A stream that refuses to be read, or looked for a place in, beyond ``limit`` bytes."""

    def __init__(self, stream: BinaryIO, limit: int, where: Path | str) -> None:
        self._stream, self._limit, self._where = stream, limit, where

    def read(self, size: int = -1) -> bytes:
        """Read on; DamagedFileError where that leads beyond the limit."""
        left = self._limit - self._stream.tell()
        contents = self._stream.read(left + 1 if size < 0 else min(size, left + 1))
        if len(contents) > left:
            raise self._refused()
        return contents

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place counted from the start or from here; DamagedFileError beyond the limit."""
        if whence == io.SEEK_END or (offset + (self._stream.tell() if whence else 0)) > self._limit:
            raise self._refused()
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        """Where the stream stands."""
        return self._stream.tell()

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def _refused(self) -> DamagedFileError:
        return DamagedFileError(f"{self._where}: unpacks to more than {self._limit:,} bytes; copy or download it again")
