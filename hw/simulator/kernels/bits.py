"""Bits in flat arrays of 64-bit words: read, set and copied at any place.

A frame's activations are its bits in the order (y, x, c), element 0 lowest, with no gap between positions; each frame
starts at a word. What reads, sets or copies may touch words after those that are meant, so every array ends in
``SPARE_WORDS`` words that hold nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hw.simulator.kernels.compiler import compiled
from hw.simulator.kernels.lanes import bytes_at_least, item, put_item

Words = NDArray[np.uint64]

SPARE_WORDS = 8
ONE = np.uint64(1)
TOP_BIT = np.uint64(63)
ALL_BITS = ~np.uint64(0)


@compiled
def low_bits(count: int) -> np.uint64:
    """``count`` ones (1..64) from the lowest bit on."""
    return ALL_BITS >> np.uint64(64 - count)


@compiled
def bits_at(words: Words, bit: int) -> np.uint64:
    """The 64 bits that start at ``bit``."""
    index, shift = bit >> 6, np.uint64(bit & 63)
    # A shift by 64 has no defined result, so the upper part goes in two steps.
    return np.uint64((words[index] >> shift) | ((words[index + 1] << ONE) << (TOP_BIT - shift)))


@compiled
def set_bits(words: Words, bit: int, value: np.uint64) -> None:
    """Set the ones of ``value``, its lowest bit at ``bit``; what was set stays so."""
    index, shift = bit >> 6, np.uint64(bit & 63)
    words[index] |= value << shift
    words[index + 1] |= (value >> ONE) >> (TOP_BIT - shift)


@compiled
def copy_bits(target: Words, target_bit: int, source: Words, source_bit: int, count: int) -> None:
    """Copy ``count`` bits onto bits that are 0."""
    start = 0
    if (target_bit | source_bit) & 63 == 0:
        target_word, source_word = target_bit >> 6, source_bit >> 6
        for index in range(count >> 6):
            target[target_word + index] = source[source_word + index]
        start = count & ~63
    while start < count:
        taken = min(64, count - start)
        set_bits(target, target_bit + start, bits_at(source, source_bit + start) & low_bits(taken))
        start += taken


@compiled
def encode_bits(pixels: NDArray[np.uint8], size: int, steps: NDArray[np.uint8], first: int, out: Words) -> None:
    """Images to bits by a table, which is given as its steps.

    Args:
        pixels: n frames of ``size`` pixel values.
        size: pixel values of a frame.
        steps: the pixel values p, at least 1, with ``table[p] != table[p - 1]``.
        first: ``table[0]``.
        out: the bits of n frames and the spare words, all 0.
    """
    words = (size + 63) >> 6
    inverted = ALL_BITS if first else np.uint64(0)
    for frame in range(len(pixels) // size):
        for word in range(words):
            place = frame * size + word * 64
            taken = min(64, size - word * 64)
            bits = inverted
            # table[p] is table[0], flipped once for every step that p has reached.
            if size >= 64:
                for step in steps:
                    bits ^= bytes_at_least(pixels, place + taken - 64, step)
                bits >>= np.uint64(64 - taken)  # the last 64 of a frame begin before its last whole word ends
            else:
                for index in range(taken):
                    for step in steps:
                        bits ^= np.uint64(pixels[place + index] >= step) << np.uint64(index)
                bits &= low_bits(taken)
            out[frame * words + word] = bits


@compiled
def encode_channels(pixels: NDArray[np.uint8], size: int, tables: Words, out: Words) -> None:
    """Images to bits by a table for each channel.

    Args:
        pixels: n frames of ``size`` pixel values.
        size: pixel values of a frame.
        tables: (channels * 256,) bits, the first channel's 256 first.
        out: the bits of n frames and the spare words, all 0.
    """
    words = (size + 63) >> 6
    for frame in range(len(pixels) // size):
        table = 0
        for word in range(words):
            place = frame * size + word * 64
            bits = np.uint64(0)
            for index in range(min(64, size - word * 64)):
                bits |= tables[table + pixels[place + index]] << np.uint64(index)
                table += 256
                if table == len(tables):
                    table = 0
            out[frame * words + word] = bits


@compiled
def encode_codes(pixels: NDArray[np.uint8], size: int, codes: Words, levels: int, out: Words) -> None:
    """Images to several bits a pixel by a table.

    Args:
        pixels: n frames of ``size`` pixel values.
        size: pixel values of a frame.
        codes: (channels * 256 * words,), what a channel's pixel becomes, lowest bit first; the first channel's 256
            first.
        levels: bits of a pixel.
        out: the bits of n frames and the spare words, all 0.
    """
    words = (size * levels + 63) >> 6
    code_words = (levels + 63) >> 6
    octets, code_octets = out.view(np.uint8), codes.view(np.uint8)
    channels = len(codes) // (256 * code_words)
    for frame in range(len(pixels) // size):
        channel = 0
        for index in range(size):
            code = (channel * 256 + item(pixels, frame * size + index)) * code_words
            if levels & 7 == 0:
                place = frame * words * 8 + index * (levels >> 3)
                for byte in range(levels >> 3):
                    put_item(octets, place + byte, item(code_octets, code * 8 + byte))
            else:
                for word in range(code_words):
                    set_bits(out, frame * words * 64 + index * levels + word * 64, codes[code + word])
            channel += 1
            if channel == channels:
                channel = 0
