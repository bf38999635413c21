"""A tensor of the file while it is read: a value of the model, and the operators that have acted on it since."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn.values import Shape
from bnn.window import Padding
from onnx_export.absorption.reach import Reach
from onnx_export.importer.elementwise import Elementwise
from onnx_export.importer.graph import Node
from onnx_export.importer.layout import Layout
from onnx_export.importer.levels import Bits, Integers
from onnx_export.importer.windows import Window

CHUNK = 2**20  # values in one call
MANY = 2**12  # integers that stand for a range of them

Numbers = NDArray[np.float32]  # (n, C)


@dataclass(frozen=True, eq=False)
class Steps:
    """The file's values in exact arithmetic: step * (k + shift), for the integer k that the model has.

    Attributes:
        step: (1,) or (C,), not 0.
        shift: one for all channels, or one a channel.
    """

    step: NDArray[np.float64]
    shift: tuple[Fraction, ...] = (Fraction(0),)

    @property
    def shifts(self) -> NDArray[np.float64]:
        """(1,) or (C,), nearest."""
        return np.array([float(own) for own in self.shift])

    @property
    def one_step(self) -> float | None:
        """The step, where all channels have it and it is above 0."""
        step = float(self.step[0])
        return step if step > 0 and bool((self.step == step).all()) else None

    def at(self, numbers: NDArray[Any]) -> NDArray[np.float64]:
        """(n, C) integers to the file's values."""
        values: NDArray[np.float64] = self.step * (numbers.astype(np.float64) + self.shifts)
        return values


@dataclass(frozen=True, eq=False)
class Base:
    """A value that the model has, or has where it is asked for.

    Attributes:
        name: what messages call it, and what is made of it is called after.
        node: of the file, that made it.
        shape: (H, W, C).
        emit: adds its node to the model, once; gives the name of the value.
        floats: (n, C) of the model's numbers to the file's float32 values. A bit's number is -1 or +1.
        reach: the integers that it can be; None for bits.
        error: (C,) how far the file's own float32 may be from ``floats``; 0 where that is exact.
        levels: of bits.
        steps: of integers, where every channel's values lie on a line.
        pixels: of integers that are pixels: their table.
        turned: the same with the numbers of some channels negated, where that costs nothing.
        signs: (C,) -1 where they are negated.
        ordered: of a last layer: the same with channels in another order, where that costs nothing.
    """

    name: str
    node: Node
    shape: Shape
    emit: Callable[[], str]
    floats: Callable[[Numbers], Numbers]
    reach: Reach | None
    error: NDArray[np.float64]
    levels: Bits | None = None
    steps: Steps | None = None
    pixels: Integers | None = None
    turned: Callable[[NDArray[np.bool_]], Base] | None = None
    signs: NDArray[np.float32] | None = None
    ordered: Callable[[NDArray[np.int64]], Base] | None = None

    @property
    def channels(self) -> int:
        """C."""
        return self.shape[2]

    def spans(self) -> Iterator[tuple[Numbers, NDArray[np.bool_]]]:
        """Every number that each channel can be, in order, and whether it can be that."""
        if self.reach is None:
            both = np.array([[-1.0], [1.0]], np.float32)
            yield np.repeat(both, self.channels, axis=1), np.ones((2, self.channels), bool)
            return
        rows = max(1, CHUNK // self.channels)
        for start in range(0, self.reach.count, rows):
            stop = min(start + rows, self.reach.count)
            yield self.reach.accumulators(start, stop), np.arange(start, stop)[:, None] < self.reach.counts

    def ends(self) -> Numbers:
        """(2, C) the lowest and the highest number of each channel."""
        if self.reach is None:
            return next(self.spans())[0]
        return np.stack([self.reach.floats(self.reach.lowest), self.reach.floats(self.reach.highest)])

    def integers(self) -> Integers:
        """What a matrix is told of integers with one step: some of them stand for all."""
        if self.pixels is not None:
            return self.pixels
        assert self.reach is not None
        assert self.steps is not None
        low, high = int(self.reach.lowest.min()), int(self.reach.highest.max())
        table = np.unique(np.append(np.arange(low, min(high, low + MANY) + 1), high))[None]
        shift = self.steps.shift
        floats = self.steps.at(table.T).T.astype(np.float32)
        return Integers(np.repeat(table, len(floats), axis=0), float(self.steps.step[0]), floats, shift)


@dataclass(frozen=True, eq=False)
class Pad:
    """Padding of height and width that waits for its convolution."""

    node: Node
    padding: Padding
    value: float


@dataclass(frozen=True, eq=False)
class Lowered:
    """An Im2Col that waits for its matrix."""

    node: Node
    window: Window
    value: float


@dataclass(frozen=True, eq=False)
class Pixels:
    """The image before anything is made of it.

    Attributes:
        arrangement: (H * W * C,) number in the file's flattened input of every element (y, x, c).
        places: as ``PixelPath.places``.
    """

    arrangement: NDArray[np.int64]
    places: tuple[NDArray[np.int64], int] | None = None


@dataclass(frozen=True, eq=False)
class Signal:
    """A tensor.

    Attributes:
        base: what it is made of.
        operators: that have acted on it since, in order.
        layout: of the tensor.
        pad: in front of a convolution.
        lowered: in front of a matrix.
        difference: two signals of one base whose difference this is.
        noise: how far the file's own values are off by the rounding of what is left out.
        kept: a Softmax or Sigmoid that keeps the order of the logits, and the tensor in front of it.
    """

    base: Base | Pixels
    layout: Layout
    operators: tuple[Elementwise, ...] = ()
    pad: Pad | None = None
    lowered: Lowered | None = None
    difference: tuple[Signal, Signal] | None = None
    noise: float = 0.0
    kept: tuple[Node, str] | None = None

    @property
    def value(self) -> Base:
        """The base of what is no image any more."""
        assert isinstance(self.base, Base)
        return self.base

    @property
    def last_node(self) -> Node:
        """That made the tensor."""
        return self.operators[-1].node if self.operators else self.value.node

    @property
    def key(self) -> tuple[int, ...]:
        """Equal for tensors of equal values."""
        return (id(self.base), *map(id, self.operators))

    def acted(self, operator: Elementwise) -> Signal:
        """Behind one more operator."""
        return replace(self, operators=(*self.operators, operator), difference=None)

    def moved(self, layout: Layout) -> Signal:
        """In another layout."""
        return replace(self, layout=layout)

    def applied(self, values: NDArray[Any]) -> NDArray[Any]:
        """The operators on (n, C) values of the base."""
        with np.errstate(all="ignore"):
            for operator in self.operators:
                values = operator.function(values)
        return values

    def at(self, numbers: Numbers, off: NDArray[np.float64] | None = None) -> Numbers:
        """What the file computes of (n, C) numbers of the base; ``off`` (C,) is added to its float sums."""
        values = self.value.floats(numbers)
        if off is not None:
            values = (values.astype(np.float64) + off).astype(np.float32)
        after = self.applied(values)
        if after.dtype != np.float32:
            raise self.last_node.refuse(f"gives {after.dtype} to a matrix, must be float32")
        return np.broadcast_to(after, numbers.shape)
