"""The walk along a model's graph that makes the network's nodes, one kind of node after the other."""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatchmethod

import numpy as np
from numpy.typing import NDArray

from bnn import nodes
from bnn.network import Network, Notes
from bnn.stage import (
    Add,
    AveragePool,
    Concatenate,
    GlobalSum,
    Logits,
    Matrix,
    MaxPool,
    ModelGraph,
    ModelNode,
    OnGrid,
    PadChannels,
    Quantize,
    Sign,
    SumPool,
)
from onnx_export.absorption.grids import Target, fit_grid
from onnx_export.absorption.made import Builder, Made
from onnx_export.absorption.matrices import matrix_reach, network_matrix
from onnx_export.absorption.reach import Reach, joined, spread, summed
from onnx_export.absorption.readers import Readers
from onnx_export.absorption.scores import Order, order_scores, scores_node
from onnx_export.absorption.signs import Signs


class Walk:
    """One pass over a model, in the order of its nodes.

    Attributes:
        network: what was made of it.
    """

    def __init__(self, model: ModelGraph, progress: Callable[[int], None] | None) -> None:
        """Walk; raises as ``onnx_export.absorb.absorb``."""
        self._model = model
        self._readers = Readers(model)
        self._builder = Builder(list(model.values))
        self._signs = Signs(self._readers, self._builder)
        self._made = {model.input.name: self._source()}
        self._found: Order | None = None
        self._plain: dict[str, Made] = {}  # by value of the network, its integers as the model has them
        for node in model.steps:
            made = self._make(node)
            if made is not None:
                self._made[node.name] = made
            if progress and isinstance(node, Sign | Quantize | AveragePool | Logits):
                progress(1)
        self.network = Network(tuple(self._builder.nodes), Notes(self._builder.inverted))

    def _source(self) -> Made:
        source = self._model.input
        name = self._builder.add(source)
        value = self._model.values[name]
        none = np.zeros(value.shape[2], bool)
        if not isinstance(value, OnGrid):
            return Made(name, none)
        assert isinstance(source, nodes.Encode)
        lowest, highest, step = spread(source.table.astype(np.int64))
        return Made(name, none, Reach(np.full(len(none), lowest), np.full(len(none), highest), step))

    @singledispatchmethod
    def _make(self, node: ModelNode) -> Made | None:
        raise AssertionError(node)

    @_make.register
    def _matrix(self, node: Matrix) -> Made:
        source = self._made[node.inputs[0]]
        if source.reach is not None:
            source = self._as_model(source)
        shape = self._model.values[node.inputs[0]].shape
        reach = matrix_reach(node, shape, source)
        width = node.mw if source.reach is None else None
        made = Made(node.name, np.zeros(node.mh, bool), reach, width)
        flipped = self._rows_to_flip(node, made)
        self._builder.add(network_matrix(node, shape, source, flipped), flipped)
        return Made(node.name, flipped, reach, width)

    def _rows_to_flip(self, node: Matrix, made: Made) -> NDArray[np.bool_]:
        reader = self._readers.only(node.name)
        if isinstance(reader, Sign):
            return self._signs.turns(reader, made).falling
        if isinstance(reader, Logits):
            return np.full(node.mh, self._order(reader, made).direction < 0)
        return made.inverted

    @_make.register
    def _sign(self, node: Sign) -> Made:
        pool = self._readers.moved_pool(node)
        return self._signs.make(node, self._made[(pool or node).inputs[0]])

    @_make.register
    def _quantize(self, node: Quantize) -> Made:
        target = Target(node.fraction_bits, node.lowest, node.highest)
        grid, reach = fit_grid(node.name, node.epilogue, self._made[node.inputs[0]], target)
        self._builder.add(grid)
        return Made(node.name, np.zeros(reach.channels, bool), reach)

    @_make.register
    def _max_pool(self, node: MaxPool) -> Made | None:
        reader = self._readers.only(node.name)
        if isinstance(reader, Sign) and self._readers.moved_pool(reader) is node:
            return None
        source = self._made[node.inputs[0]]
        pool = nodes.MaxPool(node.name, (source.name,), kernel=node.kernel, stride=node.stride, padding=node.padding)
        return Made(self._builder.add(pool), source.inverted, source.reach, source.width)

    @_make.register
    def _average_pool(self, node: AveragePool) -> Made:
        source = self._made[node.inputs[0]]
        value = self._model.values[node.inputs[0]]
        assert isinstance(value, OnGrid)
        total = self._sum(self._builder.unique(f"{node.name}.sum"), source, node.kernel, node.stride)
        target = Target(value.fraction_bits, value.lowest, value.highest)
        grid, reach = fit_grid(node.name, node.epilogue, total, target)
        self._builder.add(grid)
        return Made(node.name, source.inverted, reach)

    @_make.register
    def _sum_pool(self, node: SumPool) -> Made:
        return self._sum(node.name, self._made[node.inputs[0]], node.kernel, node.stride)

    @_make.register
    def _global_sum(self, node: GlobalSum) -> Made:
        height, width, _ = self._model.values[node.inputs[0]].shape
        return self._sum(node.name, self._made[node.inputs[0]], (height, width), (height, width))

    def _sum(self, name: str, source: Made, kernel: tuple[int, int], stride: tuple[int, int]) -> Made:
        area, reach = kernel[0] * kernel[1], source.integers
        self._builder.add(nodes.SumPool(name, (source.name,), kernel=kernel, stride=stride))
        summed = Reach(reach.lowest * area, reach.highest * area, reach.step, reach.fraction_bits)
        return Made(name, source.inverted, summed, None if source.width is None else source.width * area)

    @_make.register
    def _add(self, node: Add) -> Made:
        summands = [self._made[name] for name in node.inputs]
        width: int | None = 0
        for summand in summands:
            width = None if width is None or summand.width is None else width + summand.width
        if width is None:
            summands = [self._as_model(summand) for summand in summands]
        self._builder.add(nodes.Add(node.name, tuple(summand.name for summand in summands)))
        return Made(node.name, summands[0].inverted, summed([summand.integers for summand in summands]), width)

    @_make.register
    def _concatenate(self, node: Concatenate) -> Made:
        parts = [self._made[name] for name in node.inputs]
        if len({part.width for part in parts}) > 1:
            parts = [self._as_model(part) for part in parts]
        self._builder.add(
            nodes.Concatenate(node.name, tuple(part.name for part in parts)),
            inverted := np.concatenate([part.inverted for part in parts]),
        )
        if parts[0].reach is None:
            return Made(node.name, inverted)
        return Made(node.name, inverted, joined([part.integers for part in parts]), parts[0].width)

    @_make.register
    def _pad_channels(self, node: PadChannels) -> Made:
        source = self._made[node.inputs[0]]
        around = (node.before, node.after)
        if source.width is not None and (node.value + source.width) % 2:
            source = self._as_model(source)
        value, reach = int(node.value > 0), source.reach
        if reach is not None:
            value = int(source.counted(np.array(node.value)))
            low, high = (np.pad(end, around, constant_values=node.value) for end in (reach.lowest, reach.highest))
            reach = Reach(low, high, reach.step, reach.fraction_bits)
        inverted = np.pad(source.inverted, around)
        padded = nodes.PadChannels(node.name, (source.name,), before=node.before, after=node.after, value=value)
        return Made(self._builder.add(padded, inverted), inverted, reach, source.width)

    @_make.register
    def _logits(self, node: Logits) -> None:
        source = self._made[node.inputs[0]]
        order = self._order(node, source)
        self._builder.add(scores_node(node.name, source, order, self._builder.values[source.name]))

    def _order(self, node: Logits, source: Made) -> Order:
        if self._found is None:
            self._found = order_scores(node.name, node.epilogue, source.integers, source.spacing)
        return self._found

    def _as_model(self, source: Made) -> Made:
        """The value with the model's own integers, 2 x - width, where the network counts x."""
        if source.width is None:
            return source
        if source.name not in self._plain:
            reach = source.integers
            grid = nodes.Grid(
                self._builder.unique(f"{source.name}.bipolar"),
                (source.name,),
                multipliers=np.full(reach.channels, 2),
                offsets=np.full(reach.channels, -source.width),
                shift=0,
                lowest=int(reach.lowest.min()),
                highest=int(reach.highest.max()),
            )
            self._plain[source.name] = Made(self._builder.add(grid), source.inverted, reach)
        return self._plain[source.name]
