"""Memories' contents as ``$readmemh`` files: one word a line, in the order in which they are used."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def hex_words(bits: NDArray[np.uint8]) -> str:
    """Bits (words, width), bit 0 lowest, as one hexadecimal number a line."""
    octets = np.packbits(bits, axis=1, bitorder="little")[:, ::-1]
    digits = -(-bits.shape[1] // 4)
    return "".join(row.tobytes().hex()[-digits:] + "\n" for row in np.ascontiguousarray(octets))


def field_bits(values: NDArray[np.int64], width: int) -> NDArray[np.uint8]:
    """Integers (words, fields) as bits (words, fields * width), two's complement, field 0 lowest."""
    bits = (values[:, :, None] >> np.arange(width)) & 1  # (words, fields, width)
    return bits.reshape(len(values), -1).astype(np.uint8)
