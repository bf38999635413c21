"""A stage while the walk along the graph collects what follows its matrix, and what it becomes in the end."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bnn.stage import ChainLayer, Epilogue, Pool
from bnn.window import NO_PADDING
from onnx_export.absorption.reach import Reach, reachable
from onnx_export.importer.elementwise import Elementwise
from onnx_export.importer.graph import Node
from onnx_export.importer.levels import Bits, Integers, two_levels
from onnx_export.importer.matrices import Matrix
from onnx_export.importer.rounding import near_ties, near_turns, sum_error

CHUNK = 2**20  # values in one call


@dataclass(eq=False)
class OpenStage:
    """A matrix and the operators behind it, so far.

    Attributes:
        name: of the layer.
        matrix: its weights, scale and bias.
        entering: what its input values mean.
        pad: what a padded position reads as, as an input of the integer network.
        operators: in order.
        pool: a max pool and how many operators stand before it.
    """

    name: str
    matrix: Matrix
    entering: Bits | Integers
    pad: int
    operators: list[Elementwise] = field(default_factory=list)
    pool: tuple[Node, Pool, int] | None = None

    def levels(self, *, of_bits: bool) -> Bits:
        """The two values that the stage gives: those at the ends of every channel's accumulators.

        A channel that turns once takes no other; `hidden` refuses one that does.

        Args:
            of_bits: the next matrix counts bits, so that a single value is one of 0 and 1.
        """
        reach = self._reach()
        ends = np.concatenate([reach.accumulators(0, 1), reach.accumulators(reach.count - 1, reach.count)])
        values = self._values(ends)
        levels = Bits(0.0, 1.0) if of_bits and np.isin(values, (0, 1)).all() else two_levels(values)
        if levels is None:
            distinct = np.unique(values)
            shown = ", ".join(f"{value:g}" for value in distinct[:4]) + (", ..." if len(distinct) > 4 else "")
            raise self._last_node.refuse(
                f"layer {self.name} would give {len(distinct)} values ({shown}), must be two; "
                "only activations of 1 bit, alike for all channels, can become bits"
            )
        return levels

    def hidden(self, levels: Bits) -> ChainLayer:
        """The stage of a hidden layer that gives these two values."""
        sign = self._falling_rows()

        def epilogue(accumulators: NDArray[np.float32]) -> NDArray[np.float32]:
            values = self._values(accumulators * sign)
            high, low = values == np.float32(levels.high), values == np.float32(levels.low)
            if not (high | low).all():
                row, channel = np.argwhere(~(high | low))[0]
                is_sign = values[row, channel] == 0 and any(operator.node.op == "Sign" for operator in self.operators)
                advice = "; use x >= 0, or sign(sign(x) + 0.1), so that 0 counts as +1" if is_sign else ""
                raise self._last_node.refuse(
                    f"layer {self.name} channel {channel} gives {values[row, channel]:g} at accumulator "
                    f"{accumulators[row, channel] * sign[channel]:g}, besides {levels.low:g} and {levels.high:g}; "
                    f"only activations of 1 bit can become bits{advice}"
                )
            return np.where(high, np.float32(1), np.float32(-1))

        return self._stage(epilogue, sign)

    def last(self, order: NDArray[np.int64]) -> ChainLayer:
        """The stage of the last layer, whose epilogue gives logits; channel ``order[i]`` becomes class i.

        One logit alone becomes class 1, and class 0 gets the logit 0: the higher one, 0 where they are equal, is what
        such a classifier means.
        """
        if len(order) == 1:
            stage = self._stage(self._zero_and_logit, np.ones(1, np.float32))
            return replace(stage, weights=np.concatenate([stage.weights, stage.weights]))

        def epilogue(accumulators: NDArray[np.float32]) -> NDArray[np.float32]:
            in_file = np.empty_like(accumulators)
            in_file[:, order] = accumulators
            return self._values(in_file)[:, order]

        stage = self._stage(epilogue, np.ones(len(order), np.float32))
        return replace(stage, weights=stage.weights[order])

    def rounding_notes(self, *, is_last: bool) -> list[str]:
        """How many channels of this layer lie where a float sum's rounding decides; nothing where none does."""
        error = sum_error(self.matrix, self.entering)
        if not error.any():
            return []

        def values(accumulators: NDArray[np.float32], off: NDArray[np.float64]) -> NDArray[np.float32]:
            return self._values(accumulators, off=off)

        channels = len(self.matrix.weights)
        if is_last:
            count = near_ties(values, self._reach(), error, with_zero=channels == 1)
            return [f"{count} of {channels} logits of layer {self.name} can tie"] if count else []
        count = near_turns(values, self._reach(), error)
        return [f"{count} of {channels} channels of layer {self.name} turn"] if count else []

    def _zero_and_logit(self, accumulators: NDArray[np.float32]) -> NDArray[np.float32]:
        logits = self._values(np.ascontiguousarray(accumulators[:, 1:]))
        return np.concatenate([np.zeros_like(logits), logits], axis=1)

    @property
    def _last_node(self) -> Node:
        return self.operators[-1].node if self.operators else self.matrix.node

    def _stage(self, epilogue: Epilogue, sign: NDArray[np.float32]) -> ChainLayer:
        window = self.matrix.window
        rows = sign.reshape(-1, *[1] * (self.matrix.weights.ndim - 1))
        return ChainLayer(
            name=self.name,
            weights=self.matrix.weights * rows,
            epilogue=epilogue,
            is_convolution=window is not None,
            stride=window.stride if window else (1, 1),
            padding=window.padding if window else NO_PADDING,
            pad_value=self.pad,
            pool_before=self.pool[1] if self.pool else None,
        )

    def _reach(self) -> Reach:
        values = None
        if isinstance(self.entering, Integers):
            values = np.unique(self.entering.table)
            if self.matrix.is_padded:
                values = np.union1d(values, [self.pad])
        return reachable(self.name, self.matrix.rows, values)

    def _values(
        self,
        accumulators: NDArray[np.float32],
        operators: int | None = None,
        off: NDArray[np.float64] | None = None,
    ) -> NDArray[np.float32]:
        """What the file computes from (n, mh) accumulators with the first ``operators`` of them, or all.

        ``off``, (mh,), is added to the float sums.
        """
        with np.errstate(all="ignore"):
            values = self._products(accumulators)
            if off is not None:
                values = (values.astype(np.float64) + off).astype(np.float32)
            if self.matrix.bias is not None:
                values = values + self.matrix.bias
            for operator in self.operators[:operators]:
                values = operator.function(values)
        if values.dtype != np.float32:
            raise self._last_node.refuse(f"gives {values.dtype} to a matrix, must be float32")
        return np.broadcast_to(values, accumulators.shape)

    def _products(self, accumulators: NDArray[np.float32]) -> NDArray[np.float32]:
        """The file's matrix product: the exact sum, rounded to float32 once.

        The input is offset + height * x with bipolar x, so a row w of the matrix sums up to
        height * (w x) + offset * sum(w). Counting equal bits instead, P = (w x + mw) / 2.
        """
        matrix, entering = self.matrix, self.entering
        if matrix.counts:
            return (accumulators + np.float32(matrix.rows.shape[1])) * np.float32(0.5)
        if isinstance(entering, Integers) and any(entering.shift):
            shifted = accumulators.astype(np.float64) + self._row_shifts
            return (shifted * (entering.scale * matrix.scale)).astype(np.float32)
        height = entering.scale if isinstance(entering, Integers) else entering.height
        offset = 0.0 if isinstance(entering, Integers) else entering.offset
        factor = height * matrix.scale
        if not offset and np.array_equal(factor.astype(np.float32), factor):
            return accumulators if (factor == 1).all() else accumulators * factor.astype(np.float32)
        shift = offset * matrix.scale * matrix.rows.sum(axis=1, dtype=np.int64)
        sums: NDArray[np.float32] = (accumulators.astype(np.float64) * factor + shift).astype(np.float32)
        return sums

    @cached_property
    def _row_shifts(self) -> NDArray[np.float64]:
        """(mh,) what the shifts of the channels' integers add to the sum of a row, in steps.

        The nearest float64 that is a whole number only if the exact shift is, so that a sum is 0 only if it is exactly.
        """
        assert isinstance(self.entering, Integers)
        shift = self.entering.shift
        denominator = math.lcm(*(own.denominator for own in shift))
        numerators = [int(own * denominator) for own in shift]
        weights = self.matrix.weights.reshape(len(self.matrix.weights), self.matrix.weights.shape[1], -1)
        sums = weights.sum(axis=2, dtype=np.int64)  # (mh, C)
        if len(shift) == 1:
            sums = sums.sum(axis=1, keepdims=True)
        exact = [
            Fraction(sum(int(w) * n for w, n in zip(row, numerators, strict=True)), denominator)
            for row in sums.tolist()
        ]
        nearest = np.array([float(own) for own in exact])
        for index, own in enumerate(exact):
            if own.denominator != 1 and nearest[index].is_integer():
                nearest[index] = np.nextafter(nearest[index], np.inf if own > Fraction(nearest[index]) else -np.inf)
        return nearest

    def _falling_rows(self) -> NDArray[np.float32]:
        """(mh,) -1 where what a max pool compares falls with the accumulator, else 1.

        With such a row negated, all that the pool compares rises with the accumulator, so that it may compare the
        accumulators themselves: max(f(a), f(b)) = f(max(a, b)) for rising f, rounding included.
        """
        sign = np.ones(len(self.matrix.weights), np.float32)
        if self.pool is None:
            return sign
        node, _, operators = self.pool
        reach = self._reach()
        rises, falls = np.ones(len(sign), bool), np.ones(len(sign), bool)
        rows = max(2, CHUNK // len(sign))
        for start in range(0, reach.count - 1, rows - 1):
            values = self._values(reach.accumulators(start, min(start + rows, reach.count)), operators)
            rises &= (values[1:] >= values[:-1]).all(axis=0)
            falls &= (values[1:] <= values[:-1]).all(axis=0)
        neither = ~(rises | falls)
        if neither.any():
            raise node.refuse(
                f"layer {self.name} channel {int(np.argmax(neither))}: what it takes the maximum of neither rises nor "
                "falls with the accumulator, so it is no maximum of bits"
            )
        sign[falls & ~rises] = -1
        return sign
