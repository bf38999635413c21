"""The one reader of PyTorch's files: what the pickle inside names and promises is checked before PyTorch sees it.

PyTorch's own ``weights_only`` runs no foreign code, but it takes the pickle's word for how large a storage is, and
unpacks compressed members of whatever size. So the pickle is read twice: first here, by Python's own unpickler with
stand-ins for the few things that our files are made of, which compares every tensor with the bytes that are there.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any, NoReturn

import torch

from bnn.readers import open_archive

MAX_PICKLE = 1 << 26  # bytes; the tensors themselves lie outside of it
PICKLE_PROTOCOL = 2  # what PyTorch writes; later ones can ask for memory by a number
ITEM_BYTES = {
    f"{name}Storage": getattr(torch, dtype).itemsize
    for name, dtype in {
        "Float": "float32",
        "Double": "float64",
        "Half": "float16",
        "BFloat16": "bfloat16",
        "Long": "int64",
        "Int": "int32",
        "Short": "int16",
        "Char": "int8",
        "Byte": "uint8",
        "Bool": "bool",
    }.items()
}


def read_torch(path: Path) -> dict[str, Any]:
    """The table of plain values and tensors in a file that ``torch.save`` wrote, on the CPU.

    What goes wrong is for the caller's door.

    Raises:
        ValueError: a member that is compressed or damaged, anything in the pickle but plain values and tensors, or a
            tensor that is larger than its bytes.
    """
    with open_archive(path, stored=True) as archive:
        damaged = archive.testzip()  # PyTorch itself doesn't look at the checksums
        if damaged is not None:
            raise ValueError(f"its member {damaged} has another checksum")
        _check_pickle(archive)
    content = torch.load(path, map_location="cpu", weights_only=True)
    if not isinstance(content, dict):
        raise TypeError(f"it holds a {type(content).__name__}, must hold a table")
    return content


def _check_pickle(archive: zipfile.ZipFile) -> None:
    names = [name for name in archive.namelist() if name.endswith("/data.pkl")]
    if len(names) != 1 or archive.getinfo(names[0]).file_size > MAX_PICKLE:
        raise ValueError(f"{len(names)} pickles, must be one of at most {MAX_PICKLE:,} bytes")
    pickled = archive.read(names[0])
    for opcode, _, _ in pickletools.genops(pickled):
        if opcode.proto > PICKLE_PROTOCOL:
            raise ValueError(f"pickle operation {opcode.name}, which PyTorch does not write")
    folder = names[0].removesuffix("data.pkl")
    sizes = {
        member.filename.removeprefix(f"{folder}data/"): member.file_size
        for member in archive.infolist()
        if member.filename.startswith(f"{folder}data/")
    }
    _Checker(io.BytesIO(pickled), sizes).load()


class _Checker(pickle._Unpickler):  # Python's own: its memo is a table, which no number in the file can make huge
    """Reads a pickle with stand-ins, and refuses what is no plain value and no tensor."""

    def __init__(self, file: io.BytesIO, sizes: dict[str, int]) -> None:
        super().__init__(file, encoding="utf-8")
        self._sizes = sizes

    def find_class(self, module: str, name: str) -> Any:
        """A stand-in for one of the names that our files hold."""
        match module, name:
            case "collections", "OrderedDict":
                return OrderedDict
            case "torch._utils", "_rebuild_tensor_v2":
                return _check_tensor
            case "torch._utils", "_rebuild_parameter":
                return _parameter
            case "torch", name if name in ITEM_BYTES:
                return _StorageType(ITEM_BYTES[name])
        raise ValueError(f"its pickle asks for {module}.{name}, which our files do not hold")

    def persistent_load(self, pid: Any) -> _Storage:
        """A storage: as many items as its bytes are."""
        kind, storage_type, key, _, count = pid
        if kind != "storage" or not isinstance(storage_type, _StorageType) or not isinstance(count, int):
            raise ValueError(f"its pickle refers to {kind!r}, must refer to storages")
        there = self._sizes[key]
        if count < 0 or count * storage_type.item_bytes != there:
            raise ValueError(f"storage {key} of {count} x {storage_type.item_bytes} bytes has {there}")
        return _Storage(count)


class _StorageType:
    def __init__(self, item_bytes: int) -> None:
        self.item_bytes = item_bytes


class _Storage:
    def __init__(self, count: int) -> None:
        self.count = count


class _Tensor:
    """Stands for a tensor that lies within its storage."""


def _check_tensor(storage: Any, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: Any) -> _Tensor:
    if not isinstance(storage, _Storage) or len(size) != len(stride):
        _refuse(size)
    if not all(isinstance(number, int) and number >= 0 for number in (offset, *size, *stride)):
        _refuse(size)
    last = offset + sum((length - 1) * step for length, step in zip(size, stride, strict=True))
    elements = math.prod(list(size))
    if elements > storage.count or (elements and last >= storage.count):
        _refuse(size)
    return _Tensor()


def _refuse(size: Any) -> NoReturn:
    raise ValueError(f"a tensor of shape {size} does not lie within its storage")


def _parameter(data: Any, *_: Any) -> Any:
    return data
