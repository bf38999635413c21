"""The integer network in plain NumPy, small enough to go to the board: what FINN's graphs and boards are held to.

It shares no code with the simulator, so that the two can be held to each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn.chain import Chain
from bnn.layers import ConvLayer, MatrixLayer, MaxPoolLayer
from bnn.window import Padding

FRAMES_AT_ONCE = 16


def scores(network: Chain, images: NDArray[np.uint8]) -> NDArray[np.int32]:
    """(n, classes) integer scores of (n, H, W, C) images."""
    last = network.layers[-1].name
    parts = [trace(network, images[start : start + FRAMES_AT_ONCE]) for start in range(0, len(images), FRAMES_AT_ONCE)]
    return np.concatenate([scores_of(network, part[last]) for part in parts])


def trace(network: Chain, images: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
    """What every layer gives for (n, H, W, C) images.

    Returns:
        Layer name to (n, H, W, C) bits, ``input`` first where it is binary; of the last layer its accumulators
        (n, classes), not its scores.
    """
    return {
        name: accumulators.reshape(len(images), -1).astype(np.int32) if bits is None else bits.astype(np.uint8)
        for name, accumulators, bits in _layers(network, images)
    }


def accumulator_ends(network: Chain, images: NDArray[np.uint8]) -> dict[str, NDArray[np.int64]]:
    """Matrix layer's name to (n, 2): the lowest and the highest accumulator of every image, over all outputs."""
    ends: dict[str, list[NDArray[np.int64]]] = {}
    for start in range(0, len(images), FRAMES_AT_ONCE):
        for name, accumulators, _ in _layers(network, images[start : start + FRAMES_AT_ONCE]):
            if accumulators is not None:
                rows = accumulators.reshape(len(accumulators), -1)
                ends.setdefault(name, []).append(np.stack([rows.min(1), rows.max(1)], axis=1).astype(np.int64))
    return {name: np.concatenate(parts) for name, parts in ends.items()}


def _layers(network: Chain, images: NDArray[np.uint8]) -> Iterator[tuple[str, Any, Any]]:
    """Name, accumulators and output bits of every layer, each (n, H, W, C) or None where it has none."""
    values = network.input.encode(images).astype(np.float64)
    if network.input.binary:
        yield "input", None, values
    for layer, _, value_range in network.walk():
        if isinstance(layer, MaxPoolLayer):
            values = _windows(values, layer.kernel, layer.stride, layer.padding, 0).max(axis=(3, 4))
            yield layer.name, None, values
            continue
        assert isinstance(layer, MatrixLayer)
        if isinstance(layer, ConvLayer):
            windows = _windows(values, layer.kernel, layer.stride, layer.padding, layer.pad_values)
        else:
            windows = values[:, None, None]
        rows = windows.reshape(*windows.shape[:3], layer.mw)
        # float64 holds these sums exactly: an accumulator fits 32 bits.
        if value_range is None:
            sums = (rows * 2 - 1) @ (layer.weight_bits.T * 2.0 - 1)  # P matching and mw - P other bits: 2 P - mw
            accumulators = (sums + layer.mw) / 2
        else:
            accumulators = rows @ (layer.weight_bits.T * 2.0 - 1)
        if layer.thresholds is None:
            yield layer.name, accumulators, None
        else:
            values = (accumulators >= layer.thresholds).astype(np.float64)
            yield layer.name, accumulators, values


def scores_of(network: Chain, accumulators: NDArray[np.generic]) -> NDArray[np.int32]:
    """(n, classes) scores from the last layer's accumulators (n, classes)."""
    *_, (last, _, value_range) = network.walk()
    assert isinstance(last, MatrixLayer)
    values = np.asarray(accumulators, np.int64)
    if last.score_table is not None:
        lowest, _ = last.accumulator_range(value_range)
        chosen: NDArray[np.int32] = last.score_table[np.arange(last.mh), values - lowest]
        return chosen
    return (2 * values - last.mw if value_range is None else values).astype(np.int32)


def _windows(
    values: NDArray[Any], kernel: tuple[int, int], stride: tuple[int, int], padding: Padding, pad_values: Any
) -> NDArray[Any]:
    """(n, H_out, W_out, kh, kw, C) windows of the padded (n, H, W, C)."""
    top, left, bottom, right = padding
    count, height, width, channels = values.shape
    padded = np.empty((count, height + top + bottom, width + left + right, channels), values.dtype)
    padded[:] = pad_values
    padded[:, top : top + height, left : left + width] = values
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel, axis=(1, 2))
    return np.moveaxis(windows[:, :: stride[0], :: stride[1]], 3, 5)
