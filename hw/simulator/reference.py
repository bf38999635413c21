"""The integer network computed with NumPy, on packed bits: short, and the answer that every other backend must give.

Only integers and bits are used. Temporary arrays stay below ``MEMORY_LIMIT_BYTES`` for batches of
``Reference.frames_per_batch`` frames.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from bnn import ConvLayer, InputEncoding, Layer, MatrixLayer, MaxPoolLayer, Network
from bnn.encoding import pack_bits
from bnn.network import Padding

MEMORY_LIMIT_BYTES = 64 * 2**20
BLOCK_BYTES = 2**20  # one xor of a block of rows with the weights; what fits the level 2 cache is fastest


@dataclass(frozen=True, eq=False)
class Reference:
    """A network that NumPy computes."""

    network: Network

    @cached_property
    def frames_per_batch(self) -> int:
        """Frames whose temporary arrays together stay below ``MEMORY_LIMIT_BYTES``, at least 1."""
        frame_bytes = 1
        for layer, input_shape, value_range in self.network.walk():
            rows = int(np.prod(layer.output_shape(input_shape)[:2]))
            layer_bytes = int(np.prod(input_shape)) * 4  # uint8 or int16, and its padded copy
            if isinstance(layer, MatrixLayer):
                # The windows, one bit plane of them and its packed bits; the accumulators, counts and output bits.
                layer_bytes += rows * layer.mw * (2 if value_range is None else 9)
                layer_bytes += rows * layer.mh * (9 if value_range is None else 10)
            frame_bytes = max(frame_bytes, layer_bytes)
        return max(1, (MEMORY_LIMIT_BYTES - 2 * BLOCK_BYTES) // frame_bytes)

    def scores(self, images: NDArray[np.uint8]) -> NDArray[np.int32]:
        """Scores (n, classes) of images (n, H, W, C); n at most ``frames_per_batch`` where memory matters."""
        *_, (_, _, last) = layer_outputs(self.network, encode(self.network.input, images))
        return last

    def trace(self, images: NDArray[np.uint8], accumulators: bool) -> dict[str, NDArray[Any]]:
        """Every layer's output, or accumulators, as ``hw.simulator.trace`` gives them."""
        values = encode(self.network.input, images)
        traced = {"input": values} if self.network.input.binary else {}
        for layer, sums, output in layer_outputs(self.network, values):
            traced[layer.name] = sums.reshape(output.shape) if accumulators and sums is not None else output
        return traced


def encode(encoding: InputEncoding, images: NDArray[np.uint8]) -> NDArray[Any]:
    """What the first layer reads, (n, H, W, C): uint8 bits or int16 integers."""
    return encoding.encode(images).astype(np.uint8 if encoding.binary else np.int16, copy=False)


def layer_outputs(
    network: Network, values: NDArray[Any]
) -> Iterator[tuple[Layer, NDArray[np.int32] | None, NDArray[Any]]]:
    """Every layer in turn with its accumulators and its output.

    Args:
        network: what to compute.
        values: (n, H, W, C), the encoded images.

    Yields:
        The layer; its accumulators (n, H_out, W_out, mh) int32, None for a max pool; its output: bits
        (n, H_out, W_out, C_out) uint8, or, of the last layer, scores (n, classes) int32.
    """
    for layer, _, value_range in network.walk():
        if isinstance(layer, MaxPoolLayer):
            windows = _windows(values, layer.kernel, layer.stride, layer.padding, np.zeros(1, values.dtype))
            values = windows.max(axis=(3, 4))
            yield layer, None, values
            continue
        accumulators = _accumulators(layer, values, value_range)
        if layer.thresholds is not None:
            values = (accumulators >= layer.thresholds).astype(np.uint8)
        else:
            values = scores(layer, accumulators.reshape(len(accumulators), layer.mh), value_range)
        yield layer, accumulators, values


def scores(
    layer: MatrixLayer, accumulators: NDArray[np.int32], value_range: tuple[int, int] | None
) -> NDArray[np.int32]:
    """The last layer's scores (n, classes) from its accumulators (n, classes)."""
    if layer.score_table is not None:
        lowest, _ = layer.accumulator_range(value_range)
        chosen: NDArray[np.int32] = layer.score_table[np.arange(layer.mh), accumulators - lowest]
        return chosen
    if value_range is None:
        return (2 * accumulators - layer.mw).astype(np.int32)
    return accumulators


def _accumulators(layer: MatrixLayer, values: NDArray[Any], value_range: tuple[int, int] | None) -> NDArray[np.int32]:
    """(n, H_out, W_out, mh) accumulators of the input (n, H, W, C)."""
    if isinstance(layer, ConvLayer):
        windows = _windows(values, layer.kernel, layer.stride, layer.padding, layer.pad_values)
    else:
        windows = values[:, None, None]
    rows = windows.reshape(-1, layer.mw)  # (n * H_out * W_out, mw)
    if value_range is None:
        accumulators = _matching_bits(pack_bits(rows), layer)
    else:
        accumulators = _integer_sums(rows.astype(np.int16, copy=False), layer, value_range)
    return accumulators.reshape(*windows.shape[:3], layer.mh)


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
    padded = np.empty((count, height + top + bottom, width + left + right, channels), values.dtype)
    padded[...] = pad_values
    padded[:, top : top + height, left : left + width] = values
    windows = sliding_window_view(padded, kernel, axis=(1, 2))
    return np.moveaxis(windows[:, :: stride[0], :: stride[1]], 3, 5)


def _matching_bits(rows: NDArray[np.uint64], layer: MatrixLayer) -> NDArray[np.int32]:
    """P = popcount(xnor(x, w)) of packed rows (n, words) with every weight row: (n, mh)."""
    # Bits above mw are 0 in both, so they never differ: P = mw - popcount(x ^ w).
    return layer.mw - _popcounts(np.bitwise_xor, rows, layer.weights)


def _integer_sums(rows: NDArray[np.int16], layer: MatrixLayer, value_range: tuple[int, int]) -> NDArray[np.int32]:
    """Sums of +-x of integer rows (n, mw) with every weight row: (n, mh)."""
    # x = lowest + sum over b of 2^b x_b with bits x_b. A weight of +1 adds a bit, one of -1 subtracts it, so
    # sum of +-x_b = popcount(x_b & w) - popcount(x_b & ~w) = 2 popcount(x_b & w) - popcount(x_b).
    lowest, highest = value_range
    plus = np.bitwise_count(layer.weights).sum(axis=1, dtype=np.int32)
    sums = np.repeat((lowest * (2 * plus - layer.mw))[None], len(rows), axis=0)
    offset = rows - np.int16(lowest)
    for bit in range((highest - lowest).bit_length()):
        plane = pack_bits((offset >> bit) & 1)
        popcounts = _popcounts(np.bitwise_and, plane, layer.weights)
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
