"""Convolutions of bits whose windows are read where they lie in their frames, because channels are whole bytes.

Two neighbouring windows are computed at once where they are small: they meet the same weights, which then are loaded
once for both.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from hw.simulator.kernels.bits import Words
from hw.simulator.kernels.compiler import compiled
from hw.simulator.kernels.geometry import Geometry
from hw.simulator.kernels.matrix import CACHE_BYTES
from hw.simulator.kernels.numbers import TILE, place_of
from hw.simulator.kernels.pointwise import Known, Pointwise, give
from hw.simulator.kernels.popcount import differing_in_lines
from hw.simulator.kernels.windows import pad_frames

PAIR_WORDS = 18  # weights of so many words stay in registers for two windows
BLOCK_POSITIONS = 64  # that meet the same block of weights, at least


@cache
def window_kernel(lines: int, line_words: int, gives: int, known: Known) -> Callable[..., None]:
    """The kernel for windows of so many lines, each of so many words of 32 bits.

    Args:
        lines: of a window.
        line_words: of a line.
        gives: ``BITS``, ``SCORES`` or ``VALUES``.
        known: of what becomes of P.
    """
    grid, added, short, result, bits = known
    paired = lines * line_words <= PAIR_WORDS

    @compiled
    def kernel(
        frames: Words,
        frame_words: int,
        count: int,
        g: Geometry,
        padding: Words,
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
        """Compute all output positions of all frames; arguments as of ``matrix_kernel``."""
        a, b, c, d, e = place_of(out), place_of(narrow), place_of(wide), place_of(summands), place_of(limits)
        frames, frame_words = pad_frames(frames, frame_words, count, g, padding, True)
        width = (g.out_width - 1) * g.stride_x + g.kernel_x if len(padding) > 0 else g.width
        line_bytes, right = (width * g.channels) >> 3, (g.stride_x * g.channels) >> 3
        last = np.uint32(0xFFFFFFFF) >> np.uint32(-(g.kernel_x * g.channels) & 31)
        tiles, tile_weights = len(limits) // TILE, lines * line_words * TILE
        block_tiles = max(CACHE_BYTES // (tile_weights * 4), 1)
        block_frames = max(BLOCK_POSITIONS // (g.out_height * g.out_width), 1)
        for first_frame in range(0, count, block_frames):
            for first_tile in range(0, tiles, block_tiles):
                for line in range(first_frame * g.out_height, min(first_frame + block_frames, count) * g.out_height):
                    frame, y = divmod(line, g.out_height)
                    byte = frame * frame_words * 8 + y * g.stride_y * line_bytes
                    bit = p.bits + frame * out_words * 64 + y * g.out_width * p.channels
                    vector = line * g.out_width * tiles
                    for x in range(0, g.out_width, 2 if paired else 1):
                        for tile in range(first_tile, min(first_tile + block_tiles, tiles)):
                            weight, v, t = tile * tile_weights, vector + tile, bit + tile * TILE
                            one = differing_in_lines(weights, weight, frames, byte, line_bytes, last, lines, line_words)
                            if paired and x + 1 < g.out_width:
                                two = differing_in_lines(
                                    weights, weight, frames, byte + right, line_bytes, last, lines, line_words
                                )
                                give(a, b, c, d, e, p, mw, one, v, tile, t, gives, grid, added, short, result, bits)
                                v, t = v + tiles, t + p.channels
                                give(a, b, c, d, e, p, mw, two, v, tile, t, gives, grid, added, short, result, bits)
                            else:
                                give(a, b, c, d, e, p, mw, one, v, tile, t, gives, grid, added, short, result, bits)
                        step = 2 if paired else 1
                        byte, bit, vector = byte + step * right, bit + step * p.channels, vector + step * tiles

    return kernel
