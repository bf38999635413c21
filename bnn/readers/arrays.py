"""NumPy's files: .npy, one array, and .npz, several by name. No pickles, no structures, no more than is there."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Collection
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from bnn.errors import UserError
from bnn.readers.door import DamagedFileError, door
from bnn.readers.sizes import open_archive

LAST_LETTER = 0x10FFFF  # of Unicode
PART = 1 << 22  # bytes read at once
KINDS = "biufU"  # of arrays: booleans, integers, floats, texts
_SAVE_AGAIN = "save it again with np.save"


def read_npy(path: Path, advice: str = _SAVE_AGAIN, error_type: type[UserError] = DamagedFileError) -> NDArray[Any]:
    """The one array of a .npy file, which holds just that.

    Args:
        path: of the file.
        advice: what the error says to do.
        error_type: of the error.

    Raises:
        error_type: damaged, pickled, longer or shorter than its header promises, or another kind of file.
        OSError: it cannot be opened.
    """
    with door(path, "not a whole .npy file", advice, error_type), path.open("rb") as file:
        return _read_array(file, path.stat().st_size)


def map_npy(path: Path, advice: str = _SAVE_AGAIN, error_type: type[UserError] = DamagedFileError) -> NDArray[Any]:
    """The one array of a .npy file, read from the file as its parts are looked at; arguments and errors as above.

    What is written into it stays in memory.
    """
    with door(path, "not a whole .npy file", advice, error_type), path.open("rb") as file:
        shape, fortran_order, dtype, wanted = _checked_header(file, path.stat().st_size)
        if not wanted:
            return np.zeros(shape, dtype)
        return np.memmap(path, dtype, "c", file.tell(), shape, "F" if fortran_order else "C")


def read_npz(
    path: Path, only: Collection[str] | None = None, missing: Callable[[list[str]], None] | None = None
) -> dict[str, NDArray[Any]]:
    """The arrays of an .npz file by their names, checksums compared.

    What goes wrong is for the caller's door, who knows what the file is meant to be.

    Args:
        path: of the file.
        only: names to read; None reads all. Those that are not there are left out.
        missing: called with all names before anything is read; it may raise.

    Raises:
        DamagedFileError: a bomb, a member that is no array, or one that is not as long as it says.
    """
    arrays: dict[str, NDArray[Any]] = {}
    with open_archive(path) as archive:
        names = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
        if missing:
            missing(list(names))
        for name, member in names.items():
            if only is not None and name not in only:
                continue
            with archive.open(member) as file:
                arrays[name] = _read_array(file, member.file_size)
    return arrays


def _checked_header(file: IO[bytes], size: int) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Shape, order, type and bytes of the array in a stream of ``size`` bytes; ValueError where it cannot be that."""
    shape, fortran_order, dtype = _header(file)
    if dtype.hasobject:
        raise ValueError("Object arrays cannot be loaded: they are pickles, which could run code")
    if dtype.kind not in KINDS:
        raise ValueError(f"it holds {dtype}, must hold plain numbers or texts")
    if any(length < 0 for length in shape):
        raise ValueError(f"its shape {shape} has a negative size")
    wanted, there = math.prod(shape) * dtype.itemsize, size - file.tell()
    if wanted != there:
        state = "truncated" if there < wanted else "too long"
        raise ValueError(f"{state}: its header promises {wanted:,} bytes of {dtype} {shape}, it has {there:,}")
    return shape, fortran_order, dtype, wanted


def _read_array(file: IO[bytes], size: int) -> NDArray[Any]:
    """The array in a stream of ``size`` bytes; ValueError where it is not that."""
    shape, fortran_order, dtype, wanted = _checked_header(file, size)
    buffer = bytearray(wanted)
    filled = 0
    while filled < wanted:
        part = file.read(min(PART, wanted - filled))
        if not part:
            raise ValueError(f"truncated: its header promises {wanted:,} bytes, it has {filled:,}")
        buffer[filled : filled + len(part)] = part
        filled += len(part)
    if file.read(1):  # also where a zip archive's member compares its checksum
        raise ValueError("too long")
    if not dtype.itemsize or not wanted:
        return np.zeros(shape, dtype)
    if dtype.kind == "U":
        _check_letters(np.frombuffer(buffer, np.dtype(np.uint32).newbyteorder(dtype.byteorder)))
    return np.frombuffer(buffer, dtype).reshape(shape, order="F" if fortran_order else "C")


def _check_letters(letters: NDArray[np.uint32]) -> None:
    if ((letters > LAST_LETTER) | ((letters >= 0xD800) & (letters <= 0xDFFF))).any():
        raise ValueError("its texts hold numbers that are no letters")


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what a damaged header makes Python's own parser grumble about
        version = npy_format.read_magic(file)
        if version == (1, 0):
            return npy_format.read_array_header_1_0(file)
        if version == (2, 0):
            return npy_format.read_array_header_2_0(file)
    raise ValueError(f"format version {version}, must be (1, 0) or (2, 0)")
