"""The windows of a convolution of bits, written out as rows of words."""

from __future__ import annotations

import numpy as np

from hw.simulator.kernels.bits import SPARE_WORDS, Words, copy_bits, low_bits
from hw.simulator.kernels.compiler import compiled
from hw.simulator.kernels.geometry import Geometry
from hw.simulator.kernels.lanes import load, put_word_at_byte, store, word_at_byte

VECTOR_WORDS = 8


@compiled
def gather_bits(
    row: Words, first_bit: int, frames: Words, frame_bit: int, y: int, x: int, g: Geometry, pads: Words
) -> None:
    """Write the window whose first input is at (y, x), which may lie outside, to a row that is 0: (ky, kx, c)."""
    bit = first_bit
    for in_y in range(y, y + g.kernel_y):
        line = frame_bit + in_y * g.width * g.channels
        if 0 <= in_y < g.height and x >= 0 and x + g.kernel_x <= g.width:
            copy_bits(row, bit, frames, line + x * g.channels, g.kernel_x * g.channels)
            bit += g.kernel_x * g.channels
            continue
        for in_x in range(x, x + g.kernel_x):
            if 0 <= in_y < g.height and 0 <= in_x < g.width:
                copy_bits(row, bit, frames, line + in_x * g.channels, g.channels)
            else:
                copy_bits(row, bit, pads, 0, g.channels)
            bit += g.channels


@compiled
def gather_windows(
    rows: Words, row_words: int, count: int, frames: Words, frame_words: int, first: int, g: Geometry, pads: Words
) -> None:
    """Write the windows of ``count`` output positions, from position ``first`` on, to rows of ``row_words`` words.

    Positions are counted through all frames; channels may be any number of bits.
    """
    for row in range(count):
        frame, position = divmod(first + row, g.out_height * g.out_width)
        out_y, out_x = divmod(position, g.out_width)
        target = row * row_words
        rows[target : target + row_words] = 0
        y, x = out_y * g.stride_y - g.top, out_x * g.stride_x - g.left
        gather_bits(rows, target * 64, frames, frame * frame_words * 64, y, x, g, pads)


@compiled
def pad_frames(
    frames: Words, frame_words: int, count: int, g: Geometry, template: Words, by_lines: bool
) -> tuple[Words, int]:
    """The frames with their padding around them, as large as the windows reach, and spare words; and their words each.

    ``template`` is such a frame, in which the padding alone is not 0. Without one, or where windows are not to be
    gathered by lines, the frames as they are.
    """
    if not by_lines or len(template) == 0:
        return frames, frame_words
    high = (g.out_height - 1) * g.stride_y + g.kernel_y
    wide = (g.out_width - 1) * g.stride_x + g.kernel_x
    rows, columns = min(g.height, high - g.top), min(g.width, wide - g.left)
    words, size = len(template), columns * g.channels >> 3
    rest = size & 7
    padded = np.empty(count * words + SPARE_WORDS, np.uint64)
    padded[count * words :] = 0
    for frame in range(count):
        padded[frame * words : (frame + 1) * words] = template
        for y in range(rows):
            target = frame * words * 8 + (((y + g.top) * wide + g.left) * g.channels >> 3)
            source = frame * frame_words * 8 + (y * g.width * g.channels >> 3)
            for byte in range(0, size - 7, 8):
                put_word_at_byte(padded, target + byte, word_at_byte(frames, source + byte))
            if rest:
                last = word_at_byte(frames, source + size - rest) & low_bits(rest * 8)
                byte = target + size - rest
                put_word_at_byte(padded, byte, word_at_byte(padded, byte) | last)
    return padded, words


@compiled
def gather_lines(
    rows: Words, row_words: int, count: int, frames: Words, frame_words: int, width: int, first: int, g: Geometry
) -> None:
    """Write the windows of ``count`` output positions, from position ``first`` on, to rows of ``row_words`` words.

    Channels are whole bytes, no window reaches beyond its frame, whose lines are ``width`` positions, and every line
    of a window begins at a multiple of 32 bits of its row.
    """
    position_bytes = g.channels >> 3
    line_bits = g.kernel_x * g.channels
    whole_bytes = ((line_bits - 1) >> 6) << 3
    last_bits = low_bits(line_bits - whole_bytes * 8)
    line_bytes = ((line_bits + 31) >> 5) << 2
    frame, position = divmod(first, g.out_height * g.out_width)
    out_y, out_x = divmod(position, g.out_width)
    for row in range(count):
        target = row * row_words * 8
        source = frame * frame_words * 8 + (out_y * g.stride_y * width + out_x * g.stride_x) * position_bytes
        for _ in range(g.kernel_y):
            if position_bytes & 7 == 0:
                # Whole vectors: what they hold too much is overwritten by the next line or lies after the last row.
                for byte in range(0, line_bytes, 8 * VECTOR_WORDS):
                    store(rows, (target + byte) >> 3, load(frames, (source + byte) >> 3))
                target += line_bytes
                source += width * position_bytes
                continue
            for byte in range(0, whole_bytes, 8):
                put_word_at_byte(rows, target + byte, word_at_byte(frames, source + byte))
            # What this writes too much is 0, and overwritten by the next line or lies after the last row.
            put_word_at_byte(rows, target + whole_bytes, word_at_byte(frames, source + whole_bytes) & last_bits)
            target += line_bytes
            source += width * position_bytes
        out_x += 1
        if out_x == g.out_width:
            out_x, out_y = 0, out_y + 1
        if out_y == g.out_height:
            out_y, frame = 0, frame + 1


@compiled
def gather(
    rows: Words,
    row_words: int,
    count: int,
    frames: Words,
    frame_words: int,
    first: int,
    g: Geometry,
    pads: Words,
    by_lines: bool,
) -> None:
    """Write windows to rows as ``gather_lines`` does, frames padded where there are ``pads``; or the other way."""
    if by_lines:
        width = (g.out_width - 1) * g.stride_x + g.kernel_x if len(pads) > 0 else g.width
        gather_lines(rows, row_words, count, frames, frame_words, width, first, g)
    else:
        gather_windows(rows, row_words, count, frames, frame_words, first, g, pads)
