"""What a matrix of the file makes of its input: sums of +-1 or of integers, and the file's float32 values of them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bnn.chain import ACCUMULATOR
from bnn.stage import Add
from bnn.stage import Matrix as ModelMatrix
from bnn.values import Shape
from bnn.window import NO_PADDING
from onnx_export.absorption.made import Made
from onnx_export.absorption.matrices import matrix_reach
from onnx_export.absorption.reach import Reach
from onnx_export.importer.building import Building
from onnx_export.importer.levels import Bits, Integers
from onnx_export.importer.matrices import Matrix
from onnx_export.importer.padding import pad_integer
from onnx_export.importer.rounding import sum_error
from onnx_export.importer.signal import Base, Numbers, Steps


@dataclass(frozen=True, eq=False)
class Product:
    """A matrix of the file behind bits or integers of the model.

    Attributes:
        name: of the layer.
        matrix: its weights, scale and bias.
        source: its input.
        pad: what the file pads with.
        rows: (mh,) which of the file's rows stand where, and the sign that each is taken with.
    """

    building: Building
    name: str
    matrix: Matrix
    source: Base
    pad: float = 0.0
    rows: tuple[NDArray[np.int64], NDArray[np.float32]] | None = None

    def base(self) -> Base:
        """The sums as a value of the model.

        A convolution that pads bits with what is just between them, 0 between -1 and +1, is the mean of two: one that
        pads with the lower and one that pads with the higher.
        """
        rows, signs = self.ordered
        error = sum_error(self.matrix, self.entering, float(self.source.error.max(initial=0)))
        reach = self._reach(self.pads[0])
        emit = self.building.adding(lambda: self._node(self.building.unique(self.name + ACCUMULATOR), self.pads[0]))
        if len(self.pads) > 1:
            reach = Reach(2 * reach.lowest, 2 * reach.highest, 2)
            emit = self.building.adding(self._mean)
        return Base(
            name=self.name,
            node=self.matrix.node,
            shape=self.shape,
            emit=emit,
            floats=self.floats,
            reach=reach,
            error=np.broadcast_to(error, len(self.matrix.rows))[rows],
            steps=self._steps(signs) if self.matrix.bias is None or np.isfinite(self.matrix.bias).all() else None,
            turned=self._turned,
            signs=signs,
            ordered=lambda order: replace(self, rows=(rows[order], signs[order])).base(),
        )

    @cached_property
    def entering(self) -> Bits | Integers:
        """What the input means."""
        return self.source.levels if self.source.levels is not None else self.source.integers()

    @cached_property
    def ordered(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """``rows``, where they are left out those of the file."""
        count = len(self.matrix.rows)
        return (np.arange(count), np.ones(count, np.float32)) if self.rows is None else self.rows

    @cached_property
    def pads(self) -> tuple[int, ...]:
        """What a padded position reads as in the model; two values of which the mean is meant."""
        if not self.matrix.is_padded:
            return (0,)
        entering = self.entering
        if isinstance(entering, Bits) and np.float32(entering.low) < self.pad == np.float32(entering.offset):
            return -1, 1
        return (pad_integer(self.matrix.node, entering, self.pad),)

    @property
    def shape(self) -> Shape:
        """(H, W, C) of the sums."""
        height, width, _ = self.matrix.layout.shape
        return height, width, len(self.ordered[0])

    def _turned(self, channels: NDArray[np.bool_]) -> Base:
        rows, signs = self.ordered
        return replace(self, rows=(rows, np.where(channels, -signs, signs))).base()

    def _node(self, name: str, pad: int) -> ModelMatrix:
        return replace(self._shaped(pad), name=name, inputs=(self.source.emit(),))

    def _shaped(self, pad: int) -> ModelMatrix:
        window, (rows, signs) = self.matrix.window, self.ordered
        return ModelMatrix(
            self.name,
            (self.source.name,),
            self.matrix.weights[rows] * signs.reshape(-1, *[1] * (self.matrix.weights.ndim - 1)),
            is_convolution=window is not None,
            stride=window.stride if window else (1, 1),
            padding=window.padding if window else NO_PADDING,
            pad_value=pad,
            groups=self.matrix.groups,
        )

    def _mean(self) -> Add:
        halves = []
        for pad, kind in zip(self.pads, ("low", "high"), strict=True):
            halves.append(self.building.add(self._node(self.building.unique(f"{self.name}.padded_{kind}"), pad)))
        return Add(self.building.unique(self.name + ACCUMULATOR), tuple(halves))

    def _reach(self, pad: int) -> Reach:
        made = Made(self.source.name, np.zeros(self.source.channels, bool), self.source.reach)
        return matrix_reach(self._shaped(pad), self.source.shape, made)

    def floats(self, numbers: Numbers) -> Numbers:
        """What the file has behind the matrix, its bias included."""
        rows, signs = self.ordered
        values = self._products(numbers * signs / np.float32(len(self.pads)), rows)
        return values if self.matrix.bias is None else values + self.matrix.bias[rows]

    def _products(self, sums: Numbers, rows: NDArray[np.int64]) -> Numbers:
        """The file's matrix product: the exact sum, rounded to float32 once.

        The input is offset + height * x with bipolar x, so a row w of the matrix sums up to
        height * (w x) + offset * sum(w). Counting equal bits instead, P = (w x + mw) / 2.
        """
        matrix, entering, scale = self.matrix, self.entering, self.matrix.scale[rows]
        if matrix.counts:
            return (sums + np.float32(matrix.rows.shape[1])) * np.float32(0.5)
        if isinstance(entering, Integers) and any(entering.shift):
            shifted = sums.astype(np.float64) + self._row_shifts[rows]
            return (shifted * (entering.scale * scale)).astype(np.float32)
        height = entering.scale if isinstance(entering, Integers) else entering.height
        offset = 0.0 if isinstance(entering, Integers) else entering.offset
        factor = height * scale
        if not offset and np.array_equal(factor.astype(np.float32), factor):
            return sums if (factor == 1).all() else sums * factor.astype(np.float32)
        shift = offset * scale * matrix.rows.sum(axis=1, dtype=np.int64)[rows]
        exact: Numbers = (sums.astype(np.float64) * factor + shift).astype(np.float32)
        return exact

    def _steps(self, signs: NDArray[np.float32]) -> Steps:
        """The same in exact arithmetic: step * (k + shift)."""
        rows, entering, matrix = self.ordered[0], self.entering, self.matrix
        height = entering.scale if isinstance(entering, Integers) else entering.height
        step = matrix.scale[rows] * (0.5 if matrix.counts else height) * signs / len(self.pads)
        if matrix.counts:
            shift = [Fraction(matrix.rows.shape[1])] * len(rows)
        elif isinstance(entering, Integers):
            shift = [self._exact_row_shifts[row] for row in rows]
        else:
            offset = Fraction(entering.offset) / Fraction(entering.height)
            shift = [offset * int(total) for total in matrix.rows.sum(axis=1, dtype=np.int64)[rows]]
        shift = [own * len(self.pads) * int(sign) for own, sign in zip(shift, signs, strict=True)]
        if matrix.bias is not None:
            bias = zip(matrix.bias[rows].tolist(), step.tolist(), strict=True)
            shift = [own + Fraction(added) / Fraction(one) for own, (added, one) in zip(shift, bias, strict=True)]
        return Steps(step, tuple(shift))

    @cached_property
    def _exact_row_shifts(self) -> list[Fraction]:
        """(mh,) what the shifts of the channels' integers add to the sum of a row, in steps."""
        assert isinstance(self.entering, Integers)
        shift = self.entering.shift
        denominator = math.lcm(*(own.denominator for own in shift))
        numerators = [int(own * denominator) for own in shift]
        weights, groups = self.matrix.weights, self.matrix.groups
        sums = weights.reshape(len(weights), weights.shape[1], -1).sum(axis=2, dtype=np.int64)  # (mh, c_in / groups)
        if len(shift) == 1:
            return [Fraction(int(row.sum()) * numerators[0], denominator) for row in sums]
        own = np.repeat(np.array(numerators, object).reshape(groups, -1), len(weights) // groups, axis=0)
        return [
            Fraction(sum(int(w) * int(n) for w, n in zip(row, of, strict=True)), denominator)
            for row, of in zip(sums.tolist(), own, strict=True)
        ]

    @cached_property
    def _row_shifts(self) -> NDArray[np.float64]:
        """The same as float64: whole only if the exact shift is, so that a sum is 0 only if it is exactly."""
        exact = self._exact_row_shifts
        nearest = np.array([float(own) for own in exact])
        for index, own in enumerate(exact):
            if own.denominator != 1 and nearest[index].is_integer():
                nearest[index] = np.nextafter(nearest[index], np.inf if own > Fraction(nearest[index]) else -np.inf)
        return nearest
