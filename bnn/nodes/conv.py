"""A convolution's matrix, grouped and depthwise ones included."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from bnn.arrays import frozen
from bnn.nodes.matrix import Matrix, widened
from bnn.values import NetworkError, Shape, Value
from bnn.window import NO_PADDING, Padding, check_window, window_positions


@dataclass(frozen=True, eq=False)
class Conv(Matrix):
    """A two-dimensional convolution; a row of its matrix runs over (ky, kx, c), c counting the group's channels.

    Attributes:
        kernel: (height, width).
        stride: (vertical, horizontal).
        padding: rows and columns added at (top, left, bottom, right).
        pad_values: (c_in,) int32, what a padded position reads as: a bit a channel for bits (bipolar has no 0), an
            integer otherwise. All 0 where there is no padding.
        groups: channels of the input and of the output are split into so many equal parts, in order, and each part
            of the output sees its part of the input alone; mw = kernel height * width * c_in / groups.
    """

    kind: ClassVar[str] = "conv"
    needs: ClassVar[str] = "bits or integers of c_in channels; an image not smaller than the kernel"
    gives: ClassVar[str] = "integers (H_out, W_out, mh), of the range that a dense node's are"
    meaning: ClassVar[str] = "what a dense node gives, of each window; padded positions read as pad_values"

    kernel: tuple[int, int] = field(kw_only=True)
    stride: tuple[int, int] = field(default=(1, 1), kw_only=True)
    padding: Padding = field(default=NO_PADDING, kw_only=True)
    pad_values: NDArray[np.int32] = field(kw_only=True)
    groups: int = field(default=1, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "pad_values", frozen(self.pad_values, np.int32, f"{self.where}: pad_values"))
        check_window(self.where, self.kernel, self.stride, self.padding)
        check_conv(self.where, self.mw, self.kernel, self.padding, self.pad_values, self.groups)
        if self.mh % self.groups:
            raise NetworkError(f"{self.where}: mh ({self.mh}) must be divisible by groups ({self.groups})")

    @property
    def c_in(self) -> int:
        """Input channels."""
        return len(self.pad_values)

    def output_shape(self, input_shape: Shape) -> Shape:
        """(H_out, W_out, mh); NetworkError where channels or sizes do not fit."""
        check_channels(self.where, self.c_in, input_shape)
        return (*window_positions(self.where, input_shape, self.kernel, self.stride, self.padding), self.mh)

    def entering(self, value: Value) -> Value:
        """As ``Matrix.entering``."""
        return value if self.padding == NO_PADDING else widened(value, self.pad_values, self.where)


def check_channels(where: str, c_in: int, input_shape: Shape) -> None:
    """NetworkError where the input does not have ``c_in`` channels."""
    if input_shape[2] != c_in:
        raise NetworkError(f"{where}: c_in ({c_in}) must be the number of input channels ({input_shape[2]})")


def check_conv(
    where: str,
    mw: int,
    kernel: tuple[int, int],
    padding: Padding,
    pad_values: NDArray[np.integer],
    groups: int = 1,
) -> None:
    """NetworkError where matrix width, kernel, input channels, groups and padding contradict one another."""
    if pad_values.ndim != 1 or groups < 1 or len(pad_values) % groups:
        raise NetworkError(
            f"{where}: pad_values have shape {pad_values.shape}, must be (c_in,) with c_in divisible by groups "
            f"({groups})"
        )
    if kernel[0] * kernel[1] * (len(pad_values) // groups) != mw:
        raise NetworkError(
            f"{where}: mw ({mw}) must be kernel {kernel} times c_in ({len(pad_values)}) / groups ({groups})"
        )
    if padding == NO_PADDING and pad_values.any():
        raise NetworkError(f"{where}: pad_values must be 0 where there is no padding")
