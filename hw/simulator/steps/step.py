"""What every step of a compiled network is: a task made ready, to be run on the memory of any batch."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from bnn import Network
from hw.simulator.fusing import Task
from hw.simulator.memory import Memory

NO_PIXELS = np.zeros(0, np.uint8)


class Step(ABC):
    """A task made ready. Any thread may run it, each on memory of its own.

    Attributes:
        task: what is computed.
        name: of the value that it ends with.
    """

    def __init__(self, network: Network, task: Task) -> None:
        self.network = network
        self.task = task
        self.name = task.nodes[-1].name

    @abstractmethod
    def run(self, memory: Memory, pixels: NDArray[np.uint8]) -> None:
        """Compute what the task makes.

        Args:
            memory: which holds what the task reads, and takes what it makes.
            pixels: of the batch's frames, one after the other.
        """
