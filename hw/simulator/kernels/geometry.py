"""The sizes that a kernel needs of a layer, as plain numbers."""

from __future__ import annotations

from typing import NamedTuple

from bnn import DenseLayer, Layer, Shape


class Geometry(NamedTuple):
    """Windows over an image. A dense layer is a window of 1 x 1 over an image of one position."""

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
    def of(cls, layer: Layer, shape: Shape) -> Geometry:
        """The geometry of a layer whose input has the shape (H, W, C)."""
        if isinstance(layer, DenseLayer):
            return cls(1, 1, layer.mw, 1, 1, 1, 1, 0, 0, 1, 1)
        out = layer.output_shape(shape)
        return cls(*shape, *layer.kernel, *layer.stride, *layer.padding[:2], *out[:2])

    @property
    def positions(self) -> int:
        """Output positions of a frame."""
        return self.out_height * self.out_width
