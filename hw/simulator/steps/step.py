"""What every step of a compiled network is: a task made ready, to be bound to the memory of any batch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bnn import Network
from hw.simulator.fusing import Task
from hw.simulator.memory import Memory

NO_PIXELS = np.zeros(0, np.uint8)

Run = Callable[[NDArray[np.uint8]], None]
"""Called with the pixels of the batch's frames, one after the other."""


class Step(ABC):
    """A task made ready. Any thread may bind it, each to memory of its own.

    Attributes:
        task: what is computed.
        name: of the value that it ends with.
    """

    def __init__(self, network: Network, task: Task) -> None:
        self.network = network
        self.task = task
        self.name = task.nodes[-1].name

    @abstractmethod
    def bind(self, memory: Memory) -> Run:
        """What computes, again and again, what the task makes from what it reads in this memory.

        Args:
            memory: of a batch.
        """
