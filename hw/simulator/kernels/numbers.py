"""Integers of 16 or 32 bits in an array of 64-bit words: read, written and computed with 16 at a time.

A value of integers holds, position by position, its channels and then as many numbers that mean nothing as make them
whole vectors of 16 (``padded_channels``). So a vector never straddles two positions, and storing one harms nobody.
Whether numbers are short is told when a kernel runs, not when it is compiled: one kernel for all.

Arrays are named by the place at which they begin in memory (``place_of``), because Numba counts the references to an
array that is handed on; whoever calls a kernel keeps its arrays.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from hw.simulator.kernels.bits import Words
from hw.simulator.kernels.compiler import compiled, inlined
from hw.simulator.kernels.lanes import Lanes, address, load_vector, operation, splat

TILE = 16  # numbers of a vector

_MASK = ir.VectorType(ir.IntType(32), TILE)
_VECTORS = {bits: ir.VectorType(ir.IntType(bits), TILE) for bits in (16, 32, 64)}


def padded_channels(channels: int) -> int:
    """Numbers that a position of so many channels takes."""
    return -(-channels // TILE) * TILE


def is_short(lowest: int, highest: int) -> bool:
    """Whether integers of these bounds are held in 16 bits."""
    return lowest >= -(2**15) and highest < 2**15


@operation
def place_of(_typing: Any, array: Any) -> Any:
    """The address of an array's first element."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(array)(context, builder, args[0]).data
        return builder.ptrtoint(data, ir.IntType(64))

    return types.int64(array), generate


def _pointer(builder: ir.IRBuilder, place: ir.Value, index: ir.Value, kind: ir.Type) -> ir.Value:
    """Where element ``index`` of elements of type ``kind`` lies that begin at a place."""
    return builder.gep(builder.inttoptr(place, kind.as_pointer()), [index])


def _loaded(builder: ir.IRBuilder, place: ir.Value, index: ir.Value, bits: int) -> ir.Value:
    """16 numbers of so many bits, as they are."""
    return load_vector(builder, _pointer(builder, place, index, ir.IntType(bits)), _VECTORS[bits])


def _loader(bits: int) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vector = _loaded(builder, args[0], args[1], bits)
        return builder.sext(vector, _VECTORS[32]) if bits < 32 else vector

    return generate


