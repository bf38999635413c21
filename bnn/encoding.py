"""Bits and how they are packed into words: bit 1 is +1, bit 0 is -1, element 0 is the least significant bit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BITS_PER_WORD = 64
WORD = np.dtype("<u8")


def word_count(bit_count: int) -> int:
    """Words of 64 bits that hold ``bit_count`` bits."""
    return -(-bit_count // BITS_PER_WORD)


def pack_bits(bits: NDArray[np.generic]) -> NDArray[np.uint64]:
    """Pack (..., n) bits into (..., ceil(n / 64)) words, element 0 lowest; the bits above n are 0."""
    bits = np.asarray(bits)
    bit_count = bits.shape[-1]
    octets = np.packbits(bits.astype(np.uint8, copy=False), axis=-1, bitorder="little")
    missing = word_count(bit_count) * 8 - octets.shape[-1]
    if missing:
        padding = np.zeros((*octets.shape[:-1], missing), dtype=np.uint8)
        octets = np.concatenate([octets, padding], axis=-1)
    return np.ascontiguousarray(octets).view(WORD).astype(np.uint64, copy=False)


def unpack_bits(words: NDArray[np.uint64], bit_count: int) -> NDArray[np.uint8]:
    """Unpack (..., ceil(n / 64)) words into (..., n) bits, the inverse of ``pack_bits``."""
    octets = np.ascontiguousarray(words, dtype=WORD).view(np.uint8)
    return np.unpackbits(octets, axis=-1, count=bit_count, bitorder="little")


def to_bipolar(bits: NDArray[np.generic]) -> NDArray[np.int8]:
    """Bits {0, 1} as {-1, +1}."""
    return (2 * np.asarray(bits, dtype=np.int8) - 1).astype(np.int8)


def from_bipolar(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    """The sign as a bit: {-1, +1} become {0, 1}, and sign(0) is +1."""
    return (np.asarray(values) >= 0).astype(np.uint8)
