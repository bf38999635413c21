"""The model's pools."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from bnn.stage.model_node import Epilogue, ModelNode
from bnn.stage.model_values import ModelValue, OnGrid
from bnn.values import Bits
from bnn.window import NO_PADDING, Padding, check_window, window_positions


@dataclass(frozen=True, eq=False)
class MaxPool(ModelNode):
    """The maximum of each channel in each window, of bits or of numbers; padded positions never are the maximum.

    Attributes:
        kernel: (height, width).
        stride: (vertical, horizontal).
        padding: (top, left, bottom, right).
    """

    kind: ClassVar[str] = "max_pool"

    kernel: tuple[int, int] = field(kw_only=True)
    stride: tuple[int, int] = field(kw_only=True)
    padding: Padding = field(default=NO_PADDING, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_window(self.where, self.kernel, self.stride, self.padding)

    def output(self, *values: ModelValue) -> Bits | OnGrid:
        """As ``ModelNode.output``."""
        value = self.bits_or_grid(values[0])
        positions = window_positions(self.where, value.shape, self.kernel, self.stride, self.padding)
        shape = (*positions, value.shape[2])
        if isinstance(value, Bits):
            return Bits(shape)
        return OnGrid(shape, value.lowest, value.highest, value.fraction_bits)


@dataclass(frozen=True, eq=False)
class WindowSum(ModelNode):
    """What nodes that add up windows share; there is no padding.

    Attributes:
        kernel: (height, width).
        stride: (vertical, horizontal).
    """

    kernel: tuple[int, int] = field(kw_only=True)
    stride: tuple[int, int] = field(kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_window(self.where, self.kernel, self.stride)

    def sums(self, value: OnGrid) -> OnGrid:
        """The sum of each channel in each window, on the input's grid."""
        area = self.kernel[0] * self.kernel[1]
        shape = (*window_positions(self.where, value.shape, self.kernel, self.stride), value.shape[2])
        return self.exact(shape, value.lowest * area, value.highest * area, value.fraction_bits)


@dataclass(frozen=True, eq=False)
class AveragePool(WindowSum):
    """The mean of each channel in each window, rounded onto the grid of its input.

    Attributes:
        epilogue: gives the mean on the input's grid, floor(mean * 2^f + 0.5) / 2^f, for the *sum* of a window's
            numbers, which float32 holds exactly in whatever order; with the model's own division.
    """

    kind: ClassVar[str] = "average_pool"

    epilogue: Epilogue = field(kw_only=True)

    def output(self, *values: ModelValue) -> OnGrid:
        """As ``ModelNode.output``."""
        value = self.on_grid(values[0])
        return OnGrid(self.sums(value).shape, value.lowest, value.highest, value.fraction_bits)


@dataclass(frozen=True, eq=False)
class SumPool(WindowSum):
    """The sum of each channel in each window, on the input's grid.

    A model that takes the mean divides in the epilogue of a node after it, with its own division.
    """

    kind: ClassVar[str] = "sum_pool"

    def output(self, *values: ModelValue) -> OnGrid:
        """As ``ModelNode.output``."""
        return self.sums(self.on_grid(values[0]))


@dataclass(frozen=True, eq=False)
class GlobalSum(ModelNode):
    """The sum of each channel over the whole image, (1, 1, C), on the input's grid.

    A model that takes the mean divides in the epilogue of a node after it, with its own division.
    """

    kind: ClassVar[str] = "global_sum"

    def output(self, *values: ModelValue) -> OnGrid:
        """As ``ModelNode.output``."""
        value = self.on_grid(values[0])
        area = value.shape[0] * value.shape[1]
        return self.exact((1, 1, value.shape[2]), value.lowest * area, value.highest * area, value.fraction_bits)
