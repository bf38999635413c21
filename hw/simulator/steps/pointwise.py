"""Grids, additions and thresholds: alone, or as the end of a matrix of bits."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn import Network
from bnn.nodes import Grid, Scores
from bnn.nodes.matrix import value_range
from hw.simulator.fusing import Task
from hw.simulator.kernels.numbers import padded_channels
from hw.simulator.kernels.pointwise import (
    LONG,
    NARROW,
    NO_GRID,
    NOWHERE,
    SHORT,
    WIDE,
    Known,
    Pointwise,
    pointwise_kernel,
)
from hw.simulator.memory import Layout, Memory
from hw.simulator.steps.step import Run, Step

INT32 = np.iinfo(np.int32)
NO_BITS = np.zeros(0, np.uint64)


class Finish:
    """What becomes of a task's integers, made ready."""

    def __init__(self, network: Network, task: Task) -> None:
        self.task = task
        value = network.values[task.integers]
        self.channels = value.shape[2]
        scaling = task.grid
        factors, offsets, shift, lowest, highest = _scale(scaling)
        none = np.zeros(0, np.int32)
        kind = NO_GRID
        if scaling is not None:
            kind = NARROW if _fits(network, scaling, factors, offsets, shift) else WIDE
        thresholds = task.threshold.thresholds if task.threshold else none
        stride = padded_channels(self.channels)
        narrow = (factors, offsets) if kind == NARROW else (none, none)
        self._narrow = self._padded((*narrow, thresholds), np.int32)
        self._wide = self._padded((factors, offsets), np.int64)
        added = len(task.summands)
        self._plain = Pointwise(kind, shift, lowest, highest, added, NOWHERE, 0, False, 0, 0, self.channels, stride)

    def _padded(self, rows: Any, dtype: Any) -> NDArray[Any]:
        """Rows one after the other, each as long as a position's numbers."""
        padded = np.zeros((len(rows), padded_channels(self.channels)), dtype)
        for target, row in zip(padded, rows, strict=True):
            target[: len(row)] = row
        return padded.reshape(-1)

    @property
    def is_narrow(self) -> bool:
        """Whether there is a grid that is computed in 32 bits."""
        return self._plain.grid == NARROW

    def known(self, network: Network) -> Known:
        """What is known before there is any memory."""
        task = self.task
        layouts = {name: Layout.of(network, name) for name in (*task.summands, task.integers)}
        shorts = {layouts[name].is_short for name in task.summands}
        result = NOWHERE
        if task.integers in task.makes:
            result = SHORT if layouts[task.integers].is_short else LONG
        short = int(shorts.pop()) if len(shorts) == 1 else -1
        return Known(self._plain.grid, len(task.summands), short, result, int(task.threshold is not None))

    @property
    def nothing(self) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.uint64], Pointwise]:
        """What kernels are given that do not need it."""
        return self._narrow, self._wide, np.zeros(0, np.uint64), self._plain

    def on(self, memory: Memory) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.uint64], Pointwise]:
        """What kernels are given, with the places of a batch's memory, in which the bits must be 0 before."""
        placed: dict[str, Any] = {}
        if self.task.integers in self.task.makes:
            result = memory.stored(self.task.integers)
            placed |= {"result": SHORT if result.short else LONG, "first": result.first}
        threshold = self.task.threshold
        if threshold:
            frame_bits = memory.frame_words(threshold.name) * 64
            placed |= {"has_bits": True, "bits": memory.start(threshold.name) * 64, "frame_bits": frame_bits}
        summands = [memory.stored(name) for name in self.task.summands]
        places = np.array([(one.first, one.short) for one in summands], np.uint64).reshape(-1)
        return self._narrow, self._wide, places, self._plain._replace(**placed)


class PointwiseStep(Step):
    """Nodes that compute with integers from memory, each alone."""

    def __init__(self, network: Network, task: Task) -> None:
        super().__init__(network, task)
        self._finish = Finish(network, task)
        height, width, _ = network.values[task.reads[0]].shape
        self._positions = height * width

    def bind(self, memory: Memory) -> Run:
        """As ``Step.bind``."""
        source, finish = memory.stored(self.task.reads[0]), self._finish.on(memory)
        bits = memory.bits(self.task.threshold.name) if self.task.threshold else NO_BITS

        def run(_pixels: NDArray[np.uint8]) -> None:
            bits.fill(0)
            pointwise_kernel(memory.words, *finish, source.first, source.short, memory.count, self._positions)

        return run


def _scale(node: Grid | Scores | None) -> tuple[NDArray[np.int64], NDArray[np.int64], int, int, int]:
    """M, B, the shift and both bounds; without bounds those of 32 bits, which hold all that a value can be."""
    if isinstance(node, Grid):
        return node.multipliers, node.offsets, node.shift, node.lowest, node.highest
    none = np.zeros(0, np.int64)
    if node is None:
        return none, none, 0, INT32.min, INT32.max
    assert node.multipliers is not None
    assert node.offsets is not None
    return node.multipliers.astype(np.int64), node.offsets.astype(np.int64), 0, INT32.min, INT32.max


def _fits(
    network: Network, node: Grid | Scores, factors: NDArray[np.int64], offsets: NDArray[np.int64], shift: int
) -> bool:
    """Whether M x, M x + B and the shift are within 32 bits for every x that the node's input can be."""
    bounds = value_range(network.values[node.inputs[0]])
    assert bounds is not None
    farthest = max(map(abs, bounds))
    reached = max(abs(m) * farthest + abs(b) for m, b in zip(factors.tolist(), offsets.tolist(), strict=True))
    return reached <= INT32.max and shift < 32
