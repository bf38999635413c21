"""What every node means, in NumPy: arrays (n, H, W, C) of bits (uint8) or integers (int32) in, such an array out."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from bnn import Bits, Value
from bnn.encoding import pack_bits
from bnn.nodes import (
    Add,
    Concatenate,
    Conv,
    Dense,
    Grid,
    MaxPool,
    Node,
    PadChannels,
    Scores,
    Source,
    SumPool,
    Threshold,
)
from bnn.nodes.matrix import value_range
from bnn.window import NO_PADDING, Padding

BLOCK_BYTES = 2**20  # one xor of a block of rows with the weights; what fits the level 2 cache is fastest
SHORT = 2**15


def compute_source(source: Source, images: NDArray[np.uint8]) -> NDArray[Any]:
    """What a network begins with, of images (n, H, W, C)."""
    is_bits = isinstance(source.output(), Bits)
    return source.encode(images).astype(np.uint8 if is_bits else np.int32, copy=False)


@singledispatch
def compute(node: Node, entering: Value, *arrays: NDArray[Any]) -> NDArray[Any]:
    """The value of a node.

    Args:
        node: any but the first of a network.
        entering: what its first input is.
        arrays: its inputs.
    """
    raise NotImplementedError(f"{node.where}: the simulator does not know nodes of this kind")


@compute.register
def _(node: Dense, entering: Value, x: NDArray[Any]) -> NDArray[np.int32]:
    return _products(x[:, None, None], node.weights, node.mw, entering)


@compute.register
def _(node: Conv, entering: Value, x: NDArray[Any]) -> NDArray[np.int32]:
    windows = _windows(x, node.kernel, node.stride, node.padding, node.pad_values)
    seen = node.entering(entering)
    inputs = np.array_split(windows, node.groups, axis=5)
    weights = np.array_split(node.weights, node.groups)
    parts = [_products(part, rows, node.mw, seen) for part, rows in zip(inputs, weights, strict=True)]
    return np.concatenate(parts, axis=3) if node.groups > 1 else parts[0]


@compute.register
def _(node: Threshold, _entering: Value, x: NDArray[np.int32]) -> NDArray[np.uint8]:
    return (x >= node.thresholds).astype(np.uint8)


@compute.register
def _(node: Grid, _entering: Value, x: NDArray[np.int32]) -> NDArray[np.int32]:
    scaled = x * node.multipliers  # int64
    scaled += node.offsets
    scaled >>= node.shift  # rounds down, negative numbers too
    np.clip(scaled, node.lowest, node.highest, out=scaled)
    return scaled.astype(np.int32)


@compute.register
def _(_node: Add, _entering: Value, *arrays: NDArray[np.int32]) -> NDArray[np.int32]:
    total = arrays[0].copy()
    for array in arrays[1:]:
        total += array
    return total


@compute.register
def _(node: MaxPool, _entering: Value, x: NDArray[Any]) -> NDArray[Any]:
    lowest = np.array([np.iinfo(x.dtype).min], x.dtype)
    maxima: NDArray[Any] = _windows(x, node.kernel, node.stride, node.padding, lowest).max(axis=(3, 4))
    return maxima


@compute.register
def _(node: SumPool, _entering: Value, x: NDArray[np.int32]) -> NDArray[np.int32]:
    windows = _windows(x, node.kernel, node.stride, NO_PADDING, np.zeros(1, x.dtype))
    sums: NDArray[np.int32] = windows.sum(axis=(3, 4), dtype=np.int32)
    return sums


@compute.register
def _(_node: Concatenate, _entering: Value, *arrays: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate(arrays, axis=3)


@compute.register
def _(node: PadChannels, _entering: Value, x: NDArray[Any]) -> NDArray[Any]:
    added = ((0, 0), (0, 0), (0, 0), (node.before, node.after))
    return np.pad(x, added, constant_values=node.value)


@compute.register
def _(node: Scores, entering: Value, x: NDArray[np.int32]) -> NDArray[np.int32]:
    if node.table is not None:
        bounds = value_range(entering)
        assert bounds is not None
        chosen: NDArray[np.int32] = node.table[np.arange(len(node.table)), x - bounds[0]]
        return chosen
    assert node.multipliers is not None
    assert node.offsets is not None
    return x * node.multipliers + node.offsets


def _windows(
    values: NDArray[Any],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: Padding,
    pad_values: NDArray[Any],
) -> NDArray[Any]:
    """A view (n, H_out, W_out, kh, kw, C) of the padded input (n, H, W, C)."""
    top, left, bottom, right = padding
    count, height, width, channels = values.shape
    padded = values
    if padding != NO_PADDING:
        padded = np.empty((count, height + top + bottom, width + left + right, channels), values.dtype)
        padded[...] = pad_values
        padded[:, top : top + height, left : left + width] = values
    windows = sliding_window_view(padded, kernel, axis=(1, 2))
    return np.moveaxis(windows[:, :: stride[0], :: stride[1]], 3, 5)


def _products(windows: NDArray[Any], weights: NDArray[np.uint64], mw: int, value: Value) -> NDArray[np.int32]:
    """(n, H_out, W_out, mh) accumulators of windows (n, H_out, W_out, ...) of ``value`` with (mh, mw) weights."""
    rows = windows.reshape(-1, mw)  # (n * H_out * W_out, mw)
    bounds = value_range(value)
    if bounds is None:
        accumulators = _matching_bits(pack_bits(rows), weights, mw)
    else:
        accumulators = _integer_sums(rows, weights, mw, bounds)
    return accumulators.reshape(*windows.shape[:3], len(weights))


def _matching_bits(rows: NDArray[np.uint64], weights: NDArray[np.uint64], mw: int) -> NDArray[np.int32]:
    """P = popcount(xnor(x, w)) of packed rows (n, words) with every weight row: (n, mh)."""
    # Bits above mw are 0 in both, so they never differ: P = mw - popcount(x ^ w).
    return mw - _popcounts(np.bitwise_xor, rows, weights)


def _integer_sums(
    rows: NDArray[np.int32], weights: NDArray[np.uint64], mw: int, bounds: tuple[int, int]
) -> NDArray[np.int32]:
    """Sums of +-x of integer rows (n, mw) with every weight row: (n, mh)."""
    # x = lowest + sum over b of 2^b x_b with bits x_b. A weight of +1 adds a bit, one of -1 subtracts it, so
    # sum of +-x_b = popcount(x_b & w) - popcount(x_b & ~w) = 2 popcount(x_b & w) - popcount(x_b).
    lowest, highest = bounds
    # All of it modulo 2^32: the sums themselves fit.
    plus = np.bitwise_count(weights).sum(axis=1, dtype=np.int64)
    sums = np.repeat((lowest * (2 * plus - mw)).astype(np.int32)[None], len(rows), axis=0)
    is_short = highest - lowest < SHORT and max(-lowest, highest) < SHORT
    offset: NDArray[Any] = rows.astype(np.int16 if is_short else np.int64)
    offset -= lowest
    for bit in range((highest - lowest).bit_length()):
        plane = pack_bits((offset >> bit) & 1)
        popcounts = _popcounts(np.bitwise_and, plane, weights)
        popcounts *= 2
        popcounts -= np.bitwise_count(plane).sum(axis=1, dtype=np.int32, keepdims=True)
        popcounts <<= bit
        sums += popcounts
    return sums


def _popcounts(operation: np.ufunc, rows: NDArray[np.uint64], weights: NDArray[np.uint64]) -> NDArray[np.int32]:
    """popcount(operation(x, w)) of every row (n, words) with every weight row (mh, words): (n, mh)."""
    counts = np.zeros((len(rows), len(weights)), np.int32)
    block = max(1, BLOCK_BYTES // weights[:, 0].nbytes)
    columns = np.ascontiguousarray(weights.T)  # (words, mh)
    for start in range(0, len(rows), block):
        part = counts[start : start + block]
        for word, column in enumerate(columns):
            part += np.bitwise_count(operation(rows[start : start + block, word, None], column))
    return counts
