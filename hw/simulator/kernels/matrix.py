"""Dense layers and convolutions with binary input."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.simulator.kernels.bits import SPARE_WORDS, Words, set_bits
from hw.simulator.kernels.compiler import compiled
from hw.simulator.kernels.geometry import Geometry
from hw.simulator.kernels.lanes import add, fill, load, mask_at_most, put_item, subtract
from hw.simulator.kernels.numbers import place_of
from hw.simulator.kernels.pointwise import Known, Pointwise, finish, give_scores
from hw.simulator.kernels.popcount import MAX_TREE_WORDS, differing_bits, differing_in_lines
from hw.simulator.kernels.windows import gather, pad_frames, window_at

CACHE_BYTES = 2**14  # half a level 1 data cache: as much for the weights as for the rows that meet them
TILE = 16  # outputs that are computed together, one a lane
ANY_LENGTH = 0
STEP_WORDS = 8  # what the kernel for any length counts at once

# A row is a whole frame, a window's bits without a gap, or line by line; or there is none, but the window in its frame.
FRAMES, WINDOWS, LINES, IN_PLACE = 0, 1, 2, 3
BITS, SCORES, VALUES = 0, 1, 2  # P becomes one comparison, M P + B in 32 bits, or all that ``Pointwise`` says


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
def matrix_kernel(  # noqa: PLR0915 - the kernel is in it
    half_words: int, lines: int, gives: int, known: Known
) -> Callable[..., None]:
    """The kernel for windows of so many words of 32 bits, compiled for exactly that number, or ``ANY_LENGTH``.

    Args:
        half_words: of a window.
        lines: of the window, for ``IN_PLACE``; else 0.
        gives: ``BITS``, ``SCORES`` or ``VALUES``.
        known: of what becomes of P.
    """
    grid, added, short, result, bits = known
    line_words = half_words // max(lines, 1)
    lines_or_one = max(lines, 1)
    whole_trees = max(half_words - 1, 0) // MAX_TREE_WORDS
    last_tree = max(half_words - whole_trees * MAX_TREE_WORDS, 1)

    @compiled
    def kernel(  # noqa: PLR0912 - one loop over rows; what differs is constant when it is compiled
        frames: Words,
        frame_words: int,
        count: int,
        rows_are: int,
        g: Geometry,
        pads: Words,
        weights: NDArray[np.uint32],
        limits: NDArray[np.int32],
        mh: int,
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
            rows_are: ``FRAMES``, ``WINDOWS``, ``LINES`` or ``IN_PLACE``.
            g: window sizes.
            pads: bits that a padded position reads as, and spare words; for the latter two a frame of
                padding, or nothing.
            weights: (tiles, half_words, 16), the weights of 16 outputs side by side.
            limits: (tiles * 16,); for ``BITS`` an output bit is 1 where at most so many bits differ.
            mh: outputs of a position.
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
        rows = frames if rows_are in {FRAMES, IN_PLACE} else np.zeros(block_rows * row_words + SPARE_WORDS, np.uint64)
        frames, frame_words = pad_frames(frames, frame_words, count, g, pads, rows_are >= LINES)
        whole_masks = mh % TILE == 0
        masks = out.view(np.uint16)
        places = place_of(out), place_of(narrow), place_of(wide), place_of(summands)
        positions = g.out_height * g.out_width
        for first in range(0, count * positions, block_rows):
            used_rows = min(block_rows, count * positions - first)
            walk = window_at(first, frame_words, g, len(pads) > 0)
            if rows_are in {WINDOWS, LINES}:
                gather(rows, row_words, used_rows, frames, frame_words, first, g, pads, rows_are == LINES)
            for first_tile in range(0, tiles, block_tiles):
                frame, position = divmod(first, positions)
                byte, out_x = walk.byte, walk.out_x
                for row in range(used_rows):
                    row_half_word = (first + row if rows_are == FRAMES else row) * row_words * 2
                    target = frame * out_words * 64 + position * mh
                    for tile in range(first_tile, min(first_tile + block_tiles, tiles)):
                        word, weight = row_half_word, tile * tile_weights
                        if lines:
                            differing = differing_in_lines(
                                weights, weight, frames, byte, walk.line_bytes, walk.last, lines_or_one, line_words
                            )
                        elif half_words == ANY_LENGTH:
                            differing = differing_in_row(limits, weights, weight, rows, word, tile_weights // TILE)
                        else:
                            differing = differing_bits(weights, weight, rows, word, last_tree)
                            word, weight = word + last_tree, weight + last_tree * TILE
                            for _ in range(whole_trees):
                                differing = add(differing, differing_bits(weights, weight, rows, word, MAX_TREE_WORDS))
                                word, weight = word + MAX_TREE_WORDS, weight + MAX_TREE_WORDS * TILE
                        if gives != BITS:
                            popcounts = subtract(fill(limits, mw), differing)
                            vector, bit = (first + row) * tiles + tile, p.bits + target + tile * TILE
                            if gives == SCORES:
                                give_scores(places[0], places[1], p, popcounts, vector, tile)
                                continue
                            a, b, c, d = places
                            finish(a, b, c, d, p, popcounts, vector, tile, bit, grid, added, short, result, bits)
                            continue
                        mask = mask_at_most(differing, load(limits, tile * TILE))
                        if whole_masks:
                            put_item(masks, (target >> 4) + tile, mask)
                        else:
                            set_bits(out, target + tile * TILE, np.uint64(mask))
                    position, out_x, byte = position + 1, out_x + 1, byte + walk.right
                    if out_x == g.out_width:
                        out_x, byte = 0, byte + walk.down
                        if position == positions:
                            frame, position, byte = frame + 1, 0, (frame + 1) * frame_words * 8

    return kernel
