"""Windows that slide over an image: kernel, stride and padding of convolutions and max pools."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bnn.values import Shape
from bnn.window import NO_PADDING, Padding
from onnx_export.importer.graph import Node


@dataclass(frozen=True)
class Window:
    """Sizes in (vertical, horizontal), padding at (top, left, bottom, right)."""

    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    padding: Padding = NO_PADDING

    def positions(self, node: Node, shape: Shape) -> tuple[int, int]:
        """How many windows fit; refused where none does."""
        counts = [(padded - kernel) // stride + 1 for padded, kernel, stride in self._axes(shape)]
        if min(counts) < 1:
            raise node.refuse(f"its kernel {self.kernel} is larger than its padded input {shape[:2]} + {self.padding}")
        return counts[0], counts[1]

    def padded(self, more: Padding) -> Window:
        """With more padding around."""
        top, left, bottom, right = (own + further for own, further in zip(self.padding, more, strict=True))
        return replace(self, padding=(top, left, bottom, right))

    def rounded_up(self, shape: Shape) -> Window:
        """The window with so much padding behind that an incomplete last window counts: ONNX's ceil_mode."""
        missing = []
        for axis, (padded, kernel, stride) in enumerate(self._axes(shape)):
            left_over = (padded - kernel) % stride
            needed = stride - left_over if left_over else 0
            starts_in_image = padded - kernel + needed < shape[axis] + self.padding[axis]
            missing.append(needed if starts_in_image else 0)
        top, left, bottom, right = self.padding
        return replace(self, padding=(top, left, bottom + missing[0], right + missing[1]))

    def _axes(self, shape: Shape) -> list[tuple[int, int, int]]:
        return [
            (shape[axis] + self.padding[axis] + self.padding[axis + 2], self.kernel[axis], self.stride[axis])
            for axis in (0, 1)
        ]


def same_padding(shape: Shape, kernel: tuple[int, int], stride: tuple[int, int], more_behind: bool) -> Padding:
    """ONNX's SAME_UPPER and SAME_LOWER: as many windows as strides fit, an odd row of padding behind or in front."""
    front, behind = [], []
    for axis in (0, 1):
        windows = -(-shape[axis] // stride[axis])
        total = max((windows - 1) * stride[axis] + kernel[axis] - shape[axis], 0)
        smaller, larger = total // 2, total - total // 2
        front.append(smaller if more_behind else larger)
        behind.append(larger if more_behind else smaller)
    return front[0], front[1], behind[0], behind[1]
