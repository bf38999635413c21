"""What the parts that units share cost: memories and popcounts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import ceil

from hw.units.rom import RomStyle, bram18_and_luts, rom_luts
from hw.units.units import PopcountStyle


@dataclass(frozen=True)
class Resources:
    """What a part of a design takes of an FPGA.

    Attributes:
        luts: 6-input look-up tables, those that are used as RAM or shift register included.
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
def popcount_resources(width: int, style: PopcountStyle, constant: bool, stages: int) -> Resources:
    """One `popcount`.

    In primitives it is exactly the counters, adders and registers that hw/rtl/askew_compressor.sv arranges. Otherwise
    Yosys makes of it about two LUTs for each of the full adders that any count of ``width`` bits takes.

    Args:
        width: bits counted.
        style: of the counters.
        constant: one operand is constant: without the first level, which all lanes share.
        stages: registers inside.
    """
    columns = width.bit_length()
    primitives = style is PopcountStyle.PRIMITIVES
    if style is PopcountStyle.NAIVE:
        return Resources(ceil(2.4 * (width - columns)) + 3, stages * columns)
    heights = [1] + [0] * (columns + 1)
    luts = 0
    if constant:
        heights[1] = shared_adders(width)
    elif width > 1:
        heights[0] = ceil(width / 8) if primitives else ceil(width / 3)
        heights[1] = ceil(width / 2) if primitives else (width + 1) // 3
        luts = ceil(width / 2)
    levels = [sum(heights[:columns])]
    while max(heights[:columns]) > 3:
        after = [0] * (columns + 2)
        for column, height in enumerate(heights[:columns]):
            counters, adders = height // 6, int(height in (4, 5))
            luts += 2 * counters + adders
            after[column] += height - 5 * counters - 2 * adders
            after[column + 1] += counters + adders
            after[column + 2] += counters
        heights = after
        levels.append(sum(heights[:columns]))
    levels.append(columns)
    if not primitives:
        return Resources(2 * (width - columns) + 3, _tree_registers(levels, stages))
    return Resources(luts + columns, _tree_registers(levels, stages))


def shared_adders(width: int) -> int:
    """Full and half adders of weight 1 that turn ``width`` bits into one, and as many bits of weight 2."""
    adders = 0
    while width > 1:
        adders += (width + 1) // 3
        width = (width + 2) // 3
    return adders


def _tree_registers(levels: list[int], stages: int) -> int:
    """Flip-flops of ``stages`` registers spread over levels of so many bits, the surplus at the output."""
    count = len(levels)
    if stages >= count:
        return sum(levels) + (stages - count) * levels[-1]
    return sum(bits for level, bits in enumerate(levels) if (level + 1) * stages // count > level * stages // count)


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
