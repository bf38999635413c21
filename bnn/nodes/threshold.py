"""Integers to bits: one comparator a channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from bnn.arrays import frozen
from bnn.nodes.node import Node
from bnn.values import Bits, NetworkError, Value


@dataclass(frozen=True, eq=False)
class Threshold(Node):
    """A bit is 1 where the integer reaches its channel's threshold.

    Attributes:
        thresholds: (C,) int32, in the input's lowest (always) .. highest + 1 (never).
    """

    kind: ClassVar[str] = "threshold"
    needs: ClassVar[str] = "integers; thresholds in lowest..highest + 1"
    gives: ClassVar[str] = "bits of the same shape"
    meaning: ClassVar[str] = "x >= thresholds[channel]"

    thresholds: NDArray[np.int32]

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "thresholds", frozen(self.thresholds, np.int32, f"{self.where}: thresholds"))

    def output(self, *values: Value) -> Value:
        """As ``Node.output``."""
        value = self.integers(values[0])
        self.one_a_channel(self.thresholds, "thresholds", value)
        wrong = (self.thresholds < value.lowest) | (self.thresholds > value.highest + 1)
        if wrong.any():
            channel = int(np.argmax(wrong))
            raise NetworkError(
                f"{self.where} channel {channel}: threshold {self.thresholds[channel]} must lie in "
                f"{value.lowest}..{value.highest + 1}"
            )
        return Bits(value.shape)
