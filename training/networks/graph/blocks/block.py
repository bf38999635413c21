"""What every kind of layer of a graph has: how it is planned, and what it computes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn

from bnn.stage import ModelNode
from training.config.load import Config
from training.fit.arithmetic import PLAIN, Arithmetic
from training.networks.graph.planned import PlannedLayer, Request


class Block(nn.Module, ABC):
    """A layer of a graph.

    In evaluation, and in plain arithmetic, all that it takes and gives is float32. Otherwise bits are of the
    arithmetic's type, and integers float32: they have more digits than bfloat16.

    Attributes:
        automatic: what its kind is called where it has no name.
        planned: its sizes.
        arithmetic: in which it trains.
    """

    automatic: ClassVar[str]

    def __init__(self, planned: PlannedLayer, config: Config) -> None:
        super().__init__()
        self.planned = planned
        self.arithmetic: Arithmetic = PLAIN

    @classmethod
    @abstractmethod
    def plan(cls, request: Request) -> PlannedLayer:
        """Its sizes and ranges; ConfigError where they do not fit, or are not exact in float32."""

    @property
    def current(self) -> Arithmetic:
        """The arithmetic of this call: in evaluation plain float32 always."""
        return self.arithmetic if self.training else PLAIN

    @abstractmethod
    def describe(self) -> tuple[ModelNode, ...]:
        """The same as absorption reads it; the last node has the layer's name. Called in evaluation, on the CPU."""

    @abstractmethod
    def forward(self, *values: Tensor) -> Tensor:
        """(n, c, h, w) of every input to (n, c, h, w)."""
