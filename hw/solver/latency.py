"""The folding with the least latency of one frame within a budget.

A frame's latency is no sum over the layers: a layer works while the one before still does. The search therefore has
an inner model (``LatencyModel``: when the first and the last element of every stream are there, as if they came
evenly), which is cheap and good to some percent, and the last word has the cycle model. Small networks are searched
exhaustively with the cycle model. For others, labels (first, last, LUTs, block RAMs) are carried from segment to
segment, of which the dominated ones, on a grid of 1/``GRID`` of the budget, are dropped; the best are run by the cycle
model and improved by it, one layer's folding at a time, until no change helps. That is verified, but not proved to be
the least.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from itertools import product
from math import prod

import numpy as np
from numpy.typing import NDArray

from bnn import ConvLayer, Layer, MatrixLayer, MaxPoolLayer, Shape
from bnn.folding import LoopOrder
from hw.cycles import predict_latency
from hw.dataflow import build_dataflow
from hw.resources import TOP_OVERHEAD, Resources
from hw.solver.space import Budget, Choice, FoldingSpace

EXHAUSTIVE_FOLDINGS = 2000
GRID = 96
FINALISTS = 24
MAX_NEIGHBOURS = 24
SLACK = 1.05
"""Changes that the inner model takes for worse than this factor are not tried in the cycle model."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Stage:
    """One layer's geometry: which share of its input each of a few telling output positions needs.

    Attributes:
        begins: share of the input after which a position's window has its first element.
        whole: share after which it has all.
        left: positions from this one on, this one included.
        positions: of a frame.
    """

    begins: tuple[float, ...]
    whole: tuple[float, ...]
    left: tuple[int, ...]
    positions: int

    @classmethod
    def of(cls, layer: Layer, shape: Shape) -> _Stage:
        if not isinstance(layer, ConvLayer | MaxPoolLayer):
            return cls((0.0,), (1.0,), (1,), 1)
        height, width, _ = shape
        rows, columns, _ = layer.output_shape(shape)
        top, left = layer.padding[:2]
        begins, whole, remaining = [], [], []
        for row, column in sorted({(r, c) for r in (0, rows - 1) for c in (0, columns - 1)}):
            y, x = row * layer.stride[0] - top, column * layer.stride[1] - left
            last_y, last_x = min(y + layer.kernel[0], height) - 1, min(x + layer.kernel[1], width) - 1
            begins.append((max(y, 0) * width + max(x, 0)) / (height * width))
            whole.append((last_y * width + last_x + 1) / (height * width))
            remaining.append(rows * columns - row * columns - column)
        return cls(tuple(begins), tuple(whole), tuple(remaining), rows * columns)


class LatencyModel:
    """The inner model: times of the first and the last element of every segment's output."""

    def __init__(self, space: FoldingSpace) -> None:
        self._space = space
        walk = list(space.network.walk())
        matrices = [at for at, (layer, _, _) in enumerate(walk) if isinstance(layer, MatrixLayer)]
        bounds = [0, *matrices[1:], len(walk)]
        self._parts = [
            [(layer, _Stage.of(layer, shape)) for layer, shape, _ in walk[bounds[i] : bounds[i + 1]]]
            for i in range(len(matrices))
        ]
        self._pixels = prod(space.network.input.shape)

    def start(self, choice: Choice) -> tuple[float, float]:
        """When the first and the last pixel are there."""
        return 1.0, self._pixels / choice.folding.simd

    def after(self, index: int, choice: Choice, first: Floats, last: Floats) -> tuple[Floats, Floats]:
        """Times after segment ``index``, of its input's (any shape, the same for both)."""
        for layer, stage in self._parts[index]:
            if isinstance(layer, MatrixLayer):
                first, last = _matrix(layer, stage, choice, first, last)
            else:  # a pool keeps up
                first, last = first + stage.whole[0] * (last - first) + 1, last + 1
        return first, last

    def latency(self, chosen: list[Choice]) -> float:
        """Of a whole design."""
        first, last = (np.float64(time) for time in self.start(chosen[0]))
        for index, choice in enumerate(chosen):
            first, last = self.after(index, choice, first, last)  # type: ignore[assignment,arg-type]
        return float(last)


def _matrix(layer: MatrixLayer, stage: _Stage, choice: Choice, first: Floats, last: Floats) -> tuple[Floats, Floats]:
    neurons, synapses = layer.mh // choice.folding.pe, layer.mw // choice.folding.simd
    position = neurons * synapses
    # What is left of a position's work once its last input is there: all folds but the first, or one step a neuron.
    tail = neurons if choice.folding.order is LoopOrder.INPUT_MAJOR else (neurons - 1) * synapses + 1
    span = last - first
    end = first
    for begins, whole, left in zip(stage.begins, stage.whole, stage.left, strict=True):
        begun = first + begins * span + left * position
        finished = first + whole * span + tail + (left - 1) * position
        end = np.maximum(end, np.maximum(begun, finished))
    one = neurons if choice.folding.order is LoopOrder.INPUT_MAJOR else tail
    start = np.maximum(first + stage.begins[0] * span + position, first + stage.whole[0] * span + one) - one
    pipeline = 6  # window, replay buffer, popcount, width converter
    return start + pipeline, end + pipeline


