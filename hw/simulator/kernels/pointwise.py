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
from hw.simulator.kernels.lanes import add, mask_at_least, mask_at_most
from hw.simulator.kernels.numbers import (
    TILE,
    affine,
    load_long,
    load_numbers,
    on_narrow_grid,
    on_wide_grid,
    place_of,
    put_mask,
    put_short,
    rest_of,
    store_long,
    store_numbers,
    word_at,
)

NO_GRID, NARROW, WIDE = 0, 1, 2  # how a grid is computed: not at all, in 32 bits, in 64
BITS, SCORES, VALUES = 0, 1, 2  # P becomes one comparison, M P + B in 32 bits, or all that ``Pointwise`` says
NOWHERE, LONG, SHORT = 0, 1, 2  # where integers are written to: numbers of 32 or 16 bits


class Known(NamedTuple):
    """What may be known of ``Pointwise`` when a kernel is compiled for it; -1 for what is not.

    Attributes:
        grid: ``NO_GRID``, ``NARROW`` or ``WIDE``.
        summands: how many values are added.
        summands_short: 1 where all of them are short, 0 where none is.
        result: ``NOWHERE``, ``LONG`` or ``SHORT``.
        bits: 1 where there are bits, 0 where not.
    """

    grid: int
    summands: int
    summands_short: int
    result: int
    bits: int


UNKNOWN = Known(-1, -1, -1, -1, -1)


class Pointwise(NamedTuple):
    """What becomes of integers x of some channels; numbers alone, because Numba counts references to arrays.

    What goes with it are four arrays: ``words``, where all values lie; ``narrow``, int32, three times ``padded``: M
    and B where narrow, and the thresholds; ``wide``, int64, twice: M and B where wide; and ``summands``, uint64, for
    each value that is added the number of ``words`` at which it begins, then 1 if its numbers are short.

    Attributes:
        grid: ``NO_GRID``; ``NARROW`` where M x + B is known to fit 32 bits; else ``WIDE``.
        shift, lowest, highest: of the grid.
        summands: how many values are added.
        result: ``NOWHERE``, or as what the integers are to be written.
        first: at which number of ``words``.
        has_bits: whether there are bits, of which one is 1 where the integer reaches its channel's threshold.
        bits: at which bit of ``words`` the first frame's bits are to be written, 0 so far.
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
    first: int
    has_bits: bool
    bits: int
    frame_bits: int
    channels: int
    padded: int


@inlined
def put_bits(words: int, bit: int, mask: np.uint64, channels: int) -> None:
    """Write the bits of 16 channels, of so many of a position, to where bits are 0."""
    if channels % TILE == 0:
        put_short(words, bit >> 4, np.int16(mask))
    else:
        put_mask(words, bit, mask)


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
    grid: int,
    added: int,
    short: int,
    result: int,
    bits: int,
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
        grid: of what is known.
        added: likewise, summands.
        short: likewise, summands_short.
        result: likewise.
        bits: likewise.
    """
    channel = tile * TILE
    grid = grid if grid >= 0 else p.grid
    added = added if added >= 0 else p.summands
    result = result if result >= 0 else p.result
    if grid == NARROW:
        x = on_narrow_grid(x, narrow, channel, p.padded + channel, p.shift, p.lowest, p.highest)
    elif grid == WIDE:
        x = on_wide_grid(x, wide, channel, p.padded + channel, p.shift, p.lowest, p.highest)
    for index in range(added):
        is_short = short == 1 if short >= 0 else word_at(summands, 2 * index + 1) != 0
        x = add(x, load_numbers(words, np.int64(word_at(summands, 2 * index)) + vector * TILE, is_short))
    if result != NOWHERE:
        store_numbers(words, p.first + vector * TILE, result == SHORT, x)
    if bits == 1 if bits >= 0 else p.has_bits:
        mask = np.uint64(mask_at_least(x, load_long(narrow, 2 * p.padded + channel)))
        if p.channels - channel < TILE:
            mask &= low_bits(p.channels - channel)
        put_bits(words, bit, mask, p.channels)


@inlined
def give(
    words: int,
    narrow: int,
    wide: int,
    summands: int,
    limits: int,
    p: Pointwise,
    mw: int,
    differing: Any,
    vector: int,
    tile: int,
    bit: int,
    gives: int,
    grid: int,
    added: int,
    short: int,
    result: int,
    bits: int,
) -> None:
    """What becomes of 16 outputs of a matrix of bits.

    Args:
        words: the place of this array, like the next three: see ``finish``.
        narrow: see there.
        wide: see there.
        summands: see there.
        limits: the place of int32, one an output; for ``BITS`` its bit is 1 where at most so many bits differ.
        p: what to do; for ``BITS`` only its channels count.
        mw: P = ``mw`` - differing bits.
        differing: in how many bits each window differs from its weights.
        vector: see ``finish``.
        tile: see there.
        bit: see there.
        gives: ``BITS``, ``SCORES`` or ``VALUES``.
        grid: see ``finish``.
        added: see there.
        short: see there.
        result: see there.
        bits: see there.
    """
    if gives == BITS:
        put_bits(words, bit, np.uint64(mask_at_most(differing, load_long(limits, tile * TILE))), p.channels)
    elif gives == SCORES:
        scores = affine(rest_of(differing, mw), narrow, tile * TILE, p.padded + tile * TILE)
        store_long(words, p.first + vector * TILE, scores)
    else:
        x = rest_of(differing, mw)
        finish(words, narrow, wide, summands, p, x, vector, tile, bit, grid, added, short, result, bits)


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
                finish(
                    places[0],
                    places[1],
                    places[2],
                    places[3],
                    p,
                    x,
                    vector,
                    tile,
                    bit + tile * TILE,
                    -1,
                    -1,
                    -1,
                    -1,
                    -1,
                )
                vector += 1
            bit += p.channels
