"""Pools: the maximum of bits or integers, the sum of integers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bnn import Bits, Network
from bnn.nodes import MaxPool, SumPool
from hw.simulator.fusing import Task
from hw.simulator.kernels.geometry import Geometry
from hw.simulator.kernels.pool import pool_bits, pool_numbers
from hw.simulator.memory import Memory
from hw.simulator.steps.step import Run, Step


class PoolStep(Step):
    """A max pool or a sum pool."""

    def __init__(self, network: Network, task: Task) -> None:
        super().__init__(network, task)
        node = task.head
        assert isinstance(node, MaxPool | SumPool)
        self.node = node
        value = network.values[node.inputs[0]]
        self._geometry = Geometry.of(node, value.shape, network.values[node.name].shape)
        self._of_bits = isinstance(value, Bits)

    def bind(self, memory: Memory) -> Run:
        """As ``Step.bind``."""
        return self._bind_bits(memory) if self._of_bits else self._bind_numbers(memory)

    def _bind_bits(self, memory: Memory) -> Run:
        source, bits = self.node.inputs[0], memory.bits(self.name)
        frames, frame_words, out_words = memory.bits(source), memory.frame_words(source), memory.frame_words(self.name)

        def run(_pixels: NDArray[np.uint8]) -> None:
            bits.fill(0)
            pool_bits(frames, frame_words, memory.count, self._geometry, bits, out_words)

        return run

    def _bind_numbers(self, memory: Memory) -> Run:
        source, result, is_sum = (
            memory.stored(self.node.inputs[0]),
            memory.stored(self.name),
            isinstance(self.node, SumPool),
        )

        def run(_pixels: NDArray[np.uint8]) -> None:
            pool_numbers(memory.words, source, result, memory.count, self._geometry, is_sum)

        return run
