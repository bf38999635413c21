"""How matrices count bits, and what that and the sum of integers take."""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from math import ceil

from hw.units.cost import Resources, counter_bits
from hw.units.unit import package_name


class PopcountStyle(Enum):
    """How a matrix counts bits; all three give the same."""

    NAIVE = 0
    """A plain sum: fast to simulate."""
    COMPRESSOR = 1
    """A compressor tree."""
    PRIMITIVES = 2
    """A compressor tree out of Xilinx 7-series primitives, which Vivado maps to UltraScale's as well."""

    @classmethod
    def for_family(cls, family: str) -> PopcountStyle:
        """The smallest that a board's family (as in ``hw.boards.board``) can build."""
        return cls.PRIMITIVES if family in {"xc7", "zynquplus"} else cls.COMPRESSOR

    @property
    def literal(self) -> str:
        """In SystemVerilog."""
        return package_name(f"Popcount{self.name.capitalize()}")


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


def shared_luts(width: int, lanes: int) -> int:
    """First level of popcounts with constant weights, which lanes share: a parity and up to eight majorities a triple.

    The majorities are those of all signs, of eight, that occur in so many lanes of random weights.
    """
    majorities = 8 * (1 - (7 / 8) ** lanes)
    return round(shared_adders(width) * (1 + majorities))


def integer_sum_resources(terms: int, bits: int, signed: bool, stages: int) -> Resources:
    """What Yosys makes of a sum of so many integers, each of them or minus it as the weight says.

    A tree of full adders in two LUTs a bit, of which the first take in the XOR with the weight, and one carry chain.
    """
    sum_bits = bits + (not signed) + (counter_bits(terms) if terms > 1 else 0)
    if terms <= 2:
        return Resources(terms * sum_bits, stages * sum_bits)
    luts = (terms - 2) * (2.2 * bits + 1.15 * counter_bits(terms)) + 0.6 * sum_bits
    return Resources(round(luts), stages * sum_bits)
