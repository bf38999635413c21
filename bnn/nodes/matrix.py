"""What dense and convolutional nodes share: a (mh, mw) matrix of bits, one row an output."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bnn.arrays import frozen
from bnn.encoding import BITS_PER_WORD, unpack_bits, word_count
from bnn.nodes.node import Node
from bnn.values import Bits, Integers, NetworkError, Shape, Value, integers


@dataclass(frozen=True, eq=False)
class Matrix(Node):
    """A matrix of weights of 1 bit.

    Attributes:
        weights: (mh, ceil(mw / 64)) uint64, packed rows; bits above mw are 0.
        mw: matrix width, the number of inputs of one output.
    """

    weights: NDArray[np.uint64]
    mw: int

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "weights", frozen(self.weights, np.uint64, f"{self.where}: weights"))
        check_weights(self.where, self.weights, self.mw)

    @property
    def mh(self) -> int:
        """Matrix height: the number of outputs (channels)."""
        return int(self.weights.shape[0])

    @cached_property
    def weight_bits(self) -> NDArray[np.uint8]:
        """(mh, mw) bits."""
        return unpack_bits(self.weights, self.mw)

    @abstractmethod
    def output_shape(self, input_shape: Shape) -> Shape:
        """(H_out, W_out, mh); NetworkError where channels or sizes do not fit."""

    def entering(self, value: Value) -> Value:
        """The input as the matrix's rows see it: with what a padded position reads as."""
        return value

    def output(self, *values: Value) -> Value:
        """As ``Node.output``."""
        shape = self.output_shape(values[0].shape)
        value = self.entering(values[0])
        low, high = accumulator_range(self.weight_bits, value_range(value))
        return integers(self.where, shape, int(low.min()), int(high.max()))


def value_range(value: Value) -> tuple[int, int] | None:
    """Lowest and highest integer of a value; None for bits."""
    return None if isinstance(value, Bits) else (value.lowest, value.highest)


def accumulator_range(
    weight_bits: NDArray[np.uint8], value_range: tuple[int, int] | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Lowest and highest accumulator of every row of (mh, mw) weights, each (mh,).

    Args:
        weight_bits: (mh, mw).
        value_range: lowest and highest input integer; None for binary input, whose accumulator is a popcount.
    """
    mh, mw = weight_bits.shape
    if value_range is None:
        return np.zeros(mh, np.int64), np.full(mh, mw, np.int64)
    low, high = value_range
    plus = weight_bits.sum(axis=1, dtype=np.int64)  # inputs with weight +1
    minus = mw - plus
    return plus * low - minus * high, plus * high - minus * low


def check_weights(where: str, weights: NDArray[np.uint64], mw: int) -> None:
    """NetworkError unless the words hold (mh, mw) bits and nothing else."""
    if weights.ndim != 2 or weights.shape[0] < 1 or mw < 1 or weights.shape[1] != word_count(mw):
        raise NetworkError(
            f"{where}: weights have shape {weights.shape}, must be (mh, {word_count(mw)}) words for mw ({mw})"
        )
    if mw % BITS_PER_WORD and (weights[:, -1] >> np.uint64(mw % BITS_PER_WORD)).any():
        raise NetworkError(f"{where}: weight bits above mw ({mw}) must be 0")


def widened(value: Value, pad_values: NDArray[np.integer], where: str) -> Value:
    """The value with what padded positions read as; NetworkError where bits are padded with what is none."""
    low, high = int(pad_values.min()), int(pad_values.max())
    if not isinstance(value, Bits):
        return Integers(value.shape, min(value.lowest, low), max(value.highest, high))
    if low < 0 or high > 1:
        raise NetworkError(f"{where}: pad_values must lie in 0..1, they reach {low}..{high}")
    return value
