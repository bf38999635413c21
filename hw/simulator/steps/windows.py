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
from hw.simulator.steps.step import Step


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

    def run(self, memory: Memory, pixels: NDArray[np.uint8]) -> None:
        """As ``Step.run``."""
        source, count = self.node.inputs[0], memory.count
        if not self._of_bits:
            is_sum = isinstance(self.node, SumPool)
            pool_numbers(memory.words, memory.stored(source), memory.stored(self.name), count, self._geometry, is_sum)
            return
        frame_words, out_words = memory.frame_words(source), memory.frame_words(self.name)
        pool_bits(memory.bits(source), frame_words, count, self._geometry, memory.cleared(self.name), out_words)
