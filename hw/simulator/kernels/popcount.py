"""The heart of the binary layers: in how many bits a row of words differs from 16 weight rows at once.

Rather than count the bits of each word, a tree of full adders first adds the words bit by bit: three words that count
1 become one that counts 1 and one that counts 2 (Harley and Seal; W. Mula, N. Kurz, D. Lemire, "Faster population
counts using AVX2 instructions", 2018, section 4). Of 32 words only 6 are left to be counted. Words are of 32 bits here:
narrower ones make longer trees, and narrower ones still cannot be read from memory into all lanes in one instruction.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from hw.simulator.kernels.lanes import (
    Lanes,
    address,
    call,
    load_vector,
    operation_of_constants,
    popcounts,
    splat,
    vector_type,
)

MAX_TREE_WORDS = 128  # longer trees gain little more, and the code is as long as the tree

FEW_WORDS = 9  # up to here no tree is faster than counting each word, where there is an instruction for that

_I32, _I64 = ir.IntType(32), ir.IntType(64)
_BYTES, _PAIRS, _WORDS = vector_type(8), vector_type(16), vector_type(32)


@operation_of_constants
def differing_bits(_typing: Any, weights: Any, _first_weight: Any, row: Any, _first_word: Any, words: Any) -> Any:
    """In lane j, in how many bits ``words`` words of 32 bits of the row differ from column j of the weights.

    Args:
        weights: uint32 array; word i of lane j is at ``first_weight + 16 * i + j``.
        row: uint64 array; the row begins at word ``first_word`` of 32 bits.
        words: a constant, at most ``MAX_TREE_WORDS``; the code is made for it.
    """
    if not isinstance(words, types.IntegerLiteral) or not 1 <= words.literal_value <= MAX_TREE_WORDS:
        return None

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        halves = builder.bitcast(address(context, builder, row, args[2], _I64(0)), _I32.as_pointer())
        first = builder.gep(halves, [args[3]])
        given = [builder.load(builder.gep(first, [_I64(index)])) for index in range(words.literal_value)]
        column = address(context, builder, weights, *args[:2])
        return _tree(context, builder, column, [splat(builder, word, 16) for word in given], {})

    return Lanes(32)(weights, types.intp, row, types.intp, words), generate


@operation_of_constants
def differing_in_lines(
    _typing: Any,
    weights: Any,
    _first_weight: Any,
    frames: Any,
    _first_byte: Any,
    _step: Any,
    _last: Any,
    lines: Any,
    words: Any,
) -> Any:
    """As ``differing_bits``, of a window where it lies in its image: nothing is copied to a row.

    Args:
        weights: as there, line by line.
        frames: uint64 array; the window's first line begins at byte ``first_byte``.
        step: bytes from one line to the next.
        last: uint32, which bits of a line's last word belong to the window.
        lines: a constant, of the window.
        words: a constant, words of 32 bits of each line; at most ``MAX_TREE_WORDS`` in all.
    """
    if not all(isinstance(constant, types.IntegerLiteral) for constant in (lines, words)):
        return None
    height, width = lines.literal_value, words.literal_value

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        start = builder.bitcast(address(context, builder, frames, args[2], _I64(0)), ir.IntType(8).as_pointer())
        given = []
        for line in range(height):
            byte = builder.add(args[3], builder.mul(args[4], _I64(line)))
            first = builder.bitcast(builder.gep(start, [byte]), _I32.as_pointer())
            for index in range(width):
                given.append(splat(builder, builder.load(builder.gep(first, [_I64(index)]), align=1), 16))
        last = splat(builder, args[5], 16)
        column = address(context, builder, weights, *args[:2])
        return _tree(context, builder, column, given, {width * line + width - 1: last for line in range(height)})

    whole = types.int64
    return Lanes(32)(weights, whole, frames, whole, whole, types.uint32, lines, words), generate


def _tree(
    context: Any, builder: ir.IRBuilder, column: ir.Value, words: list[ir.Value], masks: dict[int, ir.Value]
) -> ir.Value:
    """The number of ones of words xor weights, those of some words masked."""
    features = context.codegen().magic_tuple()[2].split(",")
    if "+avx512vpopcntdq" in features and len(words) <= FEW_WORDS:
        total = ir.Constant(_WORDS, None)
        for index, word in enumerate(words):
            plane = builder.xor(load_vector(builder, builder.gep(column, [_I64(16 * index)]), _WORDS), word)
            plane = builder.and_(plane, masks[index]) if index in masks else plane
            total = builder.add(total, popcounts(builder, plane))
        return total
    planes: list[list[ir.Value]] = [[]]  # planes[k] are words whose bits count 2**k each
    for index, word in enumerate(words):
        weight = load_vector(builder, builder.gep(column, [_I64(16 * index)]), _WORDS)
        plane = builder.xor(weight, word)
        plane = builder.and_(plane, masks[index]) if index in masks else plane
        _add_plane(builder, planes, plane, "+avx512f" in features)
    return _total(builder, planes, "+avx512bw" in features)


def _add_plane(builder: ir.IRBuilder, planes: list[list[ir.Value]], plane: ir.Value, has_ternary_logic: bool) -> None:
    """Add a plane that counts 1; wherever three planes of one weight meet, a full adder makes them two."""
    for weight in planes:
        weight.append(plane)
        if len(weight) < 3:
            return
        a, b, c = weight
        weight[:] = [builder.xor(builder.xor(a, b), c)]
        plane = _majority(builder, a, b, c, has_ternary_logic)
    planes.append([plane])


def _majority(builder: ir.IRBuilder, a: ir.Value, b: ir.Value, c: ir.Value, has_ternary_logic: bool) -> ir.Value:
    if not has_ternary_logic:
        return builder.or_(builder.and_(a, b), builder.and_(c, builder.xor(a, b)))
    # LLVM makes two or three instructions of the formula; this is one, with the truth table of a majority.
    return call(builder, "llvm.x86.avx512.pternlog.d.512", _WORDS, [a, b, c, _I32(0b11101000)])


def _total(builder: ir.IRBuilder, planes: list[list[ir.Value]], has_byte_sums: bool) -> ir.Value:
    """Sum of 2**k popcount(plane) in each word: first in each byte, for as many weights as fit."""
    # Four weights of at most two planes make at most 2 * 8 * (1 + 2 + 4 + 8) = 240 a byte.
    total = ir.Constant(_WORDS, None)
    for first in range((len(planes) - 1) // 4 * 4, -1, -4):
        in_bytes = ir.Constant(_BYTES, None)
        for weight in reversed(planes[first : first + 4]):
            in_bytes = builder.add(in_bytes, in_bytes)
            for plane in weight:
                in_bytes = builder.add(in_bytes, popcounts(builder, builder.bitcast(plane, _BYTES)))
        total = builder.shl(total, ir.Constant(_WORDS, [4] * 16))
        total = builder.add(total, _sum_of_bytes(builder, in_bytes, has_byte_sums))
    return total


def _sum_of_bytes(builder: ir.IRBuilder, in_bytes: ir.Value, has_byte_sums: bool) -> ir.Value:
    """Sum of the four bytes of each word."""
    if has_byte_sums:
        ones = ir.Constant(_BYTES, [1] * 64)
        in_pairs = call(builder, "llvm.x86.avx512.pmaddubs.w.512", _PAIRS, [in_bytes, ones])
        return call(builder, "llvm.x86.avx512.pmaddw.d.512", _WORDS, [in_pairs, ir.Constant(_PAIRS, [1] * 32)])
    words = builder.bitcast(in_bytes, _WORDS)
    for shift, mask in ((8, 0x00FF00FF), (16, 0xFFFF)):
        low = ir.Constant(_WORDS, [mask] * 16)
        above = builder.lshr(words, ir.Constant(_WORDS, [shift] * 16))
        words = builder.add(builder.and_(words, low), builder.and_(above, low))
    return words
