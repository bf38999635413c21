"""Memories that are only read: what they cost in LUTs and in block RAMs, and so where a unit keeps its weights."""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from math import ceil

LUTS_PER_BRAM18 = 128
"""What a block RAM is worth: a little less than a Zynq-7020 has of LUTs for each, 190, as LUTs run out first."""

BRAM18_SHAPES = ((36, 512), (18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384))
"""Bits of a word and words of an 18-kbit block RAM."""


class RomStyle(Enum):
    """The parameters ROM_STYLE and START_STYLE of the matrix units: ``RomLut`` and ``RomBlock`` of ``askew_pkg``."""

    LUT = 1
    BLOCK = 2


@lru_cache(maxsize=4096)
def rom_luts(width: int, depth: int) -> int:
    """LUTs of ``depth`` words of ``width`` bits: 64 words a LUT, and the slice's own multiplexers for up to 256."""
    if depth <= 1:
        return 0
    whole, rest = divmod(depth, 256)
    luts = 4 * whole + (0 if rest == 0 else 1 if rest <= 64 else 2 if rest <= 128 else 4)
    blocks = whole + (rest > 0)
    return width * (luts + ceil((blocks - 1) / 3))


@lru_cache(maxsize=4096)
def bram18_and_luts(width: int, depth: int) -> tuple[int, int]:
    """Block RAMs of 18 kbit, all of one shape, for ``depth`` words of ``width`` bits, and LUTs to select among them.

    The fewest block RAMs; where several shapes tie, the fewest LUTs. A LUT selects one of four bits.
    """
    shapes = ((ceil(width / bits) * ceil(depth / words), ceil(depth / words)) for bits, words in BRAM18_SHAPES)
    blocks, deep = min(shapes)
    return blocks, width * ceil((deep - 1) / 3)


def bram18_count(width: int, depth: int) -> int:
    """Block RAMs of 18 kbit, all of one shape, that hold ``depth`` words of ``width`` bits."""
    return bram18_and_luts(width, depth)[0]


@lru_cache(maxsize=4096)
def choose_style(width: int, depth: int) -> RomStyle:
    """LUTs, unless block RAM is cheaper at ``LUTS_PER_BRAM18``."""
    blocks = bram18_count(width, depth)
    return RomStyle.BLOCK if rom_luts(width, depth) > LUTS_PER_BRAM18 * blocks else RomStyle.LUT
