"""``maxpool``: max pool of bits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import ClassVar

import numpy as np

from bnn import MaxPoolLayer, Shape
from hw.units import handshakes
from hw.units.cost import Resources, counter_bits, lut_ram_luts
from hw.units.specification import Draw, Numbers
from hw.units.unit import Memories, Parameters, Stream, Timing, Unit


@dataclass(frozen=True, eq=False)
class Pool(Unit):
    """Max pool of bits.

    Attributes:
        pool: the network's layer.
        shape: (H, W, C) of its image.
    """

    kind: ClassVar[str] = "maxpool"
    gives_layer: ClassVar[bool] = True
    lint: ClassVar[Mapping[str, Sequence[Parameters]]] = {
        kind: (
            {"H": 5, "W": 6, "C": 4, "SIMD": 2},
            {"H": 5, "W": 6, "KH": 3, "KW": 3, "SY": 1, "SX": 1, "PT": 1, "PL": 1, "PB": 1, "PR": 1},
            {"H": 5, "W": 6, "KH": 1, "KW": 1},
            {"H": 5, "W": 6, "C": 2, "KH": 4, "KW": 2, "SY": 1},
        )
    }
    samples: ClassVar[Mapping[str, str]] = {
        kind: "size=8 c=4 simd=1; size=8 c=16 simd=16; size=28 c=64 simd=16; size=28 c=64 simd=1; "
        "size=10 c=128 simd=2; size=10 c=128 simd=32; size=16 c=32 simd=32 k=3 s=2 p=1; "
        "size=15 c=8 simd=8 k=3 s=2; size=14 c=16 simd=4 k=2 s=1"
    }

    pool: MaxPoolLayer
    shape: Shape

    @staticmethod
    def walk_size(pool: MaxPoolLayer, shape: Shape) -> tuple[int, int]:
        """Rows and columns that the unit walks: the image's, and those below and right of it that complete a window."""
        output = pool.output_shape(shape)
        rows, columns = (
            max(shape[axis], (output[axis] - 1) * pool.stride[axis] + pool.kernel[axis] - pool.padding[axis])
            for axis in (0, 1)
        )
        return rows, columns

    @property
    def cycles(self) -> int:
        """One position and group of lanes a cycle."""
        rows, columns = self.walk_size(self.pool, self.shape)
        return rows * columns * (self.shape[2] // self.input.lanes)

    def parameters(self) -> dict[str, int | str]:
        """The image and the window."""
        height, width, channels = self.shape
        top, left, bottom, right = self.pool.padding
        return {
            "H": height,
            "W": width,
            "C": channels,
            "SIMD": self.input.lanes,
            "KH": self.pool.kernel[0],
            "KW": self.pool.kernel[1],
            "SY": self.pool.stride[0],
            "SX": self.pool.stride[1],
            "PT": top,
            "PL": left,
            "PB": bottom,
            "PR": right,
        }

    @property
    def work(self) -> int:
        """The positions that it walks."""
        return self.cycles

    def busy(self, instance: str) -> str:
        """It walks on."""
        return f"{instance}.fire"

    @property
    def timing(self) -> Timing:
        """By image and window."""
        (height, width, channels), pool = self.shape, self.pool
        rows, columns, _ = pool.output_shape(self.shape)
        grid = (height, width, channels // self.input.lanes, *pool.kernel, *pool.stride, *pool.padding[:2])
        return Timing(handshakes.POOL, (*grid, rows, columns, *self.walk_size(pool, self.shape)))

    def resources(self) -> Resources:
        """The rows' memory is counted; counters and the history of a row are fitted."""
        lanes, (kernel_rows, kernel_columns) = self.input.lanes, self.pool.kernel
        words = self.shape[2] // lanes
        _, output_columns, _ = self.pool.output_shape(self.shape)
        sizes = (words, *self.walk_size(self.pool, self.shape), output_columns * words)
        counters = sum(counter_bits(size) for size in sizes)
        history = (kernel_columns - 1) * lanes
        shifted = words > 2  # from three places on, Yosys makes a shift register in LUTs of them
        luts = 20 + 0.8 * counters + 2.9 * (kernel_rows - 1) * lanes + 1.6 * history * ceil(words / 16) * shifted
        luts += lut_ram_luts((kernel_rows - 1) * lanes, output_columns * words) if kernel_rows > 1 else 0
        ffs = 8 + 1.1 * counters + lanes + (history * words if not shifted else 0)
        return Resources(round(luts), round(ffs))

    @classmethod
    def specify(cls, numbers: Numbers) -> tuple[Pool, Memories]:
        """``size`` of the image, ``c``, ``simd``, and of the window ``k``, ``s``, ``p``."""
        size, channels, simd, kernel = numbers("size"), numbers("c"), numbers("simd"), numbers("k", 2)
        padding, stride = numbers("p", 0), numbers("s", kernel)
        pool = MaxPoolLayer("layer", (kernel, kernel), (stride, stride), (padding,) * 4)
        shape = (size, size, channels)
        output = Stream(simd, 1, int(np.prod(pool.output_shape(shape))) // simd)
        return cls(numbers.name, "layer", Stream(simd, 1, size * size * channels // simd), output, pool, shape), {}

    @classmethod
    def drawn(cls, draw: Draw) -> Iterator[str]:
        """Without padding."""
        size, simd, kernel = draw.rng.randrange(6, 30), draw.fold(draw.channels, 64), draw.rng.randrange(2, 4)
        yield f"{cls.kind} size={size} c={draw.channels} simd={simd} k={kernel}"
