"""Whether a PNG is whole: every checksum, and as many pixels as its header says. Pillow asks for neither.

Source: the PNG specification (third edition, 2025), sections 5.3 (chunks), 7.2 (scanlines) and 8.1 (Adam7).
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

START = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""Of Adam7: first column, first row, and the steps to the next."""
PART = 1 << 20  # bytes inflated at once


def check_png(path: Path) -> None:
    """Raise ValueError where a PNG is damaged or holds other than its header's pixels; nothing large is allocated."""
    contents = path.read_bytes()
    if not contents.startswith(START):
        raise ValueError("not a PNG")
    at, end, wanted, inflated = len(START), False, -1, 0
    inflate = zlib.decompressobj()
    while not end:
        length, kind = struct.unpack_from(">I4s", contents, at)
        body = contents[at + 8 : at + 8 + length]
        (checksum,) = struct.unpack_from(">I", contents, at + 8 + length)
        if zlib.crc32(kind + body) != checksum:
            raise ValueError(f"chunk at byte {at} has another checksum")
        if (kind == b"IHDR") != (wanted < 0):
            raise ValueError("its header is missing, or there twice")
        if kind == b"IHDR":
            wanted = _scanline_bytes(body)
        elif kind == b"IDAT":
            inflated += _inflate(inflate, body, wanted - inflated)
        at, end = at + 12 + length, kind == b"IEND"
    if inflated != wanted or not inflate.eof:
        raise ValueError(f"its header promises {wanted:,} bytes of pixels, it has {inflated:,}")


def _scanline_bytes(header: bytes) -> int:
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    bits = depth * CHANNELS[colour]
    passes = PASSES if interlaced else ((0, 0, 1, 1),)
    sizes = [(-(-(width - x) // right), -(-(height - y) // down)) for x, y, right, down in passes]
    return sum(rows * (1 + -(-columns * bits // 8)) for columns, rows in sizes if columns > 0 and rows > 0)


def _inflate(inflate: zlib._Decompress, data: bytes, most: int) -> int:
    """How many bytes come out, one more than ``most`` at the most by a part."""
    count = 0
    while data and not inflate.eof and count <= most:
        count += len(inflate.decompress(data, PART))
        data = inflate.unconsumed_tail
    return count
