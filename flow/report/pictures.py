"""Small pictures inside the report: PNG files as text."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

_COLOUR_TYPES = {1: 0, 3: 2}  # channels: PNG's number for grey, for red-green-blue


def png_base64(image: NDArray[np.uint8]) -> str | None:
    """A PNG of the image, in base 64; None where it has neither one channel nor three.

    Args:
        image: (H, W, C) uint8.
    """
    height, width, channels = image.shape
    if channels not in _COLOUR_TYPES:
        return None
    rows = np.zeros((height, 1 + width * channels), np.uint8)  # a filter byte (0: none) before each row
    rows[:, 1:] = image.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOUR_TYPES[channels], 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b""))
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)).decode("ascii")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
