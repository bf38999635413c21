"""What every node of a trained model has."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnn.graph import Operation
from bnn.stage.model_values import ModelValue, OnGrid
from bnn.values import Bits, NetworkError, Shape

Epilogue = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""(n, C) float32 numbers, as the model has them, to (n, C) float32 ones, with exactly the model's own operations.

It acts on each channel alone and on each row alone: rows are independent values of a channel, not positions.
"""

EXACT = 2**24  # float32 holds every integer up to here


@dataclass(frozen=True, eq=False)
class ModelNode(Operation, ABC):
    """One operation of a trained model, verified alone when made and against its inputs by ``output``."""

    @abstractmethod
    def output(self, *values: ModelValue) -> ModelValue:
        """The value that the node makes; NetworkError where its inputs are not what it needs."""

    def on_grid(self, value: ModelValue) -> OnGrid:
        """The input as numbers on a grid; NetworkError where it is bits."""
        if not isinstance(value, OnGrid):
            raise NetworkError(f"{self.where}: needs numbers on a grid, its input has {value}")
        return value

    def bits_or_grid(self, value: ModelValue) -> Bits | OnGrid:
        """The input; NetworkError where it is the logits."""
        if not isinstance(value, Bits | OnGrid):
            raise NetworkError(f"{self.where}: needs bits or numbers on a grid, its input has {value}")
        return value

    def exact(self, shape: Shape, lowest: int, highest: int, fraction_bits: int) -> OnGrid:
        """The value of these bounds; NetworkError where float32 does not hold all of it exactly."""
        if max(-lowest, highest) > EXACT:
            raise NetworkError(
                f"{self.where}: integers reach {lowest}..{highest}, float32 counts exactly to {EXACT} only; give it "
                "fewer inputs, fewer fraction bits or smaller bounds"
            )
        return OnGrid(shape, lowest, highest, fraction_bits)
