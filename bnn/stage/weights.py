"""The model's matrices of -1 and +1."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from bnn.stage.model_node import ModelNode
from bnn.stage.model_values import ModelValue, OnGrid
from bnn.values import Bits, NetworkError, Shape
from bnn.window import NO_PADDING, Padding, check_window, window_positions


@dataclass(frozen=True, eq=False)
class Matrix(ModelNode):
    """A dense layer or convolution without its epilogue: sums of +-x.

    Its value is on the grid of its input: the bipolar dot product 2 P - mw behind bits (no fraction bits), the sum of
    +-integers behind numbers on a grid, of as many fraction bits as these.

    Attributes:
        weights: (mh, c, h, w) for a dense layer on an image of shape (h, w, c), (mh, mw) for one on a vector or on an
            image of one channel, (mh, c_in / groups, kh, kw) for a convolution: -1 or +1, in PyTorch's order.
        is_convolution: whether ``weights`` slide over the image.
        stride: (vertical, horizontal); (1, 1) for a dense layer.
        padding: (top, left, bottom, right).
        pad_value: what a padded position reads as: -1 or +1 behind bits, else an integer (not a number: it is taken
            times 2^-fraction_bits).
        groups: as PyTorch's Conv2d has it; 1 for a dense layer.
    """

    kind: ClassVar[str] = "matrix"

    weights: NDArray[np.float32]
    is_convolution: bool = field(default=False, kw_only=True)
    stride: tuple[int, int] = field(default=(1, 1), kw_only=True)
    padding: Padding = field(default=NO_PADDING, kw_only=True)
    pad_value: int = field(default=0, kw_only=True)
    groups: int = field(default=1, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        wrong = np.abs(self.weights) != 1
        if wrong.any():
            place = tuple(int(index) for index in np.argwhere(wrong)[0])
            raise NetworkError(f"{self.where}: weight {self.weights[place]} at {place}, must be -1 or +1")
        if self.is_convolution:
            if self.weights.ndim != 4:
                raise NetworkError(f"{self.where}: weights have shape {self.weights.shape}, must be (mh, c, kh, kw)")
            check_window(self.where, self.kernel, self.stride, self.padding)
            if self.groups < 1 or self.mh % self.groups:
                raise NetworkError(f"{self.where}: mh ({self.mh}) must be divisible by groups ({self.groups})")

    @property
    def mh(self) -> int:
        """Number of outputs (channels)."""
        return int(self.weights.shape[0])

    @property
    def mw(self) -> int:
        """Number of inputs of one output."""
        return int(np.prod(self.weights.shape[1:]))

    @property
    def kernel(self) -> tuple[int, int]:
        """(height, width) of a convolution."""
        return int(self.weights.shape[2]), int(self.weights.shape[3])

    def rows(self, shape: Shape) -> NDArray[np.int8]:
        """The weights for an input (H, W, C) as the integer network has them: (mh, mw) of -1 and +1, channel last."""
        self._check_shape(shape)
        if self.weights.ndim == 2:
            return self.weights.astype(np.int8)
        return self.weights.transpose(0, 2, 3, 1).reshape(self.mh, -1).astype(np.int8)

    def _check_shape(self, shape: Shape) -> None:
        height, width, channels = shape
        if self.is_convolution:
            expected: tuple[int | str, ...] = ("mh", f"{channels} / {self.groups}", "kh", "kw")
            fits = self.weights.shape[1] * self.groups == channels
        elif self.weights.ndim == 2 and (channels == 1 or (height, width) == (1, 1)):
            expected, fits = ("mh", height * width * channels), self.mw == height * width * channels
        else:
            expected = ("mh", channels, height, width)
            fits = self.weights.shape[1:] == expected[1:]
        if not fits:
            sizes = ", ".join(str(size) for size in expected)
            raise NetworkError(f"{self.where}: weights have shape {self.weights.shape}, must be ({sizes})")

    def output(self, *values: ModelValue) -> OnGrid:
        """As ``ModelNode.output``."""
        value = self.bits_or_grid(values[0])
        self._check_shape(value.shape)
        shape = (1, 1, self.mh)
        if self.is_convolution:
            positions = window_positions(self.where, value.shape, self.kernel, self.stride, self.padding)
            shape = (*positions, self.mh)
        if isinstance(value, Bits):
            if self.padding != NO_PADDING and self.pad_value not in {-1, 1}:
                raise NetworkError(
                    f"{self.where}: padded with {self.pad_value}, bipolar input must be padded with -1 or +1"
                )
            return self.exact(shape, -self.mw, self.mw, 0)
        low, high = value.lowest, value.highest
        if self.padding != NO_PADDING:
            low, high = min(low, self.pad_value), max(high, self.pad_value)
        plus = (self.weights > 0).reshape(self.mh, -1).sum(axis=1).astype(np.int64)
        lowest, highest = plus * low - (self.mw - plus) * high, plus * high - (self.mw - plus) * low
        self.exact(shape, -self.mw * max(-low, high), self.mw * max(-low, high), 0)  # no partial sum is larger
        return self.exact(shape, int(lowest.min()), int(highest.max()), value.fraction_bits)
