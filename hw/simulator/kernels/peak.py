"""What this machine's arithmetic can do at best: xor, popcount and add on data that never leaves the level 1 cache."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hw.simulator.kernels.bits import Words
from hw.simulator.kernels.compiler import compiled
from hw.simulator.kernels.lanes import add, fill, load, popcount_of_xor, store
from hw.simulator.kernels.popcount import MAX_TREE_WORDS, differing_bits

LANE_WORDS = 8  # words of 64 bits in a vector
TILE_WORDS = MAX_TREE_WORDS * LANE_WORDS


@compiled
def count_each_word(weights: Words, row: Words, repeats: int, out: Words) -> None:
    """Popcount of every word of ``weights`` xor ``row``; four sums, so that no addition waits for the last."""
    a = b = c = d = fill(out, 0)
    for _ in range(repeats):
        x = load(row, 0)
        for word in range(0, len(weights), 4 * LANE_WORDS):
            a = add(a, popcount_of_xor(load(weights, word), x))
            b = add(b, popcount_of_xor(load(weights, word + LANE_WORDS), x))
            c = add(c, popcount_of_xor(load(weights, word + 2 * LANE_WORDS), x))
            d = add(d, popcount_of_xor(load(weights, word + 3 * LANE_WORDS), x))
    store(out, 0, add(add(a, b), add(c, d)))


@compiled
def count_by_trees(weights: NDArray[np.uint32], row: Words, repeats: int, out: NDArray[np.int32]) -> None:
    """The same by carry-save trees as long as they get."""
    total = fill(out, 0)
    for _ in range(repeats):
        for tile in range(0, len(weights), 2 * TILE_WORDS):
            total = add(total, differing_bits(weights, tile, row, 0, MAX_TREE_WORDS))
    store(out, 0, total)
