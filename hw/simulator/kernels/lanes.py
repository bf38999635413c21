"""Vectors of 512 bits in Numba: the few operations that the kernels need, as generic LLVM instructions.

LLVM splits them for machines with narrower vectors. Two instructions that it does not find by itself are named where
the machine has them (AVX-512): the majority of three bits, and the sum of eight bytes.

A ``Lanes`` value has as many elements as fit: 8 of 64 bits, 16 of 32 bits, 32 of 16 bits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, models, register_model

LANES_BITS = 512
_I32 = ir.IntType(32)


# What a kernel sees of an intrinsic is a function of values; how it is made takes types.
Operation = Callable[[Callable[..., Any]], Callable[..., Any]]
operation = cast(Operation, intrinsic)
operation_of_constants = cast(Operation, intrinsic(prefer_literal=True))


class Lanes(types.Type):
    """A vector of signed integers, held in registers."""

    def __init__(self, bits: int) -> None:
        self.bits = bits
        super().__init__(name=f"Lanes({bits})")


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, lanes: Lanes) -> None:
        super().__init__(manager, lanes, vector_type(lanes.bits))  # type: ignore[no-untyped-call]


def vector_type(bits: int) -> ir.VectorType:
    """LLVM's type of 512 bits of integers of so many bits."""
    return ir.VectorType(ir.IntType(bits), LANES_BITS // bits)


def splat(builder: ir.IRBuilder, scalar: ir.Value, count: int) -> ir.Value:
    """A vector with the same value in every lane."""
    vector = ir.VectorType(scalar.type, count)
    first = builder.insert_element(ir.Constant(vector, ir.Undefined), scalar, _I32(0))
    zeros = ir.Constant(ir.VectorType(_I32, count), None)
    return builder.shuffle_vector(first, ir.Constant(vector, ir.Undefined), zeros)


def address(context: Any, builder: ir.IRBuilder, array_type: Any, array: ir.Value, index: ir.Value) -> ir.Value:
    """Where element ``index`` of a Numba array lies."""
    data = context.make_array(array_type)(context, builder, array).data
    return builder.gep(data, [index])


def load_vector(builder: ir.IRBuilder, pointer: ir.Value, vector: ir.VectorType) -> ir.Value:
    """A whole vector from memory."""
    # Elements are aligned to themselves; that whole vectors are too makes loads faster, but must not be promised.
    return builder.load(builder.bitcast(pointer, vector.as_pointer()), align=vector.element.width // 8)


@operation
def load(_typing: Any, array: Any, _index: Any) -> Any:
    """512 bits of a one-dimensional array from an index on."""
    lanes = Lanes(array.dtype.bitwidth)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return load_vector(builder, address(context, builder, array, *args), vector_type(lanes.bits))

    return lanes(array, types.intp), generate


@operation
def store(_typing: Any, array: Any, _index: Any, lanes: Any) -> Any:
    """Write 512 bits to a one-dimensional array from an index on."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = address(context, builder, array, *args[:2])
        builder.store(args[2], builder.bitcast(pointer, args[2].type.as_pointer()), align=lanes.bits // 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, lanes), generate


@operation
def add(_typing: Any, a: Any, b: Any) -> Any:
    """Lane by lane a + b."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.add(*args)

    return a(a, b), generate


@operation
def subtract(_typing: Any, a: Any, b: Any) -> Any:
    """Lane by lane a - b."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.sub(*args)

    return a(a, b), generate


@operation
def fill(_typing: Any, array: Any, _value: Any) -> Any:
    """The value in every lane, as many as ``load`` would take from the array."""
    lanes = Lanes(array.dtype.bitwidth)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return splat(builder, args[1], LANES_BITS // lanes.bits)

    return lanes(array, array.dtype), generate


@operation
def popcount_of_xor(_typing: Any, a: Any, b: Any) -> Any:
    """Lane by lane popcount(a ^ b), however LLVM does that best on this machine."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return popcounts(builder, builder.xor(*args))

    return a(a, b), generate


@operation
def shift_in_sign(_typing: Any, words: Any, values: Any) -> Any:
    """Lane by lane ``words >> 1`` with the value's sign as the highest bit."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        word, value = args
        count, bits = LANES_BITS // values.bits, values.bits
        sign = ir.Constant(word.type, [-(1 << bits - 1)] * count)
        return builder.or_(builder.lshr(word, ir.Constant(word.type, [1] * count)), builder.and_(value, sign))

    return words(words, values), generate


@operation
def item(_typing: Any, array: Any, _index: Any) -> Any:
    """One element; unlike ``array[index]`` without thought for an index below 0."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load(address(context, builder, array, *args))

    return array.dtype(array, types.intp), generate


@operation
def put_item(_typing: Any, array: Any, _index: Any, _value: Any) -> Any:
    """Write one element, as ``item`` reads it."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store(args[2], address(context, builder, array, *args[:2]))
        return context.get_dummy_value()

    return types.void(array, types.intp, array.dtype), generate


@operation
def word_at_byte(_typing: Any, words: Any, _byte: Any) -> Any:
    """The 64 bits that start at a byte."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load(_byte_pointer(context, builder, signature.args[0], args), align=1)

    return types.uint64(words, types.intp), generate


@operation
def put_word_at_byte(_typing: Any, words: Any, _byte: Any, _word: Any) -> Any:
    """Write 64 bits from a byte on."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store(args[2], _byte_pointer(context, builder, signature.args[0], args), align=1)
        return context.get_dummy_value()

    return types.void(words, types.intp, types.uint64), generate


def _byte_pointer(context: Any, builder: ir.IRBuilder, words: Any, args: Any) -> ir.Value:
    """Where the word at byte ``args[1]`` of the words ``args[0]`` lies."""
    start = address(context, builder, words, args[0], ir.Constant(ir.IntType(64), 0))
    byte = builder.gep(builder.bitcast(start, ir.IntType(8).as_pointer()), [args[1]])
    return builder.bitcast(byte, ir.IntType(64).as_pointer())


@operation
def mask_at_most(_typing: Any, values: Any, _limits: Any) -> Any:
    """One bit a lane, lane 0 lowest: whether the value is at most the limit."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return bits_of(builder, builder.icmp_signed("<=", *args))

    return types.Integer.from_bitwidth(LANES_BITS // values.bits, signed=False)(values, values), generate


@operation
def bytes_at_least(_typing: Any, array: Any, _index: Any, _value: Any) -> Any:
    """One bit for each of 64 bytes from an index on, the first lowest: whether the byte is at least the value."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        found = load_vector(builder, address(context, builder, array, *args[:2]), vector_type(8))
        return bits_of(builder, builder.icmp_unsigned(">=", found, splat(builder, args[2], 64)))

    return types.uint64(array, types.intp, types.uint8), generate


@operation
def mask_at_least(_typing: Any, values: Any, _limits: Any) -> Any:
    """One bit a lane, lane 0 lowest: whether the value is at least the limit."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return bits_of(builder, builder.icmp_signed(">=", *args))

    return types.Integer.from_bitwidth(LANES_BITS // values.bits, signed=False)(values, values), generate


@operation
def largest(_typing: Any, a: Any, b: Any) -> Any:
    """Lane by lane the larger of a and b."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.select(builder.icmp_signed(">", *args), *args)

    return a(a, b), generate


@operation
def ones_in(_typing: Any, word: Any) -> Any:
    """The number of ones in a word."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return call(builder, "llvm.ctpop.i64", ir.IntType(64), args)

    return types.int64(word), generate


def bits_of(builder: ir.IRBuilder, flags: ir.Value) -> ir.Value:
    """A vector of flags as one integer, the first flag lowest."""
    return builder.bitcast(flags, ir.IntType(flags.type.count))


def popcounts(builder: ir.IRBuilder, vector: ir.Value) -> ir.Value:
    """The number of ones in each element."""
    kind = vector.type
    return call(builder, f"llvm.ctpop.v{kind.count}i{kind.element.width}", kind, [vector])


def call(builder: ir.IRBuilder, name: str, result: ir.Type, args: list[ir.Value]) -> ir.Value:
    """A call of one of LLVM's intrinsics."""
    kind = ir.FunctionType(result, [arg.type for arg in args])
    return builder.call(builder.module.declare_intrinsic(name, fnty=kind), args)
