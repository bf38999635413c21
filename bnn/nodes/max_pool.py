"""The largest value of each window."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from bnn.nodes.node import Node
from bnn.values import Bits, Integers, Value
from bnn.window import NO_PADDING, Padding, check_window, window_positions


@dataclass(frozen=True, eq=False)
class MaxPool(Node):
    """The maximum of each channel in each window; of bits that is their OR. Padded positions never are the maximum.

    Attributes:
        kernel: (height, width).
        stride: (vertical, horizontal).
        padding: rows and columns added at (top, left, bottom, right).
    """

    kind: ClassVar[str] = "max_pool"
    needs: ClassVar[str] = "bits or integers; an image not smaller than the kernel"
    gives: ClassVar[str] = "the same kind and range, (H_out, W_out, C)"
    meaning: ClassVar[str] = "the maximum of each window, of bits their OR; padding never is the maximum"

    kernel: tuple[int, int] = field(kw_only=True)
    stride: tuple[int, int] = field(kw_only=True)
    padding: Padding = field(default=NO_PADDING, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_window(self.where, self.kernel, self.stride, self.padding)

    def output(self, *values: Value) -> Value:
        """As ``Node.output``."""
        value = values[0]
        positions = window_positions(self.where, value.shape, self.kernel, self.stride, self.padding)
        shape = (*positions, value.shape[2])
        return Bits(shape) if isinstance(value, Bits) else Integers(shape, value.lowest, value.highest)
