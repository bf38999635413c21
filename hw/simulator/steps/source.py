"""What a pixel becomes: bits, several bits, or an integer."""

from __future__ import annotations

from math import prod

import numpy as np
from numpy.typing import NDArray

from bnn import Network
from bnn.encoding import pack_bits
from bnn.nodes import Encode, Thermometer
from hw.simulator.fusing import Task
from hw.simulator.kernels.bits import encode_bits, encode_channels, encode_codes
from hw.simulator.kernels.numbers import encode_numbers
from hw.simulator.memory import Memory
from hw.simulator.steps.step import Run, Step


class EncodeStep(Step):
    """Pixels by a table: to bits, or to integers that others than matrices read."""

    def __init__(self, network: Network, task: Task) -> None:
        super().__init__(network, task)
        node = task.head
        assert isinstance(node, Encode)
        self.node = node
        self._table = node.table.reshape(-1).copy()
        self._bits = self._table.astype(np.uint64)
        self._pixel_steps = (np.flatnonzero(np.diff(self._table[:256])) + 1).astype(np.uint8)

    def bind(self, memory: Memory) -> Run:
        """As ``Step.bind``."""
        return self._bind_bits(memory) if self.node.binary else self._bind_numbers(memory)

    def _bind_bits(self, memory: Memory) -> Run:
        size, bits = prod(self.node.shape), memory.bits(self.name)

        def run(pixels: NDArray[np.uint8]) -> None:
            bits.fill(0)
            if self.node.per_channel:
                encode_channels(pixels, size, self._bits, bits)
            else:
                encode_bits(pixels, size, self._pixel_steps, int(self._bits[0]), bits)

        return run

    def _bind_numbers(self, memory: Memory) -> Run:
        result = memory.stored(self.name)

        def run(pixels: NDArray[np.uint8]) -> None:
            encode_numbers(pixels, self._table, memory.words, result.first, result.channels, result.stride)

        return run


class ThermometerStep(Step):
    """Pixels to several bits each."""

    def __init__(self, network: Network, task: Task) -> None:
        super().__init__(network, task)
        node = task.head
        assert isinstance(node, Thermometer)
        self.node = node
        thresholds = np.atleast_2d(node.thresholds)  # (1 or C, levels)
        reached = np.arange(256)[:, None] >= thresholds[:, None]  # (1 or C, 256, levels)
        self._codes = pack_bits(reached).reshape(-1)

    def bind(self, memory: Memory) -> Run:
        """As ``Step.bind``."""
        size, bits = prod(self.node.shape), memory.bits(self.name)

        def run(pixels: NDArray[np.uint8]) -> None:
            bits.fill(0)
            encode_codes(pixels, size, self._codes, self.node.levels, bits)

        return run
