"""The sum of each window: an average pool but for its division, which a grid node after it does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from bnn.nodes.node import Node
from bnn.values import Value, integers
from bnn.window import check_window, window_positions


@dataclass(frozen=True, eq=False)
class SumPool(Node):
    """The sum of each channel in each window; there is no padding.

    Attributes:
        kernel: (height, width).
        stride: (vertical, horizontal).
    """

    kind: ClassVar[str] = "sum_pool"
    needs: ClassVar[str] = "integers; an image not smaller than the kernel"
    gives: ClassVar[str] = "integers (H_out, W_out, C), lowest and highest times the window's area"
    meaning: ClassVar[str] = "the sum of each window"

    kernel: tuple[int, int] = field(kw_only=True)
    stride: tuple[int, int] = field(kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_window(self.where, self.kernel, self.stride)

    def output(self, *values: Value) -> Value:
        """As ``Node.output``."""
        value = self.integers(values[0])
        shape = (*window_positions(self.where, value.shape, self.kernel, self.stride), value.shape[2])
        area = self.kernel[0] * self.kernel[1]
        return integers(self.where, shape, value.lowest * area, value.highest * area)
