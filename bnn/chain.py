"""The pattern of a network that is a chain: matrices fused with their thresholds, and max pools, one after the other.

Hardware is built of such layers. A network is not: there matrix and threshold are two nodes. ``as_chain`` finds the
pattern in a network, or names the first node that is none of it; ``Chain.network`` is the way back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bnn.layers import ConvLayer, DenseLayer, Layer, MatrixLayer, MaxPoolLayer
from bnn.network import Network, Notes
from bnn.nodes import Conv, Dense, Encode, Matrix, MaxPool, Node, Scores, Threshold
from bnn.nodes.matrix import accumulator_range, value_range
from bnn.values import LARGEST, Bits, NetworkError, Shape, Value
from bnn.window import NO_PADDING

ACCUMULATOR = ".accumulator"
"""A layer's matrix is the node of the layer's name and this; the layer's name itself is that of its bits or scores."""

PATTERN = (
    "a chain begins with encode, and goes on with dense or conv, a threshold after each and scores after the last, and "
    "max pools of bits; what asked for one cannot take this network"
)


@dataclass(frozen=True, eq=False)
class Chain:
    """What a pixel becomes and the layers after it, verified when made.

    Attributes:
        input: what a pixel becomes.
        layers: at least one; the last is dense or a convolution to 1 x 1, without thresholds.
    """

    input: Encode
    layers: tuple[Layer, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        self.verify()

    def verify(self) -> None:
        """Raise NetworkError at the first thing that contradicts the contract."""
        if not self.layers:
            raise NetworkError("network: has no layers, needs at least one")
        names = [layer.name for layer in self.layers]
        for name in names:
            if not name or names.count(name) > 1 or name == self.input.name:
                raise NetworkError(
                    f"network: layer name {name!r} must be unique, not empty and not {self.input.name!r}"
                )
        for index, (layer, input_shape, entering) in enumerate(self.walk()):
            output_shape = layer.output_shape(input_shape)
            if isinstance(layer, MaxPoolLayer):
                if entering is not None:
                    raise NetworkError(f"layer {layer.name}: a max pool needs binary input, this one has integers")
                if index == len(self.layers) - 1:
                    raise NetworkError(f"layer {layer.name}: the last layer must be dense or conv, not a max pool")
                continue
            self._verify_matrix(layer, index, entering)
            if layer.thresholds is None and output_shape[:2] != (1, 1):
                raise NetworkError(f"layer {layer.name}: scores need a 1 x 1 output, this one has {output_shape}")

    def _verify_matrix(self, layer: MatrixLayer, index: int, entering: tuple[int, int] | None) -> None:
        where = layer.where
        is_last = index == len(self.layers) - 1
        if (layer.thresholds is None) != is_last:
            raise NetworkError(f"{where}: exactly the last layer must have no thresholds")
        low, high = layer.accumulator_range(entering)
        if max(abs(int(low.min())), abs(int(high.max()))) > LARGEST:
            raise NetworkError(f"{where}: accumulators reach {int(high.max())}, must fit 32 bits")
        if layer.thresholds is not None and ((layer.thresholds < low) | (layer.thresholds > high + 1)).any():
            channel = int(np.argmax((layer.thresholds < low) | (layer.thresholds > high + 1)))
            raise NetworkError(
                f"{where} channel {channel}: threshold {layer.thresholds[channel]} must lie in "
                f"{low[channel]}..{high[channel] + 1}"
            )
        if layer.score_table is not None and layer.score_table.shape[1] != int((high - low).max()) + 1:
            raise NetworkError(
                f"{where}: score table has {layer.score_table.shape[1]} columns, must have one an accumulator "
                f"({int((high - low).max()) + 1})"
            )
        if isinstance(layer, ConvLayer) and entering is None and not np.isin(layer.pad_values, (0, 1)).all():
            raise NetworkError(f"{where}: pad_values must lie in 0..1")

    def walk(self) -> Iterator[tuple[Layer, Shape, tuple[int, int] | None]]:
        """Every layer with its input shape (H, W, C) and, where its input is not binary, that input's value range.

        The range includes a convolution's padding.
        """
        shape = self.input.shape
        entering = None if self.input.binary else self.input.range
        for layer in self.layers:
            if isinstance(layer, ConvLayer) and entering is not None and layer.padding != NO_PADDING:
                pads = layer.pad_values
                entering = (min(entering[0], int(pads.min())), max(entering[1], int(pads.max())))
            yield layer, shape, entering
            shape = layer.output_shape(shape)
            entering = None

    @property
    def classes(self) -> int:
        """Number of scores."""
        last = self.layers[-1]
        assert isinstance(last, MatrixLayer)
        return last.mh

    @property
    def weight_bits(self) -> int:
        """Number of weights, each of which is one bit."""
        return sum(layer.mh * layer.mw for layer in self.layers if isinstance(layer, MatrixLayer))

    @property
    def hash(self) -> str:
        """The hash of the network that this is."""
        return self.network().hash

    def network(self) -> Network:
        """The network of which this is the chain, always the same object.

        A layer's bits or scores are the value of its name, its accumulators that of its name and ``ACCUMULATOR``.
        """
        return self._network

    @cached_property
    def _network(self) -> Network:
        nodes: list[Node] = [self.input]
        inverted = {}
        for layer, _, entering in self.walk():
            nodes += _nodes_of(layer, nodes[-1].name, entering)
            if isinstance(layer, MaxPoolLayer) and layer.inverted is not None:
                inverted[layer.name] = layer.inverted
        return Network(tuple(nodes), Notes(inverted))


def _nodes_of(layer: Layer, source: str, entering: tuple[int, int] | None) -> list[Node]:
    if isinstance(layer, MaxPoolLayer):
        pool = MaxPool(layer.name, (source,), kernel=layer.kernel, stride=layer.stride, padding=layer.padding)
        return [pool]
    accumulator = layer.name + ACCUMULATOR
    matrix: Node
    if isinstance(layer, ConvLayer):
        matrix = Conv(
            accumulator,
            (source,),
            layer.weights,
            layer.mw,
            kernel=layer.kernel,
            stride=layer.stride,
            padding=layer.padding,
            pad_values=layer.pad_values.astype(np.int32),
        )
    else:
        matrix = Dense(accumulator, (source,), layer.weights, layer.mw)
    if layer.thresholds is not None:
        return [matrix, Threshold(layer.name, (accumulator,), layer.thresholds)]
    if layer.score_table is not None:
        return [matrix, Scores(layer.name, (accumulator,), table=_shared_columns(layer, layer.score_table, entering))]
    if entering is None:
        return [matrix, Scores.of_popcounts(layer.name, accumulator, layer.mw, layer.mh)]
    return [matrix, Scores.of_integers(layer.name, accumulator, layer.mh)]


def _shared_columns(
    layer: MatrixLayer, table: NDArray[np.int32], entering: tuple[int, int] | None
) -> NDArray[np.int32]:
    """A chain's table, whose rows begin at each channel's lowest accumulator, with the columns of ``Scores.table``."""
    low, high = layer.accumulator_range(entering)
    shared = np.zeros((layer.mh, int(high.max() - low.min()) + 1), np.int32)
    for channel, start in enumerate(low - low.min()):
        shared[channel, start : start + table.shape[1]] = table[channel]
    return shared


def as_chain(network: Network) -> Chain:
    """The network as a chain of layers, each named as its bits or scores are.

    The chain's ``network()`` is this very network.

    Raises:
        NetworkError: it is none; the message names the first node that does not belong.
    """
    source = network.input
    if not isinstance(source, Encode):
        raise NetworkError(f"{source.where}: is not part of a chain; {PATTERN}")
    layers: list[Layer] = []
    matrix: Matrix | None = None
    for before, node in zip(network.nodes, network.nodes[1:], strict=False):
        belongs = node.inputs == (before.name,) and isinstance(node, _PART[matrix is None])
        if not belongs or (isinstance(node, MaxPool) and not isinstance(network.values[node.name], Bits)):
            raise NetworkError(f"{node.where}: is not part of a chain; {PATTERN}")
        if isinstance(node, Matrix):
            matrix = node
        elif isinstance(node, MaxPool):
            inverted = network.notes.inverted.get(node.name)
            layers.append(MaxPoolLayer(node.name, node.kernel, node.stride, node.padding, inverted))
        else:
            assert matrix is not None
            assert isinstance(node, Threshold | Scores)
            layers.append(_layer(matrix, node, network.values[matrix.inputs[0]]))
            matrix = None
    chain = Chain(source, tuple(layers))
    if chain.hash != network.hash:
        raise NetworkError(
            f"{network.output.where}: its table has entries for integers that no accumulator reaches; make them 0"
        )
    vars(chain)["_network"] = network  # a cached property: the same function, with its own names and notes
    return chain


_PART: dict[bool, tuple[type[Node], ...]] = {True: (Dense, Conv, MaxPool), False: (Threshold, Scores)}
"""What may follow, by whether every matrix has got its thresholds."""


def _layer(matrix: Matrix, node: Threshold | Scores, entering: Value) -> Layer:
    thresholds = node.thresholds if isinstance(node, Threshold) else None
    table = _score_table(node, matrix, value_range(matrix.entering(entering))) if isinstance(node, Scores) else None
    if isinstance(matrix, Dense):
        return DenseLayer(node.name, matrix.weights, matrix.mw, thresholds, score_table=table)
    assert isinstance(matrix, Conv)
    if matrix.groups != 1:
        raise NetworkError(f"{matrix.where}: has {matrix.groups} groups, a chain's convolutions have 1")
    return ConvLayer(
        node.name,
        matrix.weights,
        matrix.mw,
        thresholds,
        score_table=table,
        kernel=matrix.kernel,
        stride=matrix.stride,
        padding=matrix.padding,
        pad_values=matrix.pad_values,  # type: ignore[arg-type]
    )


def _score_table(scores: Scores, matrix: Matrix, entering: tuple[int, int] | None) -> NDArray[np.int32] | None:
    """A chain's table, or None where the scores are what a chain's are without one."""
    low, high = accumulator_range(matrix.weight_bits, entering)
    if scores.table is not None:
        rows = zip(scores.table, low - low.min(), high - low.min(), strict=True)
        return np.stack([row[first : last + 1] for row, first, last in rows])
    factor, offset = (2, -matrix.mw) if entering is None else (1, 0)
    assert scores.multipliers is not None
    assert scores.offsets is not None
    if (scores.multipliers != factor).any() or (scores.offsets != offset).any():
        raise NetworkError(
            f"{scores.where}: is not part of a chain, whose scores are {factor} x + {offset} here, or a table"
        )
    return None
