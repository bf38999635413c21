"""What the network has for a value of the model, while it is being made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnn.nodes import Node
from bnn.values import Value
from onnx_export.absorption.reach import Reach


@dataclass(frozen=True, eq=False)
class Made:
    """A value of the network and what it means to the model.

    Attributes:
        name: of the network's value.
        inverted: (C,) channels that mean the opposite: a bit the other bit, an integer its negative.
        reach: the integers that the model's value can be, None for bits.
        width: None where the network's integer x is the model's. Otherwise x counts, as popcounts do, and the model's
            integer is 2 x - width: that of a popcount over mw inputs is 2 P - mw.
    """

    name: str
    inverted: NDArray[np.bool_]
    reach: Reach | None = None
    width: int | None = None

    @property
    def integers(self) -> Reach:
        """``reach`` of what is known to be integers."""
        assert self.reach is not None
        return self.reach

    @property
    def spacing(self) -> int:
        """How far the model's integers of x and x + 1 are apart."""
        return 1 if self.width is None else 2

    def counted(self, integers: NDArray[np.int64]) -> NDArray[np.int64]:
        """The network's x for integers of the model, for channels that are not inverted."""
        return integers if self.width is None else (integers + self.width) // 2


class Builder:
    """The nodes of the network so far."""

    def __init__(self, taken: Sequence[str]) -> None:
        """Start.

        Args:
            taken: names of the model's values, which no other value may get.
        """
        self.nodes: list[Node] = []
        self.values: dict[str, Value] = {}
        self.inverted: dict[str, NDArray[np.bool_]] = {}
        self._taken = set(taken)

    def add(self, node: Node, inverted: NDArray[np.bool_] | None = None) -> str:
        """Append a node; its name comes back.

        Args:
            node: whose inputs are there.
            inverted: what the notes say of its value.

        Raises:
            bnn.values.NetworkError: inputs that the node does not take.
        """
        self.values[node.name] = node.output(*(self.values[name] for name in node.inputs))
        self.nodes.append(node)
        if inverted is not None and inverted.any():
            self.inverted[node.name] = inverted
        return node.name

    def unique(self, name: str) -> str:
        """This name, or one like it that no value of the model or the network has."""
        while name in self._taken or name in self.values:
            name += "_"
        return name
