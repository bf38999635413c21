"""How matrices count bits, and what that and the sum of integers take."""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from itertools import pairwise
from math import ceil

from hw.units.cost import Resources, counter_bits
from hw.units.unit import package_name


class PopcountStyle(Enum):
    """How a matrix counts bits; all give the same."""

    NAIVE = 0
    """A plain sum: fast to simulate."""
    COMPRESSOR = 1
    """A compressor tree."""
    PRIMITIVES = 2
    """A compressor tree out of Xilinx 7-series primitives, which Vivado maps to UltraScale's as well."""
    CARRY = 3
    """A tree of adders for tables of 4 inputs with carry chains, its first level out of Lattice ECP5 primitives."""

    @classmethod
    def for_family(cls, family: str) -> PopcountStyle:
        """The smallest that a board's family (as in ``hw.boards.board``) can build.

        ECP5 would be ``CARRY``, but what Yosys' ``synth_ecp5`` makes of it was seen to count wrongly (docs/results.md).
        """
        return {"xc7": cls.PRIMITIVES, "zynquplus": cls.PRIMITIVES}.get(family, cls.COMPRESSOR)

    @property
    def literal(self) -> str:
        """In SystemVerilog."""
        return package_name(f"Popcount{self.name.capitalize()}")


@lru_cache(maxsize=4096)
def popcount_resources(width: int, style: PopcountStyle, constant: bool, stages: int) -> Resources:
    """One `popcount`.

    In primitives it is exactly the counters, adders and registers that hw/rtl/askew_compressor.sv arranges or, in LUTs
    of 4 inputs, hw/rtl/askew_carry_tree.sv. Otherwise Yosys makes of it about two LUTs for each of the full adders that
    any count of ``width`` bits takes.

    Args:
        width: bits counted.
        style: of the counters.
        constant: one operand is constant: without the first level, which all lanes share.
        stages: registers inside.
    """
    columns = width.bit_length()
    if style is PopcountStyle.NAIVE:
        return Resources(ceil(2.4 * (width - columns)) + 3, stages * columns)
    if style is PopcountStyle.CARRY and not constant:
        return _carry_resources(width, stages)
    levels, counters = _compressed(width, style, constant=constant)
    levels.append(columns)
    if style is not PopcountStyle.PRIMITIVES:
        return Resources(2 * (width - columns) + 3, _tree_registers(levels, stages))
    first = 0 if constant or width == 1 else ceil(width / 2)
    return Resources(first + counters + columns, _tree_registers(levels, stages))


def _compressed(width: int, style: PopcountStyle, *, constant: bool) -> tuple[list[int], int]:
    """Bits behind the first level and behind each compression, and the LUTs of those of primitives."""
    columns = width.bit_length()
    heights = [1] + [0] * (columns + 1)
    if constant:
        heights[1] = shared_adders(width)
    elif width > 1:
        primitives = style is PopcountStyle.PRIMITIVES
        heights[0] = ceil(width / 8) if primitives else ceil(width / 3)
        heights[1] = ceil(width / 2) if primitives else (width + 1) // 3
    luts, levels = 0, [sum(heights[:columns])]
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
    return levels, luts


def tree_levels(width: int, style: PopcountStyle, *, constant: bool) -> list[int]:
    """The steps of a `popcount`, each with its levels of logic; a register may stand behind each.

    They are those of hw/rtl/askew_compressor.sv and hw/rtl/askew_carry_tree.sv; plain sums are as compressor trees.

    Args:
        width: bits counted.
        style: of the counters.
        constant: one operand is constant.
    """
    if style is PopcountStyle.CARRY and not constant:
        return [CARRY_LEVELS] * len(_carry_numbers(width))
    primitives = style is PopcountStyle.PRIMITIVES
    first = 1 + counter_bits(width) // 2 if constant else 4 if primitives else 2
    compressions = len(_compressed(width, style, constant=constant)[0]) - 1
    return [first] + [2] * compressions + [3]


def integer_levels(terms: int) -> list[int]:
    """The steps of a sum of so many integers, as of ``tree_levels``: pairs, pairs of those, and so on."""
    return [3] * max(1, (terms - 1).bit_length())


CARRY_LEVELS = 3
"""Levels of an adder of tables of 4 inputs: into a carry chain, along it, and out of it."""
CHAIN_ENDS = 4
"""Tables that nextpnr 0.11 puts in front of a carry chain and behind it."""
CHAIN_TRIPLES = 8
"""Of the first level, in hw/rtl/askew_carry_tree.sv."""


def chain_tables(bits: int) -> int:
    """Tables of 4 inputs of an adder with so many bits of a sum, in a carry chain."""
    return 2 * ceil(bits / 2) + CHAIN_ENDS


def _carry_numbers(width: int) -> list[tuple[int, int]]:
    """How many numbers of how many bits there are behind each level of hw/rtl/askew_carry_tree.sv."""
    count, bits = ceil(width / 3), min(2, width.bit_length())
    numbers = [(count, bits)]
    while count > 1:
        count, bits = (count + 1) // 2, min(bits + 1, width.bit_length())
        numbers.append((count, bits))
    return numbers


def _carry_resources(width: int, stages: int) -> Resources:
    """Cells of carry chains, two at a time; nextpnr adds a pair at either end of each chain."""
    numbers = _carry_numbers(width)
    triples = numbers[0][0]
    luts = 2 * triples + (2 + CHAIN_ENDS) * ceil(triples / CHAIN_TRIPLES)
    for (before, width_before), (_, bits) in pairwise(numbers):
        luts += before // 2 * (3 if width_before <= 2 else chain_tables(bits))
    return Resources(luts, _tree_registers([count * bits for count, bits in numbers], stages))


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
    ffs = stages * sum_bits
    if stages > 1:
        levels = len(integer_levels(terms))
        ffs = _tree_registers([-(-terms // 2 ** (level + 1)) * sum_bits for level in range(levels)], stages)
    if terms <= 2:
        return Resources(terms * sum_bits, ffs)
    luts = (terms - 2) * (2.2 * bits + 1.15 * counter_bits(terms)) + 0.6 * sum_bits
    return Resources(round(luts), ffs)
