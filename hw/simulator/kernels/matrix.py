"""Dense layers and convolutions with binary input."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from hw.simulator.kernels.bits import SPARE_WORDS, Words, copy_bits, set_bits
from hw.simulator.kernels.compiler import compiled
from hw.simulator.kernels.geometry import Geometry
from hw.simulator.kernels.lanes import add, fill, load, mask_at_most, put_item, store, subtract
from hw.simulator.kernels.popcount import MAX_TREE_WORDS, differing_bits

CACHE_BYTES = 2**14  # half a level 1 data cache: as much for the weights as for the rows that meet them
VECTOR_WORDS = 8
TILE = 16  # outputs that are computed together, one a lane


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
                # Whole vectors: what they hold too much is overwritten by the next line or lies after the last row.
                for word in range(0, line_words, VECTOR_WORDS):
                    store(rows, target + word, load(frames, source + word))
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
def matrix_kernel(half_words: int, gives_numbers: bool) -> Callable[..., None]:
    """The kernel for windows of so many words of 32 bits, compiled for exactly that number.

    ``gives_numbers`` says whether it gives numbers in place of bits.
    """
    whole_trees = (half_words - 1) // MAX_TREE_WORDS
    last_tree = half_words - whole_trees * MAX_TREE_WORDS

    @compiled
    def kernel(
        frames: Words,
        frame_words: int,
        count: int,
        is_dense: bool,
        g: Geometry,
        pads: Words,
        weights: NDArray[np.uint32],
        limits: NDArray[np.int32],
        mh: int,
        out: Words,
        out_words: int,
        numbers: NDArray[np.int32],
        mw: int,
        doubled: bool,
    ) -> None:
        """Compute all output positions of all frames.

        Args:
            frames: the input bits of ``count`` frames of ``frame_words`` words, and spare words.
            frame_words: words of an input frame.
            count: number of frames.
            is_dense: a window is a whole frame.
            g: window sizes.
            pads: bits that a padded position reads as, and spare words.
            weights: (tiles, half_words, 16), the weights of 16 outputs side by side.
            limits: (tiles * 16,); an output bit is 1 where at most so many bits differ.
            mh: outputs of a position.
            out: where not ``gives_numbers``, the output bits of ``count`` frames of ``out_words`` words and spare
                words, all 0.
            out_words: words of an output frame.
            numbers: where ``gives_numbers``, (count * positions, tiles * 16) for P = ``mw`` - differing bits, or for
                2 P - mw.
            mw: see ``numbers``.
            doubled: see ``numbers``.
        """
        tiles, tile_weights = len(limits) // TILE, len(weights) // (len(limits) // TILE)
        # As `half_words` says, but not a constant that the called functions would be compiled for.
        row_words = (tile_weights // TILE + 1) // 2
        block_rows = min(max(CACHE_BYTES // (row_words * 8), 16), 256)
        block_tiles = max(CACHE_BYTES // (tile_weights * 4), 1)
        rows = frames if is_dense else np.zeros(block_rows * row_words + SPARE_WORDS, np.uint64)
        whole_masks = mh % TILE == 0
        masks = out.view(np.uint16)
        positions = g.out_height * g.out_width
        for first in range(0, count * positions, block_rows):
            used_rows = min(block_rows, count * positions - first)
            if not is_dense:
                gather_rows(rows, row_words, used_rows, frames, frame_words, first, g, pads)
            for first_tile in range(0, tiles, block_tiles):
                frame, position = divmod(first, positions)
                for row in range(used_rows):
                    row_half_word = (first + row if is_dense else row) * row_words * 2
                    target = frame * out_words * 64 + position * mh
                    for tile in range(first_tile, min(first_tile + block_tiles, tiles)):
                        word, weight = row_half_word, tile * tile_weights
                        differing = differing_bits(weights, weight, rows, word, last_tree)
                        word, weight = word + last_tree, weight + last_tree * TILE
                        for _ in range(whole_trees):
                            differing = add(differing, differing_bits(weights, weight, rows, word, MAX_TREE_WORDS))
                            word, weight = word + MAX_TREE_WORDS, weight + MAX_TREE_WORDS * TILE
                        if gives_numbers:
                            matching = subtract(fill(limits, mw), differing)
                            if doubled:
                                matching = subtract(matching, differing)
                            store(numbers, ((first + row) * tiles + tile) * TILE, matching)
                            continue
                        mask = mask_at_most(differing, load(limits, tile * TILE))
                        if whole_masks:
                            put_item(masks, (target >> 4) + tile, mask)
                        else:
                            set_bits(out, target + tile * TILE, np.uint64(mask))
                    position += 1
                    if position == positions:
                        frame, position = frame + 1, 0

    return kernel
