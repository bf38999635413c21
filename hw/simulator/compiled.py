"""The network on the compiled kernels: weights prepared once, then any thread computes any batch of frames."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn import ConvLayer, DenseLayer, Encode, MaxPoolLayer, Network, Shape, as_chain
from bnn.encoding import pack_bits, unpack_bits, word_count
from hw.simulator.kernels.bits import SPARE_WORDS, Words, encode_bits, encode_channels
from hw.simulator.kernels.geometry import Geometry
from hw.simulator.kernels.integers import BLOCK_GROUPS, ENTRIES, GROUP, integer_kernel
from hw.simulator.kernels.matrix import TILE, matrix_kernel
from hw.simulator.kernels.pool import pool_bits

BATCH_BYTES = 2**19  # the bits that a layer reads and writes: half a usual level 2 cache
MIN_BATCH = 32  # one vector of frames

NO_NUMBERS = np.zeros(0, np.int32)
NO_WORDS = np.zeros(SPARE_WORDS, np.uint64)


class Step(ABC):
    """One layer, or the input's encoding, made ready.

    A frame's bits are whole words; an array of them ends in spare words (see ``hw.simulator.kernels.bits``).
    The first step reads pixels instead.

    Attributes:
        name: of the layer.
        shape: (H, W, C) of its output.
    """

    def __init__(self, name: str, shape: Shape) -> None:
        self.name = name
        self.shape = shape
        self.out_words = word_count(int(np.prod(shape)))

    @abstractmethod
    def _compute(self, frames: NDArray[Any], count: int, out: Words) -> None:
        """Fill ``out``, which is 0, with the output bits of ``count`` frames."""

    def bits(self, frames: NDArray[Any], count: int) -> Words:
        """The output bits of ``count`` frames."""
        out = np.zeros(count * self.out_words + SPARE_WORDS, np.uint64)
        self._compute(frames, count, out)
        return out

    def unpacked(self, words: Words, count: int) -> NDArray[np.uint8]:
        """Output bits one by one, (count, H, W, C)."""
        rows = words[:-SPARE_WORDS].reshape(count, self.out_words)
        return unpack_bits(rows, int(np.prod(self.shape))).reshape(count, *self.shape)


class MatrixStep(Step):
    """A step that can also give its numbers."""

    def __init__(self, layer: DenseLayer | ConvLayer, shape: Shape, value_range: tuple[int, int] | None) -> None:
        super().__init__(layer.name, layer.output_shape(shape))
        self.layer = layer
        self.value_range = value_range

    @abstractmethod
    def numbers(self, frames: NDArray[Any], count: int, *, doubled: bool) -> NDArray[np.int32]:
        """Accumulators (count, H, W, mh); 2 P - mw in place of P where ``doubled``."""

    def scores(self, frames: NDArray[Any], count: int) -> NDArray[np.int32]:
        """The last layer's scores (count, classes)."""
        table = self.layer.score_table
        numbers = self.numbers(frames, count, doubled=table is None).reshape(count, self.layer.mh)
        if table is None:
            return numbers
        lowest, _ = self.layer.accumulator_range(self.value_range)
        chosen: NDArray[np.int32] = table[np.arange(self.layer.mh), numbers - lowest]
        return chosen


class EncodeStep(Step):
    """Pixels to bits."""

    def __init__(self, encoding: Encode) -> None:
        super().__init__(encoding.name, encoding.shape)
        self._tables = encoding.table.astype(np.uint64).reshape(-1)
        self._per_channel = encoding.per_channel
        self._pixel_steps = (np.flatnonzero(np.diff(encoding.table.reshape(-1)[:256])) + 1).astype(np.uint8)

    def _compute(self, frames: NDArray[Any], count: int, out: Words) -> None:
        size = int(np.prod(self.shape))
        if self._per_channel:
            encode_channels(frames, size, self._tables, out)
        else:
            encode_bits(frames, size, self._pixel_steps, int(self._tables[0]), out)


class PoolStep(Step):
    """A max pool."""

    def __init__(self, layer: MaxPoolLayer, shape: Shape) -> None:
        super().__init__(layer.name, layer.output_shape(shape))
        self._geometry = Geometry.of(layer, shape)
        self._frame_words = word_count(int(np.prod(shape)))

    def _compute(self, frames: NDArray[Any], count: int, out: Words) -> None:
        pool_bits(frames, self._frame_words, count, self._geometry, out, self.out_words)


