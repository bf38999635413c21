"""Models that are chains of layers, as plain binary networks are: each layer's nodes, under the names that all use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnn.chain import ACCUMULATOR
from bnn.nodes import Source
from bnn.stage.graph import ModelGraph
from bnn.stage.model_node import Epilogue, ModelNode
from bnn.stage.numbers import Logits, Sign
from bnn.stage.pools import MaxPool
from bnn.stage.weights import Matrix
from bnn.values import NetworkError
from bnn.window import NO_PADDING, Padding


@dataclass(frozen=True, eq=False)
class Pool:
    """A max pool: window and step in (vertical, horizontal), padding at (top, left, bottom, right).

    ``name`` is what the integer network calls its layer, and the key of its bits in a trace.
    """

    name: str
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: Padding = NO_PADDING

    def node(self, name: str, source: str) -> MaxPool:
        """The pool of the value ``source``, as a node of this name."""
        return MaxPool(name, (source,), kernel=self.kernel, stride=self.stride, padding=self.padding)


@dataclass(frozen=True, eq=False)
class ChainLayer:
    """One matrix of weights, and the model's own float32 arithmetic from its accumulator to the next matrix.

    Attributes:
        name: of its bits or logits; what errors, traces and reports call the layer.
        weights: (mh, c, h, w) for a dense layer on an image of shape (h, w, c), (mh, mw) for one on a vector,
            (mh, c_in / groups, kh, kw) for a convolution: -1 or +1, in PyTorch's order.
        epilogue: (n, mh) float32 accumulators to (n, mh) float32 values, computed with exactly the operations that
            the model itself applies (scale, bias, batch norm, activation, shift, sign). The accumulator is the
            bipolar dot product, 2 P - mw, for binary input. Hidden layers give -1 or +1; the last gives logits.
            It must act on each channel alone and on each row alone.
        is_convolution: whether ``weights`` slide over the image.
        stride: (vertical, horizontal); (1, 1) for a dense layer.
        padding: (top, left, bottom, right).
        pad_value: what a padded position reads as: -1 or +1 for binary input, an integer otherwise.
        groups: as PyTorch's Conv2d has it; 1 for a dense layer.
        pool_before: a max pool between the accumulator and the epilogue; the bits then have the pool's name.
        pool_after: a max pool between the epilogue and the next matrix.
    """

    name: str
    weights: NDArray[np.float32]
    epilogue: Epilogue
    is_convolution: bool = False
    stride: tuple[int, int] = (1, 1)
    padding: Padding = NO_PADDING
    pad_value: int = 0
    groups: int = 1
    pool_before: Pool | None = None
    pool_after: Pool | None = None

    def hidden(self, source: str) -> tuple[ModelNode, ...]:
        """The nodes of a layer whose input is the value ``source``; the last one's value is its output."""
        nodes: list[ModelNode] = [self._matrix(source)]
        if self.pool_before:
            nodes.append(self.pool_before.node(self.pool_before.name + ACCUMULATOR, nodes[-1].name))
        bits = self.pool_before.name if self.pool_before else self.name
        nodes.append(Sign(bits, (nodes[-1].name,), self.epilogue))
        if self.pool_after:
            nodes.append(self.pool_after.node(self.pool_after.name, nodes[-1].name))
        return tuple(nodes)

    def last(self, source: str) -> tuple[ModelNode, ...]:
        """The nodes of the last layer."""
        if self.pool_before or self.pool_after:
            raise NetworkError(f"layer {self.name}: a max pool after the last layer; put it before")
        matrix = self._matrix(source)
        return matrix, Logits(self.name, (matrix.name,), self.epilogue)

    def _matrix(self, source: str) -> Matrix:
        return Matrix(
            self.name + ACCUMULATOR,
            (source,),
            self.weights,
            is_convolution=self.is_convolution,
            stride=self.stride,
            padding=self.padding,
            pad_value=self.pad_value,
            groups=self.groups,
        )


def chain_model(source: Source, layers: Sequence[ChainLayer]) -> ModelGraph:
    """What a pixel becomes, then every layer in order; the last gives the logits.

    Raises:
        bnn.values.NetworkError: what contradicts itself, in one line.
    """
    nodes: list[Source | ModelNode] = [source]
    for layer in layers[:-1]:
        nodes += layer.hidden(nodes[-1].name)
    nodes += layers[-1].last(nodes[-1].name)
    return ModelGraph(tuple(nodes))
