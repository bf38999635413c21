"""Scores by a table; those by a factor and an offset are a grid to the kernels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bnn import Network
from bnn.nodes import Scores
from bnn.nodes.matrix import value_range
from hw.simulator.fusing import Task
from hw.simulator.memory import Memory
from hw.simulator.steps.step import Run, Step


class TableStep(Step):
    """Each class's integer looked up in its row of a table."""

    def __init__(self, network: Network, task: Task) -> None:
        super().__init__(network, task)
        node = task.head
        assert isinstance(node, Scores)
        assert node.table is not None
        self._source, self._table = node.inputs[0], node.table
        bounds = value_range(network.values[self._source])
        assert bounds is not None
        self._lowest = bounds[0]

    def bind(self, memory: Memory) -> Run:
        """As ``Step.bind``."""
        source, result, rows = memory.numbers(self._source), memory.numbers(self.name), np.arange(len(self._table))

        def run(_pixels: NDArray[np.uint8]) -> None:
            result[...] = self._table[rows, source.astype(np.int64) - self._lowest]

        return run