class BinaryStep(MatrixStep):
    """A dense layer or convolution of bits."""

    def __init__(self, layer: DenseLayer | ConvLayer, shape: Shape) -> None:
        super().__init__(layer, shape, None)
        self._geometry = Geometry.of(layer, shape)
        self._frame_words = word_count(int(np.prod(shape)))
        self._is_dense = isinstance(layer, DenseLayer)
        pads = pack_bits(layer.pad_values) if isinstance(layer, ConvLayer) else NO_WORDS
        self._pads = np.append(pads, NO_WORDS)
        self._half_words = -(-layer.mw // 32)
        tiles = -(-layer.mh // TILE)
        rows = np.zeros((tiles * TILE, self._half_words), np.uint32)
        rows[: layer.mh] = layer.weights.astype("<u8").view("<u4")[:, : self._half_words]
        self._weights = _aligned(rows.reshape(tiles, TILE, -1).transpose(0, 2, 1))
        # P >= T where at most mw - T bits differ; -1 for the outputs that only fill the last tile: never.
        self._limits = _aligned(np.full(tiles * TILE, -1, np.int32))
        if layer.thresholds is not None:
            self._limits[: layer.mh] = layer.mw - layer.thresholds

    def _compute(self, frames: NDArray[Any], count: int, out: Words) -> None:
        self._run(frames, count, out)

    def numbers(self, frames: NDArray[Any], count: int, *, doubled: bool) -> NDArray[np.int32]:
        """As ``MatrixStep`` says."""
        numbers = np.empty((count * self.shape[0] * self.shape[1], len(self._limits)), np.int32)
        self._run(frames, count, NO_WORDS, numbers.reshape(-1), doubled)
        return numbers[:, : self.layer.mh].reshape(count, *self.shape)

    def _run(
        self,
        frames: NDArray[Any],
        count: int,
        out: Words,
        numbers: NDArray[np.int32] | None = None,
        doubled: bool = False,
    ) -> None:
        kernel = matrix_kernel(self._half_words, numbers is not None)
        kernel(
            frames,
            self._frame_words,
            count,
            self._is_dense,
            self._geometry,
            self._pads,
            self._weights,
            self._limits,
            self.layer.mh,
            out,
            self.out_words,
            NO_NUMBERS if numbers is None else numbers,
            self.layer.mw,
            doubled,
        )


class IntegerStep(MatrixStep):
    """A dense layer or convolution of the pixels' integers."""

    def __init__(
        self, layer: DenseLayer | ConvLayer, shape: Shape, value_range: tuple[int, int], table: NDArray[np.int16]
    ) -> None:
        super().__init__(layer, shape, value_range)
        self._geometry = geometry = Geometry.of(layer, shape)
        low, high = layer.accumulator_range(value_range)
        thresholds = np.zeros(layer.mh, np.int32) if layer.thresholds is None else layer.thresholds
        # An accumulator of at most `farthest` from 0 has a threshold of at most one more subtracted.
        farthest = max(-int(low.min()), int(high.max()))
        dtype = np.int16 if 2 * farthest + 1 < 2**15 else np.int32
        self._values = table.astype(dtype).reshape(-1)
        lanes = 64 // self._values.itemsize
        if isinstance(layer, ConvLayer):
            self._pads = layer.pad_values.astype(dtype)
            self._taps, self._positions = _image_places(geometry, lanes)
        else:
            self._pads = np.zeros(1, dtype)
            self._taps, self._positions = np.arange(layer.mw + 1) * lanes, np.zeros(0, np.int64)
        groups = -(-layer.mw // (GROUP * BLOCK_GROUPS)) * BLOCK_GROUPS
        # The place after the last input holds zeros.
        self._taps = np.append(self._taps[:-1], np.repeat(self._taps[-1], groups * GROUP - layer.mw))
        bits = np.zeros((layer.mh, groups * GROUP), np.uint8)
        bits[:, : layer.mw] = layer.weight_bits
        entries = (bits.reshape(layer.mh, groups, GROUP) << np.arange(GROUP)).sum(-1)
        self._entries = ((np.arange(groups) % BLOCK_GROUPS * ENTRIES + entries) * lanes).astype(np.int32).reshape(-1)
        self._starts = (-thresholds).astype(dtype)

    def _compute(self, frames: NDArray[Any], count: int, out: Words) -> None:
        self._run(frames, count, out, NO_NUMBERS, self._starts)

    def numbers(self, frames: NDArray[Any], count: int, *, doubled: bool) -> NDArray[np.int32]:
        """As ``MatrixStep`` says; there is nothing to double."""
        numbers = np.empty((count, *self.shape), np.int32)
        self._run(frames, count, NO_WORDS, numbers.reshape(-1), np.zeros_like(self._starts))
        return numbers

    def _run(
        self, frames: NDArray[Any], count: int, out: Words, numbers: NDArray[np.int32], starts: NDArray[Any]
    ) -> None:
        integer_kernel(
            frames,
            self._values,
            count,
            self._geometry,
            self._pads,
            self._taps,
            self._positions,
            self._entries,
            starts,
            out,
            self.out_words,
            numbers,
        )


class Compiled:
    """A network that is a chain, on the compiled kernels.

    Raises:
        bnn.NetworkError: it is no chain.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        chain = as_chain(network)
        self.steps: list[Step] = [EncodeStep(chain.input)] if chain.input.binary else []
        for layer, shape, value_range in chain.walk():
            if isinstance(layer, MaxPoolLayer):
                self.steps.append(PoolStep(layer, shape))
            elif value_range is None:
                self.steps.append(BinaryStep(layer, shape))
            else:
                self.steps.append(IntegerStep(layer, shape, value_range, chain.input.table))
        last = self.steps[-1]
        assert isinstance(last, MatrixStep)
        self._last = last
        self.scores(np.zeros((0, *network.input.shape), np.uint8))  # compiles what is not yet compiled

    @cached_property
    def frames_per_batch(self) -> int:
        """Frames whose bits stay in the level 2 cache from one layer to the next."""
        words = [step.out_words for step in self.steps]
        most = max(a + b for a, b in zip([0, *words], words, strict=False))
        return max(MIN_BATCH, BATCH_BYTES // (most * 8))

    def scores(self, images: NDArray[np.uint8]) -> NDArray[np.int32]:
        """Scores (n, classes) of images (n, H, W, C)."""
        frames: NDArray[Any] = _flat(images)
        for step in self.steps[:-1]:
            frames = step.bits(frames, len(images))
        return self._last.scores(frames, len(images))

    def trace(self, images: NDArray[np.uint8], names: Collection[str]) -> dict[str, NDArray[Any]]:
        """The values of these names, as ``hw.simulator.trace`` gives them."""
        count = len(images)
        frames: NDArray[Any] = _flat(images)
        source, *nodes = self.network.nodes
        traced: dict[str, NDArray[Any]] = {}
        if source.name in names and not isinstance(self.steps[0], EncodeStep):
            traced[source.name] = self.network.input.encode(images).astype(np.int32)
        sums = {node.name: node.inputs[0] for node in nodes}  # what a step's bits or scores were made of
        for step in self.steps:
            if isinstance(step, MatrixStep) and sums[step.name] in names:
                traced[sums[step.name]] = step.numbers(frames, count, doubled=False)
            if step is self._last:
                if step.name in names:
                    traced[step.name] = self._last.scores(frames, count)
                break
            frames = step.bits(frames, count)
            if step.name in names:
                traced[step.name] = step.unpacked(frames, count)
        return traced


def _image_places(g: Geometry, lanes: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where a convolution's inputs lie in its padded planes, and which output position is computed where.

    The planes are one row after the other, so that a window's inputs are at fixed distances from its first; the
    windows that straddle two rows, or that a stride leaves out, are computed too, and their results dropped.

    Returns:
        taps: (mw + 1,) in the weights' order, then the place after the last plane.
        positions: (places,), a multiple of ``lanes``; -1 for results that are dropped.
    """
    high = (g.out_height - 1) * g.stride_y + g.kernel_y
    wide = (g.out_width - 1) * g.stride_x + g.kernel_x
    y, x, channel = np.meshgrid(*map(np.arange, (g.kernel_y, g.kernel_x, g.channels)), indexing="ij")
    taps = np.append((channel * high + y) * wide + x, g.channels * high * wide)
    y, x = np.divmod(np.arange(g.positions), g.out_width)
    places = y * g.stride_y * wide + x * g.stride_x
    positions = np.full(-(-(places[-1] + 1) // lanes) * lanes, -1)
    positions[places] = np.arange(g.positions)
    return taps, positions


def _flat(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """One row of pixels; of one kind to the compiler, which takes a read-only array for another."""
    flat = np.ascontiguousarray(images).reshape(-1)
    return flat if flat.flags.writeable else flat.copy()


def _aligned(array: NDArray[Any]) -> NDArray[Any]:
    """A flat copy that starts where a cache line does."""
    room = np.empty(array.size + 64 // array.itemsize, array.dtype)
    start = -room.ctypes.data % 64 // array.itemsize
    copy = room[start : start + array.size]
    copy[:] = array.reshape(-1)
    return copy
