"""The sizes that a kernel needs of a node with windows, as plain numbers."""

from __future__ import annotations

from typing import NamedTuple

from bnn import Shape
from bnn.nodes import Conv, MaxPool, SumPool
from bnn.window import NO_PADDING


class Geometry(NamedTuple):
    """Windows over an image. A dense node has a window of 1 x 1 over an image of one position."""

    height: int
    width: int
    channels: int
    kernel_y: int
    kernel_x: int
    stride_y: int
    stride_x: int
    top: int
    left: int
    out_height: int
    out_width: int

    @classmethod
    def of(cls, node: Conv | MaxPool | SumPool, source: Shape, result: Shape) -> Geometry:
        """The geometry of a node that makes a value of shape ``result`` of one of shape ``source``."""
        padding = NO_PADDING if isinstance(node, SumPool) else node.padding
        return cls(*source, *node.kernel, *node.stride, *padding[:2], *result[:2])

    @classmethod
    def dense(cls, mw: int) -> Geometry:
        """That of a dense node of so many inputs."""
        return cls(1, 1, mw, 1, 1, 1, 1, 0, 0, 1, 1)

    @property
    def positions(self) -> int:
        """Output positions of a frame."""
        return self.out_height * self.out_width

    @property
    def reached(self) -> tuple[int, int]:
        """(height, width) of the padded image that windows reach."""
        high = (self.out_height - 1) * self.stride_y + self.kernel_y
        return high, (self.out_width - 1) * self.stride_x + self.kernel_x