def _storer(bits: int) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place, index, numbers = args
        vector = builder.trunc(numbers, _VECTORS[bits]) if bits < 32 else numbers
        pointer = _pointer(builder, place, index, ir.IntType(bits))
        builder.store(vector, builder.bitcast(pointer, vector.type.as_pointer()), align=bits // 8)
        return context.get_dummy_value()

    return generate


@operation
def load_short(_typing: Any, _place: Any, _index: Any) -> Any:
    """16 numbers of 16 bits, from number ``index`` on."""
    return Lanes(32)(types.int64, types.int64), _loader(16)


@operation
def load_long(_typing: Any, _place: Any, _index: Any) -> Any:
    """16 numbers of 32 bits, from number ``index`` on."""
    return Lanes(32)(types.int64, types.int64), _loader(32)


@operation
def store_short(_typing: Any, _place: Any, _index: Any, numbers: Any) -> Any:
    """Write 16 numbers as 16 bits each, from number ``index`` on."""
    return types.void(types.int64, types.int64, numbers), _storer(16)


@operation
def store_long(_typing: Any, _place: Any, _index: Any, numbers: Any) -> Any:
    """Write 16 numbers as 32 bits each, from number ``index`` on."""
    return types.void(types.int64, types.int64, numbers), _storer(32)


def _getter(kind: ir.Type) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load(_pointer(builder, args[0], args[1], kind))

    return generate


def _putter(kind: ir.Type) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store(args[2], _pointer(builder, args[0], args[1], kind))
        return context.get_dummy_value()

    return generate


@operation
def short_at(_typing: Any, _place: Any, _index: Any) -> Any:
    """One number of 16 bits."""
    return types.int16(types.int64, types.int64), _getter(ir.IntType(16))


@operation
def long_at(_typing: Any, _place: Any, _index: Any) -> Any:
    """One number of 32 bits."""
    return types.int32(types.int64, types.int64), _getter(ir.IntType(32))


@operation
def word_at(_typing: Any, _place: Any, _index: Any) -> Any:
    """One word of 64 bits."""
    return types.uint64(types.int64, types.int64), _getter(ir.IntType(64))


@operation
def put_short(_typing: Any, _place: Any, _index: Any, _number: Any) -> Any:
    """Write one number of 16 bits."""
    return types.void(types.int64, types.int64, types.int16), _putter(ir.IntType(16))


@operation
def put_long(_typing: Any, _place: Any, _index: Any, _number: Any) -> Any:
    """Write one number of 32 bits."""
    return types.void(types.int64, types.int64, types.int32), _putter(ir.IntType(32))


@operation
def put_word(_typing: Any, _place: Any, _index: Any, _word: Any) -> Any:
    """Write one word of 64 bits."""
    return types.void(types.int64, types.int64, types.uint64), _putter(ir.IntType(64))


def _scaler(width: int) -> Any:
    vector = _VECTORS[width]

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        x, place, multiplier, offset, shift, lowest, highest = args

        def everywhere(number: Any) -> Any:
            return splat(builder, builder.trunc(number, vector.element) if width < 64 else number, TILE)

        x = builder.sext(x, vector) if width > 32 else x
        x = builder.mul(x, _loaded(builder, place, multiplier, width))
        x = builder.add(x, _loaded(builder, place, offset, width))
        x = builder.ashr(x, everywhere(shift))
        for bound, beyond in ((everywhere(lowest), "<"), (everywhere(highest), ">")):
            x = builder.select(builder.icmp_signed(beyond, x, bound), bound, x)
        return builder.trunc(x, _VECTORS[32]) if width > 32 else x

    return generate


@operation
def transpose(_typing: Any, array: Any, _first: Any, _stride: Any, _place: Any) -> Any:
    """Turn 16 rows of 16 numbers into 16 rows of int32, one for each column.

    Args:
        array: int16 or int32, with the rows.
        first: where its first row begins.
        stride: from one row to the next.
        place: where the 256 numbers go.
    """
    bits = array.dtype.bitwidth

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        source, first, stride, place = args
        rows = []
        for row in range(TILE):
            index = builder.add(first, builder.mul(stride, ir.Constant(stride.type, row)))
            vector = load_vector(builder, address(context, builder, array, source, index), _VECTORS[bits])
            rows.append(builder.sext(vector, _VECTORS[32]) if bits < 32 else vector)
        # Squares of half the size are swapped across the diagonal, then squares within these.
        for half in (8, 4, 2, 1):
            upper = [lane if lane & half == 0 else TILE + lane - half for lane in range(TILE)]
            lower = [lane + half if lane & half == 0 else TILE + lane for lane in range(TILE)]
            for row in range(TILE):
                if row & half == 0:
                    pair = rows[row], rows[row + half]
                    rows[row] = builder.shuffle_vector(*pair, ir.Constant(_MASK, upper))
                    rows[row + half] = builder.shuffle_vector(*pair, ir.Constant(_MASK, lower))
        for row, vector in enumerate(rows):
            pointer = _pointer(builder, place, ir.Constant(ir.IntType(64), row * TILE), ir.IntType(32))
            builder.store(vector, builder.bitcast(pointer, vector.type.as_pointer()), align=4)
        return context.get_dummy_value()

    return types.void(array, types.int64, types.int64, types.int64), generate


@operation
def rest_of(_typing: Any, numbers: Any, _whole: Any) -> Any:
    """Lane by lane ``whole - x``."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        whole = splat(builder, builder.trunc(args[1], ir.IntType(32)), TILE)
        return builder.sub(whole, args[0])

    return numbers(numbers, types.int64), generate


@operation
def affine(_typing: Any, numbers: Any, _place: Any, _multiplier: Any, _offset: Any) -> Any:
    """Lane by lane ``M x + B`` in 32 bits; arguments as of ``on_narrow_grid``."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        x, place, multiplier, offset = args
        product = builder.mul(x, _loaded(builder, place, multiplier, 32))
        return builder.add(product, _loaded(builder, place, offset, 32))

    return numbers(numbers, *[types.int64] * 3), generate


@operation
def on_narrow_grid(
    _typing: Any, numbers: Any, _place: Any, _multiplier: Any, _offset: Any, _shift: Any, _lowest: Any, _highest: Any
) -> Any:
    """Lane by lane ``(M x + B) >> shift``, clipped to lowest..highest, in 32 bits.

    Args:
        numbers: 16 lanes, x.
        place: where an array of int32 begins.
        multiplier: M of lane j is at ``multiplier + j`` of it.
        offset: B of lane j is at ``offset + j``.
        shift, lowest, highest: whole numbers.
    """
    return numbers(numbers, *[types.int64] * 6), _scaler(32)


@operation
def on_wide_grid(
    _typing: Any, numbers: Any, _place: Any, _multiplier: Any, _offset: Any, _shift: Any, _lowest: Any, _highest: Any
) -> Any:
    """As ``on_narrow_grid``, of int64 and in 64 bits."""
    return numbers(numbers, *[types.int64] * 6), _scaler(64)


@inlined
def load_numbers(place: int, index: int | np.int64, short: bool) -> Any:
    """16 numbers, from number ``index`` on."""
    if short:
        return load_short(place, index)
    return load_long(place, index)


@inlined
def store_numbers(place: int, index: int, short: bool, numbers: Any) -> None:
    """Write 16 numbers, from number ``index`` on."""
    if short:
        store_short(place, index, numbers)
    else:
        store_long(place, index, numbers)


@inlined
def put_mask(place: int, bit: int, mask: np.uint64) -> None:
    """Set the ones of at most 16 bits, the lowest at ``bit``; what was set stays so."""
    index, shift = bit >> 6, np.uint64(bit & 63)
    put_word(place, index, word_at(place, index) | (mask << shift))
    if bit & 63 > 48:
        put_word(place, index + 1, word_at(place, index + 1) | (mask >> (np.uint64(64) - shift)))


@compiled
def number_at(place: int, index: int, short: bool) -> np.int64:
    """One number."""
    if short:
        return np.int64(short_at(place, index))
    return np.int64(long_at(place, index))


@compiled
def put_number(place: int, index: int, short: bool, number: int | np.int64) -> None:
    """Write one number."""
    if short:
        put_short(place, index, np.int16(number))
    else:
        put_long(place, index, np.int32(number))


@compiled
def encode_numbers(pixels: Any, table: Any, words: Words, first: int, channels: int, stride: int) -> None:
    """Images to short numbers by a table.

    Args:
        pixels: pixel values (uint8), position by position.
        table: (256,) int16; or (channels * 256,), the first channel's 256 first.
        words: where all values lie.
        first: at which number the result begins.
        channels: of a position.
        stride: numbers of a position.
    """
    step, place = 256 if len(table) > 256 else 0, place_of(words)
    for position in range(len(pixels) // channels):
        for channel in range(channels):
            number = table[step * channel + pixels[position * channels + channel]]
            put_short(place, first + position * stride + channel, number)
