"""The layers of a chain: a matrix fused with its thresholds, or the last one with its scores; a max pool of bits."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from bnn.arrays import frozen
from bnn.encoding import pack_bits, unpack_bits
from bnn.nodes.conv import check_channels, check_conv
from bnn.nodes.dense import check_inputs
from bnn.nodes.matrix import accumulator_range, check_weights
from bnn.values import NetworkError, Shape
from bnn.window import NO_PADDING, Padding, check_window, window_positions


@dataclass(frozen=True, eq=False)
class MatrixLayer:
    """What dense and convolutional layers share: a (mh, mw) matrix of bits and what becomes of its accumulators.

    Attributes:
        name: unique within the network; what errors, traces and reports call the layer.
        weights: (mh, ceil(mw / 64)) uint64, packed rows; bits above mw are 0.
        mw: matrix width, the number of inputs of one output.
        thresholds: (mh,) int32, or None for the last layer, which gives scores.
        score_table: (mh, accumulators) int32 or None; for accumulator a of channel c the score is
            ``score_table[c, a - a_min]``, with a_min 0 for binary input and that channel's lowest sum otherwise
            (rows are as long as the longest; entries past a channel's highest accumulator are 0 and never read).
            Only where 2 P - mw does not order the classes as the float logits do.
    """

    kind: ClassVar[str]

    name: str
    weights: NDArray[np.uint64]
    mw: int
    thresholds: NDArray[np.int32] | None
    score_table: NDArray[np.int32] | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", frozen(self.weights, np.uint64, f"{self.where}: weights"))
        for attribute in ("thresholds", "score_table"):
            value = getattr(self, attribute)
            if value is not None:
                object.__setattr__(self, attribute, frozen(value, np.int32, f"{self.where}: {attribute}"))
        self._check_arrays()

    def _check_arrays(self) -> None:
        where = self.where
        check_weights(self.where, self.weights, self.mw)
        if self.thresholds is not None and self.thresholds.shape != (self.mh,):
            raise NetworkError(f"{where}: {self.thresholds.shape} thresholds, must be one a channel ({self.mh},)")
        if self.thresholds is not None and self.score_table is not None:
            raise NetworkError(f"{where}: has thresholds and a score table, must have one of them at the most")
        if self.score_table is not None and (self.score_table.ndim != 2 or self.score_table.shape[0] != self.mh):
            raise NetworkError(f"{where}: score table has shape {self.score_table.shape}, must be ({self.mh}, n)")

    @property
    def where(self) -> str:
        """How errors call the layer."""
        return f"layer {self.name}"

    @property
    def mh(self) -> int:
        """Matrix height: the number of outputs (channels)."""
        return int(self.weights.shape[0])

    @cached_property
    def weight_bits(self) -> NDArray[np.uint8]:
        """(mh, mw) bits."""
        return unpack_bits(self.weights, self.mw)

    def accumulator_range(self, value_range: tuple[int, int] | None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Lowest and highest accumulator of every channel, each (mh,).

        Args:
            value_range: lowest and highest input integer; None for binary input, whose accumulator is a popcount.
        """
        return accumulator_range(self.weight_bits, value_range)


@dataclass(frozen=True, eq=False)
class DenseLayer(MatrixLayer):
    """Every output sees every input, flattened over (y, x, c)."""

    kind: ClassVar[str] = "dense"

    @classmethod
    def from_bits(
        cls,
        name: str,
        weight_bits: NDArray[np.generic],
        thresholds: NDArray[np.generic] | None,
        score_table: NDArray[np.generic] | None = None,
    ) -> DenseLayer:
        """Build from (mh, mw) bits instead of packed words."""
        return cls(name, pack_bits(weight_bits), int(weight_bits.shape[1]), thresholds, score_table=score_table)  # type: ignore[arg-type]

    def output_shape(self, input_shape: Shape) -> Shape:
        """(1, 1, mh); NetworkError where the input does not have mw elements."""
        check_inputs(self.where, self.mw, input_shape)
        return (1, 1, self.mh)


@dataclass(frozen=True, eq=False)
class ConvLayer(MatrixLayer):
    """A two-dimensional convolution; its matrix width runs over (ky, kx, c_in).

    Attributes:
        kernel: (height, width).
        stride: (vertical, horizontal).
        padding: rows and columns added at (top, left, bottom, right).
        pad_values: (c_in,) int16, what a padded position reads as: a bit a channel for binary input (bipolar has
            no 0), an integer otherwise. All 0 where there is no padding.
    """

    kind: ClassVar[str] = "conv"

    kernel: tuple[int, int] = field(kw_only=True)
    stride: tuple[int, int] = field(default=(1, 1), kw_only=True)
    padding: Padding = field(default=NO_PADDING, kw_only=True)
    pad_values: NDArray[np.int16] = field(kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "pad_values", frozen(self.pad_values, np.int16, f"{self.where}: pad_values"))
        check_window(self.where, self.kernel, self.stride, self.padding)
        check_conv(self.where, self.mw, self.kernel, self.padding, self.pad_values)

    @property
    def c_in(self) -> int:
        """Input channels."""
        return len(self.pad_values)

    def output_shape(self, input_shape: Shape) -> Shape:
        """(H_out, W_out, mh); NetworkError where channels or sizes do not fit."""
        check_channels(self.where, self.c_in, input_shape)
        return (*window_positions(self.where, input_shape, self.kernel, self.stride, self.padding), self.mh)


@dataclass(frozen=True, eq=False)
class MaxPoolLayer:
    """Maximum of bits, which is their OR, in each window; padded positions read as bit 0, which changes nothing.

    Attributes:
        inverted: (c,) bool; channels whose bits mean the opposite of what the trained model computes, because the
            pool stood before a falling activation. The consumer's weights already account for it; only a comparison
            with the model needs to know. None where no channel is.
    """

    kind: ClassVar[str] = "maxpool"

    name: str
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: Padding = NO_PADDING
    inverted: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        check_window(self.where, self.kernel, self.stride, self.padding)
        if self.inverted is not None:
            object.__setattr__(self, "inverted", frozen(self.inverted, np.bool_, f"{self.where}: inverted"))

    @property
    def where(self) -> str:
        """How errors call the layer."""
        return f"layer {self.name}"

    def output_shape(self, input_shape: Shape) -> Shape:
        """(H_out, W_out, C); NetworkError where the window is larger than the image."""
        if self.inverted is not None and self.inverted.shape != (input_shape[2],):
            raise NetworkError(f"{self.where}: inverted has shape {self.inverted.shape}, must be ({input_shape[2]},)")
        return (*window_positions(self.where, input_shape, self.kernel, self.stride, self.padding), input_shape[2])


Layer = DenseLayer | ConvLayer | MaxPoolLayer
