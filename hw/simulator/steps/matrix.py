"""Dense nodes and convolutions, of bits and of integers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn import Integers, Network
from bnn.encoding import pack_bits
from bnn.nodes import Conv, Dense, Encode, Matrix, Scores
from hw.simulator.fusing import Task, reads_pixels
from hw.simulator.kernels.bits import SPARE_WORDS
from hw.simulator.kernels.geometry import Geometry
from hw.simulator.kernels.grouped import grouped_bits, grouped_numbers
from hw.simulator.kernels.in_place import window_kernel
from hw.simulator.kernels.integers import BLOCK_GROUPS, ENTRIES, GROUP, Stored, integer_kernel
from hw.simulator.kernels.matrix import ANY_LENGTH, FRAMES, LINES, WINDOWS, matrix_kernel
from hw.simulator.kernels.numbers import TILE
from hw.simulator.kernels.pointwise import BITS, SCORES, UNKNOWN, VALUES
from hw.simulator.kernels.popcount import MAX_TREE_WORDS
from hw.simulator.memory import Memory, aligned
from hw.simulator.steps.pointwise import NO_BITS, Finish
from hw.simulator.steps.step import NO_PIXELS, Run, Step

HALF = 32
NO_WORDS = np.zeros(SPARE_WORDS, np.uint64)
NOT_STORED = Stored(-1, False, 1, 1)


def geometry_of(network: Network, node: Matrix) -> Geometry:
    """The windows of a matrix."""
    if isinstance(node, Dense):
        return Geometry.dense(node.mw)
    assert isinstance(node, Conv)
    return Geometry.of(node, network.values[node.inputs[0]].shape, network.values[node.name].shape)


class BinaryStep(Step):
    """A matrix of bits, and what goes on with its popcounts."""

    def __init__(self, network: Network, task: Task, *, exact: bool) -> None:
        super().__init__(network, task)
        node = task.head
        assert isinstance(node, Matrix)
        self.node = node
        self._geometry = geometry_of(network, node)
        self._rows_are, bits, self._pads = self._rows(node)
        self._half_words = -(-bits.shape[1] // HALF)
        tiles = -(-node.mh // TILE)
        rows = np.zeros((tiles * TILE, self._half_words), np.uint32)
        rows[: node.mh] = pack_bits(bits).astype("<u8").view("<u4")[:, : self._half_words]
        self._weights = aligned(rows.reshape(tiles, TILE, -1).transpose(0, 2, 1))
        # P >= T where at most mw - T bits differ; -1 for the outputs that only fill the last tile: never.
        self._limits = aligned(np.full(tiles * TILE, -1, np.int32))
        threshold = task.threshold
        self._finish = Finish(network, task)
        self._gives = self._given()
        if threshold is not None and self._gives == BITS:
            self._limits[: node.mh] = node.mw - threshold.thresholds
        known = self._finish.known(network) if exact and self._gives == VALUES else UNKNOWN
        self._in_place = exact and self._rows_are == LINES and self._half_words <= MAX_TREE_WORDS
        if self._in_place:
            assert isinstance(node, Conv)
            lines = node.kernel[0]
            self._kernel = window_kernel(lines, self._half_words // lines, self._gives, known)
        else:
            self._kernel = matrix_kernel(self._half_words if exact else ANY_LENGTH, self._gives, known)

    def _given(self) -> int:
        """Which kernel will do: the fewer things it can, the faster."""
        task, threshold = self.task, self.task.threshold
        if threshold is not None and threshold.inputs[0] == self.node.name and task.makes == (threshold.name,):
            return BITS
        is_last = len(task.nodes) == 2 and isinstance(task.nodes[1], Scores)
        return SCORES if is_last and self._finish.is_narrow else VALUES

    def _rows(self, node: Matrix) -> tuple[int, NDArray[np.uint8], NDArray[np.uint64]]:
        """How rows are laid out, the weights' bits so laid out, and the padding."""
        if not isinstance(node, Conv):
            return FRAMES, node.weight_bits, NO_WORDS
        if node.c_in % 8:
            return WINDOWS, node.weight_bits, np.append(pack_bits(node.pad_values), NO_WORDS)
        lines = node.weight_bits.reshape(node.mh, node.kernel[0], -1)
        line_bits = -(-lines.shape[2] // HALF) * HALF
        padded = np.zeros((*lines.shape[:2], line_bits), np.uint8)
        padded[..., : lines.shape[2]] = lines
        return LINES, padded.reshape(node.mh, -1), self._frame_of_padding(node)

    def _frame_of_padding(self, node: Conv) -> NDArray[np.uint64]:
        """What a frame is padded with; nothing where windows stay within it."""
        g = self._geometry
        high, wide = g.reached
        rows, columns = min(g.height, high - g.top), min(g.width, wide - g.left)
        if (rows, columns) == (high, wide):
            return NO_WORDS[:0]
        frame = np.empty((high, wide, g.channels), np.uint8)
        frame[:] = node.pad_values
        frame[g.top : g.top + rows, g.left : g.left + columns] = 0
        return pack_bits(frame.reshape(-1))

    def bind(self, memory: Memory) -> Run:
        """As ``Step.bind``."""
        source, threshold = self.node.inputs[0], self.task.threshold
        bits = NO_BITS if threshold is None else memory.bits(threshold.name)
        out_words = 0 if threshold is None else memory.frame_words(threshold.name)
        finish = self._finish.nothing if self._gives == BITS else self._finish.on(memory)
        kernel, out = self._kernel, bits if self._gives == BITS else memory.words
        frames, frame_words = memory.bits(source), memory.frame_words(source)
        rows = () if self._in_place else (self._rows_are,)
        given = (frames, frame_words, memory.count, *rows, self._geometry, self._pads, self._weights)
        given += (self._limits, out, out_words, self.node.mw, *finish)

        def run(_pixels: NDArray[np.uint8]) -> None:
            bits.fill(0)
            kernel(*given)

        return run


class IntegerStep(Step):
    """A matrix of integers, and its threshold where that is its only reader."""

    def __init__(self, network: Network, task: Task) -> None:
        super().__init__(network, task)
        node = task.head
        assert isinstance(node, Matrix)
        self.node = node
        self._geometry = geometry = geometry_of(network, node)
        self._of_pixels = reads_pixels(network, node)
        value = network.values[node.name]
        assert isinstance(value, Integers)
        # An accumulator of at most `farthest` from 0 has a threshold of at most one more subtracted.
        farthest = max(-value.lowest, value.highest)
        dtype = np.int16 if 2 * farthest + 1 < 2**15 else np.int32
        source = network.input
        self._values = np.zeros(256, dtype)
        if self._of_pixels:
            assert isinstance(source, Encode)
            self._values = source.table.astype(dtype).reshape(-1)
        lanes = 64 // self._values.itemsize
        if isinstance(node, Conv):
            self._pads = node.pad_values.astype(dtype)
            self._taps, self._positions = _image_places(geometry, lanes)
        else:
            self._pads = np.zeros(1, dtype)
            self._taps, self._positions = np.arange(node.mw + 1) * lanes, np.zeros(0, np.int64)
        groups = -(-node.mw // (GROUP * BLOCK_GROUPS)) * BLOCK_GROUPS
        # The place after the last input holds zeros.
        self._taps = np.append(self._taps[:-1], np.repeat(self._taps[-1], groups * GROUP - node.mw))
        bits = np.zeros((node.mh, groups * GROUP), np.uint8)
        bits[:, : node.mw] = node.weight_bits
        entries = (bits.reshape(node.mh, groups, GROUP) << np.arange(GROUP)).sum(-1)
        self._entries = ((np.arange(groups) % BLOCK_GROUPS * ENTRIES + entries) * lanes).astype(np.int32).reshape(-1)
        thresholds = task.threshold.thresholds if task.threshold else np.zeros(node.mh, np.int32)
        self._starts = (-thresholds).astype(dtype)

    def bind(self, memory: Memory) -> Run:
        """As ``Step.bind``."""
        threshold, of_pixels, values = self.task.threshold, self._of_pixels, self._values
        bits = memory.bits(threshold.name) if threshold else NO_BITS
        out_words = memory.frame_words(threshold.name) if threshold else 0
        source = NOT_STORED if of_pixels else memory.stored(self.node.inputs[0])
        result = NOT_STORED if threshold else memory.stored(self.node.name)
        given: tuple[Any, ...] = (memory.words, source, memory.count, self._geometry, self._pads, self._taps)
        given += (self._positions, self._entries, self._starts, bits, out_words, result)

        def run(pixels: NDArray[np.uint8]) -> None:
            bits.fill(0)
            integer_kernel(pixels if of_pixels else NO_PIXELS, values, *given)

        return run


class GroupedStep(Step):
    """A convolution in groups, of bits or of integers."""

    def __init__(self, network: Network, task: Task) -> None:
        super().__init__(network, task)
        node = task.head
        assert isinstance(node, Conv)
        self.node = node
        self._geometry = geometry_of(network, node)
        self._of_integers = isinstance(network.values[node.inputs[0]], Integers)
        pads = node.pad_values
        self._number_pads = pads.copy()
        self._bit_pads = NO_WORDS if self._of_integers else np.append(pack_bits(pads), NO_WORDS)
        self._weights = node.weights.reshape(-1).copy()
        self._signs = (2 * node.weight_bits.astype(np.int8) - 1).reshape(-1)

    def bind(self, memory: Memory) -> Run:
        """As ``Step.bind``."""
        node, source, result = self.node, self.node.inputs[0], memory.stored(self.node.name)
        windows = (memory.count, self._geometry, node.groups)
        if self._of_integers:
            stored = memory.stored(source)

            def run(_pixels: NDArray[np.uint8]) -> None:
                grouped_numbers(memory.words, stored, *windows, self._number_pads, self._signs, result)

            return run
        frames, frame_words = memory.bits(source), memory.frame_words(source)

        def run_bits(_pixels: NDArray[np.uint8]) -> None:
            weights = (self._weights, node.mw)
            grouped_bits(frames, frame_words, *windows, self._bit_pads, *weights, memory.words, result)

        return run_bits


def _image_places(g: Geometry, lanes: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where a convolution's inputs lie in its padded planes, and which output position is computed where.

    The planes are one row after the other, so that a window's inputs are at fixed distances from its first; the
    windows that straddle two rows, or that a stride leaves out, are computed too, and their results dropped.

    Returns:
        taps: (mw + 1,) in the weights' order, then the place after the last plane.
        positions: (places,), a multiple of ``lanes``; -1 for results that are dropped.
    """
    high, wide = g.reached
    y, x, channel = np.meshgrid(*map(np.arange, (g.kernel_y, g.kernel_x, g.channels)), indexing="ij")
    taps = np.append((channel * high + y) * wide + x, g.channels * high * wide)
    y, x = np.divmod(np.arange(g.positions), g.out_width)
    places = y * g.stride_y * wide + x * g.stride_x
    positions = np.full(-(-(places[-1] + 1) // lanes) * lanes, -1)
    positions[places] = np.arange(g.positions)
    return taps, positions
