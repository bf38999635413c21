"""The whole trained model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from bnn.graph import check_graph
from bnn.nodes import Encode, Source, Thermometer
from bnn.stage.model_node import ModelNode
from bnn.stage.model_values import ModelValue, OnGrid
from bnn.stage.numbers import Logits
from bnn.values import Bits, Integers


@dataclass(frozen=True, eq=False)
class ModelGraph:
    """A graph of nodes, verified when made.

    Attributes:
        nodes: in an order in which each reads only what is before it. The first is the source, the very node that the
            integer network begins with (its integers are numbers of no fraction bits); the last is ``Logits``; every
            other value is read by somebody.

    Raises:
        bnn.values.NetworkError: what contradicts itself, in one line.
    """

    nodes: tuple[Source | ModelNode, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "nodes", tuple(self.nodes))
        check_graph(self.nodes, "model", (Encode, Thermometer), Logits)
        assert self.values  # every node checks its inputs

    @property
    def input(self) -> Source:
        """The first node: what a pixel becomes."""
        source = self.nodes[0]
        assert isinstance(source, Source)
        return source

    @property
    def steps(self) -> tuple[ModelNode, ...]:
        """All nodes but the source, in order."""
        return tuple(node for node in self.nodes if isinstance(node, ModelNode))

    @cached_property
    def values(self) -> dict[str, ModelValue]:
        """Every value by the name of the node that makes it, in the order of the nodes."""
        entering = self.input.output()
        first: ModelValue
        if isinstance(entering, Integers):
            first = OnGrid(entering.shape, entering.lowest, entering.highest, 0)
        else:
            first = Bits(entering.shape)
        values: dict[str, ModelValue] = {self.input.name: first}
        for node in self.steps:
            values[node.name] = node.output(*(values[name] for name in node.inputs))
        return values
