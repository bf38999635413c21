"""Dense layers and convolutions with binary input."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.simulator.kernels.bits import SPARE_WORDS, Words
from hw.simulator.kernels.compiler import compiled
from hw.simulator.kernels.geometry import Geometry
from hw.simulator.kernels.lanes import add, fill
from hw.simulator.kernels.numbers import TILE, place_of
from hw.simulator.kernels.pointwise import Known, Pointwise, give
from hw.simulator.kernels.popcount import MAX_TREE_WORDS, differing_bits
from hw.simulator.kernels.windows import gather, pad_frames

CACHE_BYTES = 2**14  # half a level 1 data cache: as much for the weights as for the rows that meet them
ANY_LENGTH = 0
STEP_WORDS = 8  # what the kernel for any length counts at once

FRAMES, WINDOWS, LINES = 0, 1, 2  # a row is a whole frame, a window's bits without a gap, or line by line


@compiled
def differing_in_row(
    limits: NDArray[np.int32], weights: NDArray[np.uint32], weight: int, rows: Words, word: int, words: int
) -> Any:
    """In how many of ``words`` words of 32 bits a row differs from 16 outputs' weights, for any number of words."""
    differing = fill(limits, 0)
    for _ in range(words // STEP_WORDS):
        differing = add(differing, differing_bits(weights, weight, rows, word, STEP_WORDS))
        word, weight = word + STEP_WORDS, weight + STEP_WORDS * TILE
    for _ in range(words % STEP_WORDS):
        differing = add(differing, differing_bits(weights, weight, rows, word, 1))
        word, weight = word + 1, weight + TILE
    return differing


@cache
def matrix_kernel(half_words: int, gives: int, known: Known) -> Callable[..., None]:
    """The kernel for windows of so many words of 32 bits, compiled for exactly that number, or ``ANY_LENGTH``.

    Args:
        half_words: of a window.
        gives: ``BITS``, ``SCORES`` or ``VALUES``.
        known: of what becomes of P.
    """
    grid, added, short, result, bits = known
    whole_trees = max(half_words - 1, 0) // MAX_TREE_WORDS
    last_tree = max(half_words - whole_trees * MAX_TREE_WORDS, 1)

    @compiled
    def kernel(
        frames: Words,
        frame_words: int,
        count: int,
        rows_are: int,
        g: Geometry,
        pads: Words,
        weights: NDArray[np.uint32],
        limits: NDArray[np.int32],
        out: Words,
        out_words: int,
        mw: int,
        narrow: NDArray[np.int32],
        wide: NDArray[np.int64],
        summands: NDArray[np.uint64],
        p: Pointwise,
    ) -> None:
        """Compute all output positions of all frames.

        Args:
            frames: the input bits of ``count`` frames of ``frame_words`` words, and spare words.
            frame_words: words of an input frame.
            count: number of frames.
            rows_are: ``FRAMES``, ``WINDOWS`` or ``LINES``.
            g: window sizes.
            pads: bits that a padded position reads as, and spare words; for ``LINES`` a frame of padding, or nothing.
            weights: (tiles, half_words, 16), the weights of 16 outputs side by side.
            limits: (tiles * 16,); for ``BITS`` an output bit is 1 where at most so many bits differ.
            out: for ``BITS`` the output bits of ``count`` frames of ``out_words`` words and spare
                words, all 0; else the words of all values.
            out_words: words of an output frame.
            mw: P = ``mw`` - differing bits.
            narrow: not for ``BITS``, of what becomes of P; see ``Pointwise``, as for the rest.
            wide: likewise.
            summands: likewise.
            p: likewise.
        """
        tiles, tile_weights = len(limits) // TILE, len(weights) // (len(limits) // TILE)
        # As `half_words` says, but not a constant that the called functions would be compiled for.
        row_words = (tile_weights // TILE + 1) // 2
        block_rows = min(max(CACHE_BYTES // (row_words * 8), 16), 256)
        block_tiles = max(CACHE_BYTES // (tile_weights * 4), 1)
        rows = frames if rows_are == FRAMES else np.zeros(block_rows * row_words + SPARE_WORDS, np.uint64)
        frames, frame_words = pad_frames(frames, frame_words, count, g, pads, rows_are == LINES)
        a, b, c, d, e = place_of(out), place_of(narrow), place_of(wide), place_of(summands), place_of(limits)
        positions = g.out_height * g.out_width
        for first in range(0, count * positions, block_rows):
            used_rows = min(block_rows, count * positions - first)
            if rows_are != FRAMES:
                gather(rows, row_words, used_rows, frames, frame_words, first, g, pads, rows_are == LINES)
            for first_tile in range(0, tiles, block_tiles):
                frame, position = divmod(first, positions)
                for row in range(used_rows):
                    row_half_word = (first + row if rows_are == FRAMES else row) * row_words * 2
                    target = p.bits + frame * out_words * 64 + position * p.channels
                    for tile in range(first_tile, min(first_tile + block_tiles, tiles)):
                        word, weight = row_half_word, tile * tile_weights
                        if half_words == ANY_LENGTH:
                            differing = differing_in_row(limits, weights, weight, rows, word, tile_weights // TILE)
                        else:
                            differing = differing_bits(weights, weight, rows, word, last_tree)
                            word, weight = word + last_tree, weight + last_tree * TILE
                            for _ in range(whole_trees):
                                differing = add(differing, differing_bits(weights, weight, rows, word, MAX_TREE_WORDS))
                                word, weight = word + MAX_TREE_WORDS, weight + MAX_TREE_WORDS * TILE
                        vector, bit = (first + row) * tiles + tile, target + tile * TILE
                        give(
                            a, b, c, d, e, p, mw, differing, vector, tile, bit, gives, grid, added, short, result, bits
                        )
                    position += 1
                    if position == positions:
                        frame, position = frame + 1, 0

    return kernel
