"""What happens to each integer alone: onto a grid, added to others, held against a threshold; all in one pass.

A convolution's kernel does this with its accumulators before they ever leave the registers (``finish``); where they
come from memory, ``pointwise_kernel`` does.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hw.simulator.kernels.bits import Words, low_bits
from hw.simulator.kernels.compiler import compiled, inlined
from hw.simulator.kernels.lanes import add, mask_at_least
from hw.simulator.kernels.numbers import (
    TILE,
    affine,
    load_long,
    load_numbers,
    on_narrow_grid,
    on_wide_grid,
    place_of,
    put_mask,
    store_long,
    store_numbers,
    word_at,
)

NO_GRID, NARROW, WIDE = 0, 1, 2  # how a grid is computed: not at all, in 32 bits, in 64


class Pointwise(NamedTuple):
    """What becomes of integers x of some channels; numbers alone, because Numba counts references to arrays.

    What goes with it are four arrays: ``words``, where all values lie; ``narrow``, int32, three times ``padded``: M
    and B where narrow, and the thresholds; ``wide``, int64, twice: M and B where wide; and ``summands``, uint64, for
    each value that is added the number of ``words`` at which it begins, then 1 if its numbers are short.

    Attributes:
        grid: ``NO_GRID``; ``NARROW`` where M x + B is known to fit 32 bits; else ``WIDE``.
        shift, lowest, highest: of the grid.
        summands: how many values are added.
        result: at which number of ``words`` the integers are to be written; -1 for nowhere.
        result_short: whether as short ones.
        bits: at which bit of ``words`` the first frame's bits are to be written, 0 so far; -1 for nowhere. A bit is 1
            where the integer reaches its channel's threshold.
        frame_bits: from one frame's first bit to the next one's.
        channels: how many are real.
        padded: numbers of a position.
    """

    grid: int
    shift: int
    lowest: int
    highest: int
    summands: int
    result: int
    result_short: bool
    bits: int
    frame_bits: int
    channels: int
    padded: int


@inlined
def finish(
    words: int,
    narrow: int,
    wide: int,
    summands: int,
    p: Pointwise,
    x: Any,
    vector: int,
    tile: int,
    bit: int,
    only_scores: bool,
) -> None:
    """Do with 16 channels what ``p`` says.

    Args:
        words: the place of this array; see ``Pointwise``.
        narrow: likewise.
        wide: likewise.
        summands: likewise.
        p: what to do.
        x: the integers.
        vector: which vector of the value this is, counted through positions and frames.
        tile: which vector of its position this is.
        bit: where its first bit goes.
        only_scores: a narrow grid that never shifts or saturates, to long numbers, is all that there is to do. Known
            when it is compiled, this leaves the rest out.
    """
    channel = tile * TILE
    if only_scores:
        store_long(words, p.result + vector * TILE, affine(x, narrow, channel, p.padded + channel))
        return
    if p.grid == NARROW:
        x = on_narrow_grid(x, narrow, channel, p.padded + channel, p.shift, p.lowest, p.highest)
    elif p.grid == WIDE:
        x = on_wide_grid(x, wide, channel, p.padded + channel, p.shift, p.lowest, p.highest)
    for index in range(p.summands):
        short = word_at(summands, 2 * index + 1) != 0
        x = add(x, load_numbers(words, np.int64(word_at(summands, 2 * index)) + vector * TILE, short))
    if p.result >= 0:
        store_numbers(words, p.result + vector * TILE, p.result_short, x)
    if p.bits >= 0:
        mask = np.uint64(mask_at_least(x, load_long(narrow, 2 * p.padded + channel)))
        if p.channels - channel < TILE:
            mask &= low_bits(p.channels - channel)
        put_mask(words, bit, mask)


@compiled
def pointwise_kernel(
    words: Words,
    narrow: NDArray[np.int32],
    wide: NDArray[np.int64],
    summands: NDArray[np.uint64],
    p: Pointwise,
    source: int,
    source_short: bool,
    count: int,
    positions: int,
) -> None:
    """Do with all integers of a value what ``p`` says.

    Args:
        words: see ``Pointwise``, as for the next three.
        narrow: see there.
        wide: see there.
        summands: see there.
        p: what to do.
        source: at which number of ``words`` the value begins.
        source_short: whether its numbers are short.
        count: number of frames.
        positions: of a frame.
    """
    places = place_of(words), place_of(narrow), place_of(wide), place_of(summands)
    vector = 0
    for frame in range(count):
        bit = p.bits + frame * p.frame_bits
        for _ in range(positions):
            for tile in range(p.padded // TILE):
                x = load_numbers(places[0], source + vector * TILE, source_short)
                finish(places[0], places[1], places[2], places[3], p, x, vector, tile, bit + tile * TILE, False)
                vector += 1
            bit += p.channels
