"""Dense layers and convolutions with binary input."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from hw.simulator.kernels.bits import Words, copy_bits, set_bits
from hw.simulator.kernels.compiler import compiled
from hw.simulator.kernels.geometry import Geometry
from hw.simulator.kernels.lanes import add, item, load, mask_at_most, put_item, store
from hw.simulator.kernels.popcount import MAX_CHUNK_WORDS, differing_bits

CACHE_BYTES = 2**14  # half a level 1 data cache: as much for the weights as for the rows that meet them
TILE = 8  # outputs that are computed together, one a lane


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
def gather_rows(
    rows: Words, words: int, count: int, frames: Words, frame_words: int, first: int, g: Geometry, pads: Words
) -> None:
    """Write the windows of ``count`` output positions, from position ``first`` on, to rows of ``words`` words.

    Positions are counted through all frames.
    """
    position_words, line_words = g.channels >> 6, (g.kernel_x * g.channels) >> 6
    frame, position = divmod(first, g.out_height * g.out_width)
    out_y, out_x = divmod(position, g.out_width)
    for row in range(count):
        y, x = out_y * g.stride_y - g.top, out_x * g.stride_x - g.left
        inside = y >= 0 and x >= 0 and y + g.kernel_y <= g.height and x + g.kernel_x <= g.width
        target = row * words
        if inside and g.channels & 63 == 0:
            source = frame * frame_words + (y * g.width + x) * position_words
            for _ in range(g.kernel_y):
                for word in range(line_words):
                    put_item(rows, target + word, item(frames, source + word))
                target += line_words
                source += g.width * position_words
        else:
            rows[target : target + words] = 0
            gather_bits(rows, target * 64, frames, frame * frame_words * 64, y, x, g, pads)
        out_x += 1
        if out_x == g.out_width:
            out_x, out_y = 0, out_y + 1
        if out_y == g.out_height:
            out_y, frame = 0, frame + 1


@cache
def matrix_kernel(words: int, gives_numbers: bool) -> Callable[..., None]:
    """The kernel for windows of so many words, compiled for exactly that number.

    ``gives_numbers`` says whether it gives numbers in place of bits.
    """
    whole_chunks = (words - 1) // MAX_CHUNK_WORDS
    last_words = words - whole_chunks * MAX_CHUNK_WORDS

    @compiled
    def kernel(
        frames: Words,
        frame_words: int,
        count: int,
        is_dense: bool,
        g: Geometry,
        pads: Words,
        weights: Words,
        limits: NDArray[np.int64],
        mh: int,
        out: Words,
        out_words: int,
        numbers: NDArray[np.int32],
        offset: int,
        factor: int,
    ) -> None:
        """Compute all output positions of all frames.

        Args:
            frames: the input bits of ``count`` frames of ``frame_words`` words, and one word.
            frame_words: words of an input frame.
            count: number of frames.
            is_dense: a window is a whole frame.
            g: window sizes.
            pads: bits that a padded position reads as, and one word.
            weights: (tiles, words, 8), the weights of 8 outputs side by side.
            limits: (tiles * 8,); an output bit is 1 where at most so many bits differ.
            mh: outputs of a position.
            out: where not ``gives_numbers``, the output bits of ``count`` frames of ``out_words`` words, and one
                word, all 0.
            out_words: words of an output frame.
            numbers: where ``gives_numbers``, (count * positions * mh,) for ``offset + factor * differing bits``.
            offset: see ``numbers``.
            factor: see ``numbers``.
        """
        tiles = len(limits) // TILE
        row_words = len(weights) // len(limits)  # `words`, but not a constant that callees would be compiled for
        block_rows = min(max(CACHE_BYTES // (row_words * 8), 16), 256)
        block_tiles = max(CACHE_BYTES // (row_words * TILE * 8), 1)
        rows = frames if is_dense else np.zeros(block_rows * row_words + 1, np.uint64)
        lanes = np.zeros(TILE, np.int64)
        whole_bytes = mh % TILE == 0
        masks = out.view(np.uint8) if whole_bytes else np.zeros(tiles, np.uint8)
        positions = g.out_height * g.out_width
        for first in range(0, count * positions, block_rows):
            used_rows = min(block_rows, count * positions - first)
            if not is_dense:
                gather_rows(rows, row_words, used_rows, frames, frame_words, first, g, pads)
            for first_tile in range(0, tiles, block_tiles):
                frame, position = divmod(first, positions)
                for row in range(used_rows):
                    row_word = (first + row if is_dense else row) * row_words
                    target = frame * out_words * 64 + position * mh
                    first_mask = target >> 3 if whole_bytes else 0
                    for tile in range(first_tile, min(first_tile + block_tiles, tiles)):
                        word, weight = row_word, tile * row_words * TILE
                        differing = differing_bits(weights, weight, rows, word, last_words)
                        word, weight = word + last_words, weight + last_words * TILE
                        for _ in range(whole_chunks):
                            differing = add(differing, differing_bits(weights, weight, rows, word, MAX_CHUNK_WORDS))
                            word, weight = word + MAX_CHUNK_WORDS, weight + MAX_CHUNK_WORDS * TILE
                        if gives_numbers:
                            store(lanes, 0, differing)
                            for lane in range(min(TILE, mh - tile * TILE)):
                                numbers[(first + row) * mh + tile * TILE + lane] = offset + factor * lanes[lane]
                            continue
                        mask = mask_at_most(differing, load(limits, tile * TILE))
                        put_item(masks, first_mask + tile, mask)
                        if not whole_bytes:
                            set_bits(out, target + tile * TILE, np.uint64(mask))
                    position += 1
                    if position == positions:
                        frame, position = frame + 1, 0

    return kernel
