"""The heart of the binary layers: how many bits of a row of words differ from eight weight rows at once.

Rather than count the bits of each word, a tree of full adders first adds the words bit by bit: three words that count
1 become one that counts 1 and one that counts 2 (Harley and Seal; W. Mula, N. Kurz, D. Lemire, "Faster population
counts using AVX2 instructions", 2018, section 4). Of 16 words only 5 are left to be counted.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from hw.simulator.kernels.lanes import Lanes, address, load_vector, operation_of_constants, splat, vector_type

MAX_CHUNK_WORDS = 64  # longer trees gain little more, and the code is as long as the tree

_WORDS = vector_type(64)
_BYTES = vector_type(8)


@operation_of_constants
def differing_bits(_typing: Any, weights: Any, _first_weight: Any, row: Any, _first_word: Any, words: Any) -> Any:
    """In lane j, how many bits of ``words`` words of the row differ from column j of ``words`` x 8 weights.

    Args:
        weights: uint64 array; word i of lane j is at ``first_weight + 8 * i + j``.
        row: uint64 array; word i is at ``first_word + i``.
        words: a constant, at most ``MAX_CHUNK_WORDS``; the code is made for it.
    """
    if not isinstance(words, types.IntegerLiteral) or not 1 <= words.literal_value <= MAX_CHUNK_WORDS:
        return None

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        features = context.codegen().magic_tuple()[2].split(",")
        column = address(context, builder, weights, *args[:2])
        word = address(context, builder, row, *args[2:4])
        planes: list[list[ir.Value]] = [[]]  # planes[k] are words whose bits count 2**k each
        for index in range(words.literal_value):
            weight = load_vector(builder, builder.gep(column, [ir.IntType(64)(8 * index)]), _WORDS)
            value = builder.load(builder.gep(word, [ir.IntType(64)(index)]))
            _add_plane(builder, planes, builder.xor(weight, splat(builder, value, 8)), "+avx512f" in features)
        if "+avx512bw" in features:
            return _total_by_bytes(builder, planes)
        return _total_by_words(builder, planes)

    return Lanes(64)(weights, types.intp, row, types.intp, words), generate


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
    if has_ternary_logic:  # LLVM makes two instructions or more of the formula below
        operation = ir.FunctionType(_WORDS, [_WORDS, _WORDS, _WORDS, ir.IntType(32)])
        function = _function(builder, "llvm.x86.avx512.pternlog.q.512", operation)
        return builder.call(function, [a, b, c, ir.IntType(32)(0b11101000)])  # the truth table of a majority
    return builder.or_(builder.and_(a, b), builder.and_(c, builder.xor(a, b)))


def _total_by_words(builder: ir.IRBuilder, planes: list[list[ir.Value]]) -> ir.Value:
    """Sum of 2**k popcount(plane), each lane's in one go."""
    total = ir.Constant(_WORDS, None)
    for weight in reversed(planes):
        total = builder.add(total, total)
        for plane in weight:
            total = builder.add(total, _popcounts(builder, plane))
    return total


def _total_by_bytes(builder: ir.IRBuilder, planes: list[list[ir.Value]]) -> ir.Value:
    """The same, adding up the popcounts of bytes, and eight bytes only at the end."""
    # Four weights of at most two planes make at most 2 * 8 * (1 + 2 + 4 + 8) = 240: they fit a byte.
    total = ir.Constant(_WORDS, None)
    for first in range((len(planes) - 1) // 4 * 4, -1, -4):
        in_bytes = ir.Constant(_BYTES, None)
        for weight in reversed(planes[first : first + 4]):
            in_bytes = builder.add(in_bytes, in_bytes)
            for plane in weight:
                in_bytes = builder.add(in_bytes, _popcounts(builder, builder.bitcast(plane, _BYTES)))
        total = builder.shl(total, ir.Constant(_WORDS, [4] * 8)) if first + 4 < len(planes) else total
        total = builder.add(total, _sum_of_bytes(builder, in_bytes))
    return total


def _popcounts(builder: ir.IRBuilder, vector: ir.Value) -> ir.Value:
    """The number of ones in each element."""
    kind = vector.type
    name = f"llvm.ctpop.v{kind.count}i{kind.element.width}"
    return builder.call(_function(builder, name, ir.FunctionType(kind, [kind])), [vector])


def _sum_of_bytes(builder: ir.IRBuilder, in_bytes: ir.Value) -> ir.Value:
    """Sum of the eight bytes of each word."""
    operation = ir.FunctionType(_WORDS, [_BYTES, _BYTES])
    function = _function(builder, "llvm.x86.avx512.psad.bw.512", operation)
    return builder.call(function, [in_bytes, ir.Constant(_BYTES, None)])


def _function(builder: ir.IRBuilder, name: str, kind: ir.FunctionType) -> ir.Function:
    return builder.module.declare_intrinsic(name, fnty=kind)
