"""What a part of a design takes of an FPGA, and what the memories and counters that units share take."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import ceil

from hw.units.rom import RomStyle, bram18_and_luts, rom_luts

SMALL_TABLES = 2
"""Tables of 4 inputs that a table of 6 is worth on ECP5, whose slices select among tables with their own multiplexers.

Popcounts, accumulators and weights of matrices are counted in tables of 4 inputs there, and all else is taken to be
worth this; ``hw/synth/data/designs`` has what nextpnr makes of a design.
"""


@dataclass(frozen=True)
class Resources:
    """What a part of a design takes of an FPGA.

    Attributes:
        luts: 6-input look-up tables, those that are used as RAM or shift register included; on ECP5 what is worth one,
            ``SMALL_TABLES`` of 4 inputs.
        ffs: flip-flops.
        bram18: block RAMs of 18 kbit.
    """

    luts: int = 0
    ffs: int = 0
    bram18: int = 0

    def __add__(self, other: Resources) -> Resources:
        return Resources(self.luts + other.luts, self.ffs + other.ffs, self.bram18 + other.bram18)


def counter_bits(states: int) -> int:
    """Bits of a counter."""
    return max(1, (states - 1).bit_length())


@lru_cache(maxsize=4096)
def rom_resources(width: int, depth: int, style: RomStyle) -> Resources:
    """A memory that is only read, of random words; in LUTs it is read into flip-flops, block RAM has its own.

    A short ROM has few different columns, and Yosys keeps one of each: 2^depth (1 - (1 - 2^-depth)^width) of ``width``
    random ones. Of those with up to 8 words it turns some into the set or reset of a flip-flop, a fifth by measurement.
    """
    if depth <= 1:
        return Resources()
    if style is RomStyle.BLOCK:
        blocks, luts = bram18_and_luts(width, depth)
        return Resources(luts, 0, blocks)
    columns = width
    if depth < 16:
        patterns = 2.0**depth
        columns = min(width, round(patterns * (1 - (1 - 1 / patterns) ** width)))
    luts = rom_luts(columns, depth)
    return Resources(round(0.8 * luts) if depth <= 8 else luts, columns)


def lut_ram_luts(width: int, depth: int) -> int:
    """LUTs of a memory with one port to write and one to read: four hold 32 words of 6 bits, or 64 words of 3."""
    if depth <= 32:
        return 4 * ceil(width / 6)
    blocks = ceil(depth / 64)
    return 4 * ceil(width / 3) * blocks + (width * ceil((blocks - 1) / 3) + blocks if blocks > 1 else 0)
