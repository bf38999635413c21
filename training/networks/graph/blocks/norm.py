"""From integers to bits or to a grid, without a matrix: a batch norm, or a shifted sign alone."""

from __future__ import annotations

from torch import Tensor

from bnn.stage import ModelNode
from training.config.layers import BatchNormConfig, Gives
from training.config.load import Config
from training.networks.graph.blocks.block import Block
from training.networks.graph.planned import PlannedLayer, Request
from training.networks.graph.signal import bits, need_integers
from training.networks.graph.steps import Steps


class SignBlock(Block):
    """Pre-activation, minus the shift, sign. What is shifted is the sum itself, which no batch norm centres."""

    automatic = "sign"

    def __init__(self, planned: PlannedLayer, config: Config) -> None:
        super().__init__(planned, config)
        self.steps = Steps(Gives.BITS, planned, config, has_norm=False)

    @classmethod
    def plan(cls, request: Request) -> PlannedLayer:
        """As ``Block.plan``."""
        need_integers(request.key, "a sign", request.source, request.inputs[0])
        return request.planned(bits(request.source.shape))

    def describe(self) -> tuple[ModelNode, ...]:
        """As ``Block.describe``."""
        return (self.steps.node(self.planned.name, self.planned.inputs[0]),)

    def forward(self, *values: Tensor) -> Tensor:
        """As ``Block.forward``."""
        return self.steps.run(values[0], self.current)


class BatchNormBlock(Block):
    """A batch norm of integers, and then the shifted sign or the grid."""

    automatic = "norm"

    def __init__(self, planned: PlannedLayer, config: Config) -> None:
        super().__init__(planned, config)
        assert isinstance(planned.layer, BatchNormConfig)
        self.steps = Steps(planned.layer.batch_norm, planned, config)

    @classmethod
    def plan(cls, request: Request) -> PlannedLayer:
        """As ``Block.plan``."""
        need_integers(request.key, "a batch norm", request.source, request.inputs[0])
        return request.planned(request.given(request.layer.batch_norm, request.source))

    def describe(self) -> tuple[ModelNode, ...]:
        """As ``Block.describe``."""
        return (self.steps.node(self.planned.name, self.planned.inputs[0]),)

    def forward(self, *values: Tensor) -> Tensor:
        """As ``Block.forward``."""
        return self.steps.run(values[0], self.current)
