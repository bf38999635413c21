"""The sum of integers."""

from __future__ import annotations

from torch import Tensor

from bnn.stage import Add, ModelNode
from training.config.load import ConfigError
from training.networks.graph.blocks.block import Block
from training.networks.graph.planned import PlannedLayer, Request
from training.networks.graph.signal import Signal, check_exact, need_alike, need_integers


class AddBlock(Block):
    """Adds integers of one shape and grid; the sum's range is the sum of theirs, and nothing saturates."""

    automatic = "add"

    @classmethod
    def plan(cls, request: Request) -> PlannedLayer:
        """As ``Block.plan``."""
        key, sources = request.key, request.sources
        for name, source in zip(request.inputs, sources, strict=True):
            need_integers(key, "a sum", source, name)
            if source.shape != sources[0].shape:
                raise ConfigError(
                    f"{key}: {request.inputs[0]} is {sources[0].shape} and {name} {source.shape} (H, W, C); a sum "
                    "needs one shape"
                )
        need_alike(key, "a sum", request.inputs, sources)
        check_exact(key, "the sum", sum(source.magnitude for source in sources))
        output = Signal(
            sources[0].shape,
            sum(source.lowest for source in sources),
            sum(source.highest for source in sources),
            fraction_bits=sources[0].fraction_bits,
            spread=sum(source.spread**2 for source in sources) ** 0.5,
        )
        return request.planned(output)

    def describe(self) -> tuple[ModelNode, ...]:
        """As ``Block.describe``."""
        return (Add(self.planned.name, self.planned.inputs),)

    def forward(self, *values: Tensor) -> Tensor:
        """As ``Block.forward``."""
        total = values[0]
        for value in values[1:]:
            total = total + value
        return total