@dataclass(frozen=True)
class _Labels:
    """Partial designs: arrays of one length, and what each was made of."""

    first: Floats
    last: Floats
    luts: NDArray[np.int64]
    bram18: NDArray[np.int64]
    history: NDArray[np.int64]  # (labels, segments so far): numbers of the choices

    def take(self, index: NDArray[np.int64]) -> _Labels:
        return _Labels(self.first[index], self.last[index], self.luts[index], self.bram18[index], self.history[index])


def least_latency(space: FoldingSpace, budget: Budget) -> list[Choice] | None:
    """The choices with the least latency that was found; None where nothing fits the budget."""
    if prod(len(choices) for choices in space.choices) <= EXHAUSTIVE_FOLDINGS:
        fitting = [list(chosen) for chosen in product(*space.choices) if fits(space.cost(chosen), budget)]
        return min(fitting, key=lambda chosen: measured(space, chosen), default=None)
    model = LatencyModel(space)
    finalists = _search(space, model, budget)
    if not finalists:
        return space.cheapest(max(space.cycles), budget)
    return _improve(space, model, budget, min(finalists, key=lambda chosen: measured(space, chosen)))


def measured(space: FoldingSpace, chosen: Iterable[Choice]) -> int:
    """Latency by the cycle model, with default buffers."""
    return predict_latency(build_dataflow(space.network, space.folding(chosen), pipeline=space.pipeline))


def fits(cost: Resources, budget: Budget) -> bool:
    """Within the budget."""
    return cost.luts <= budget.luts and cost.bram18 <= budget.bram18


def _search(space: FoldingSpace, model: LatencyModel, budget: Budget) -> list[list[Choice]]:
    """The best designs by the inner model."""
    labels: dict[int, _Labels] = {}
    for index, choices in enumerate(space.choices):
        found: dict[int, list[_Labels]] = {}
        for number, choice in enumerate(choices):
            for lanes, before in labels.items() if index else [(0, _start(model, choice))]:
                cost = choice.resources + space.converter(index, lanes, choice)
                luts, bram18 = before.luts + cost.luts, before.bram18 + cost.bram18
                kept = np.flatnonzero((luts <= budget.luts) & (bram18 <= budget.bram18))
                if not len(kept):
                    continue
                first, last = model.after(index, choice, before.first[kept], before.last[kept])
                history = np.column_stack((before.history[kept], np.full(len(kept), number)))
                found.setdefault(choice.lanes, []).append(_Labels(first, last, luts[kept], bram18[kept], history))
        labels = {lanes: _undominated(_concatenate(parts), budget) for lanes, parts in found.items()}
    everything = (
        _concatenate(list(labels.values())) if labels else _start(model, space.choices[0][0]).take(np.arange(0))
    )
    best = everything.history[np.argsort(everything.last, kind="stable")[:FINALISTS]]
    return [[space.choices[index][number] for index, number in enumerate(numbers)] for numbers in best]


def _start(model: LatencyModel, choice: Choice) -> _Labels:
    first, last = model.start(choice)
    overhead = np.array([TOP_OVERHEAD.luts]), np.array([TOP_OVERHEAD.bram18])
    return _Labels(np.array([first]), np.array([last]), *overhead, np.zeros((1, 0), np.int64))


def _concatenate(parts: list[_Labels]) -> _Labels:
    return _Labels(*(np.concatenate([getattr(part, entry.name) for part in parts]) for entry in fields(_Labels)))


def _undominated(labels: _Labels, budget: Budget) -> _Labels:
    """Those that are earlier than all that cost no more, costs rounded to the grid."""
    luts = labels.luts * GRID // max(budget.luts, 1)
    rams = labels.bram18 * GRID // max(budget.bram18, 1)
    # Of the first element's time the half that the next layer may have to wait for it.
    order = np.lexsort((labels.bram18, labels.luts, labels.first + labels.last))
    _, earliest = np.unique((luts * (GRID + 1) + rams)[order], return_index=True)
    fewest_rams = np.full(GRID + 1, GRID + 1)  # of what is kept, by LUTs
    kept = []
    for label in order[np.sort(earliest)]:
        if rams[label] < fewest_rams[luts[label]]:
            kept.append(label)
            fewest_rams[luts[label] :] = np.minimum(fewest_rams[luts[label] :], rams[label])
    return labels.take(np.array(kept, np.int64))


def _improve(space: FoldingSpace, model: LatencyModel, budget: Budget, chosen: list[Choice]) -> list[Choice]:
    """Change one segment's folding after the other while the cycle model shows a gain."""
    best, settled, index = measured(space, chosen), 0, 0
    while settled < len(chosen):
        bound = SLACK * model.latency(chosen)
        changes = []
        for choice in space.choices[index]:
            changed = [*chosen[:index], choice, *chosen[index + 1 :]]
            if choice != chosen[index] and fits(space.cost(changed), budget):
                changes.append((model.latency(changed), changed))
        changes.sort(key=lambda change: change[0])
        tried = [(measured(space, changed), changed) for time, changed in changes[:MAX_NEIGHBOURS] if time <= bound]
        latency, changed = min(tried, key=lambda change: change[0], default=(best, chosen))
        settled = 0 if latency < best else settled + 1
        if latency < best:
            best, chosen = latency, changed
        index = (index + 1) % len(chosen)
    return chosen
