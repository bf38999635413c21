"""``swu``: a sliding window over an image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bnn import ConvLayer, Shape
from bnn.encoding import word_count
from hw.units import handshakes
from hw.units.cost import Resources, counter_bits, lut_ram_luts
from hw.units.rom import bram18_count
from hw.units.specification import Draw, Numbers
from hw.units.unit import Memories, Parameters, Stream, Timing, Unit

LUT_RAM_BITS = 2048
"""Up to this size Yosys makes LUT RAM of a buffer."""


@dataclass(frozen=True, eq=False)
class Window(Unit):
    """Sliding window over one layer's input image.

    Attributes:
        conv: the convolution that it feeds.
        shape: (H, W, C) of its image.
        requested_beats: what its buffer should hold at least; 0: a row more than the window needs.
    """

    kind: ClassVar[str] = "swu"
    lint: ClassVar[Mapping[str, Sequence[Parameters]]] = {
        kind: (
            {"H": 5, "W": 6, "C": 4, "SIMD": 2, "EW": 3},
            {"H": 5, "W": 6, "C": 4, "SIMD": 2, "PT": 2, "PL": 2, "PB": 1, "PR": 1},
            {"H": 5, "W": 6, "SY": 2, "SX": 3, "PB": 1, "DEPTH": 64},
            {"H": 1, "W": 1, "KH": 1, "KW": 1},
        )
    }
    samples: ClassVar[Mapping[str, str]] = {
        kind: "size=8 c=4 simd=1; size=8 c=4 simd=4; size=14 c=64 simd=32; size=30 c=64 simd=32; "
        "size=32 c=3 simd=3 bits=8; size=12 c=128 simd=32; size=5 c=128 simd=32; size=32 c=64 simd=64 p=1; "
        "size=16 c=128 simd=16 p=1; size=32 c=3 simd=3 bits=8 p=1; size=16 c=32 simd=8 s=2 p=1; "
        "size=28 c=1 simd=1 bits=8 k=5; size=28 c=16 simd=16 k=5 p=2; size=56 c=32 simd=2 p=1"
    }

    conv: ConvLayer
    shape: Shape
    requested_beats: int = 0

    @property
    def least_beats(self) -> int:
        """Beats without which no window is ever whole."""
        kernel = self.conv.kernel
        return ((kernel[0] - 1) * self.shape[1] + kernel[1]) * self.shape[2] // self.input.lanes

    @property
    def ample_beats(self) -> int:
        """A window and a frame."""
        return self.least_beats + self.input.beats

    def buffer_choices(self) -> list[int]:
        """Powers of two."""
        smallest = max(self.least_beats, 2)
        return [1 << bits for bits in range((smallest - 1).bit_length(), self.buffer_beats.bit_length())]

    @property
    def likely_beats(self) -> int:
        """The second of the choices."""
        return 2 * self.buffer_choices()[0]

    @property
    def buffer_beats(self) -> int:
        """A power of two."""
        row = self.shape[1] * self.shape[2] // self.input.lanes
        wanted = self.requested_beats or (self.conv.kernel[0] + 1) * row
        return 1 << (max(wanted, self.least_beats, 2) - 1).bit_length()

    def parameters(self) -> dict[str, int | str]:
        """The image, the window and the buffer."""
        (height, width, channels), conv, bits = self.shape, self.conv, self.input.bits
        top, left, bottom, right = conv.padding
        pad = sum((int(value) & ((1 << bits) - 1)) << (c * bits) for c, value in enumerate(conv.pad_values))
        return {
            "H": height,
            "W": width,
            "C": channels,
            "SIMD": self.input.lanes,
            "EW": bits,
            "KH": conv.kernel[0],
            "KW": conv.kernel[1],
            "SY": conv.stride[0],
            "SX": conv.stride[1],
            "PT": top,
            "PL": left,
            "PB": bottom,
            "PR": right,
            "PAD": f"{channels * bits}'h{pad:x}",
            "DEPTH": self.buffer_beats,
        }

    @property
    def work(self) -> int:
        """The beats that it gives."""
        return self.output.beats

    def busy(self, instance: str) -> str:
        """It reads from its buffer."""
        return f"{instance}.issue"

    @property
    def timing(self) -> Timing:
        """By image, window and buffer."""
        (height, width, channels), conv = self.shape, self.conv
        rows, columns, _ = conv.output_shape(self.shape)
        grid = (height, width, channels // self.input.lanes, *conv.kernel, *conv.stride, *conv.padding[:2])
        return Timing(handshakes.WINDOW, (*grid, rows, columns, self.buffer_beats))

    def resources(self) -> Resources:
        """The buffer is counted; counters and pointers are fitted."""
        width, depth, conv = self.input.width, self.buffer_beats, self.conv
        (_, columns, channels), (kernel_rows, kernel_columns) = self.shape, conv.kernel
        top, left, _, right = conv.padding
        words = channels // self.input.lanes
        ahead = (2 * kernel_rows + 2 * conv.stride[0] + 2) * (columns + left + right + 1) * words
        behind = depth + (top * columns + left) * words + 1
        pointer = (max(ahead, behind) - 1).bit_length() + 1  # PointerWidth in askew_swu.sv
        output_rows, output_columns, _ = conv.output_shape(self.shape)
        sizes = (words, kernel_rows, kernel_columns, output_rows, output_columns)
        counters = sum(counter_bits(size) for size in sizes)
        padded = any(conv.padding)
        luts = 12 + 5.1 * pointer + 2.2 * counters + (23 + 0.8 * width) * padded
        ffs = -8 + 6 * pointer + 0.8 * counters + 12 * padded
        if width * depth > LUT_RAM_BITS:
            return Resources(round(luts), round(ffs), bram18_count(width, depth))
        return Resources(round(luts) + lut_ram_luts(width, depth), round(ffs) + width)

    @classmethod
    def specify(cls, numbers: Numbers) -> tuple[Window, Memories]:
        """``size`` of the image, ``c``, ``simd``, ``bits``; ``k``, ``s``, ``p`` of the window; buffer ``depth``."""
        size, channels, simd, bits = numbers("size"), numbers("c"), numbers("simd"), numbers("bits", 1)
        kernel, stride, padding, depth = numbers("k", 3), numbers("s", 1), numbers("p", 0), numbers("depth", 0)
        mw = kernel * kernel * channels
        weights = np.zeros((1, word_count(mw)), np.uint64)
        conv = ConvLayer(
            "layer",
            weights,
            mw,
            np.zeros(1, np.int32),
            kernel=(kernel, kernel),
            stride=(stride, stride),
            padding=(padding,) * 4,
            pad_values=(numbers.rng.integers(0, 2, channels) * (padding > 0)).astype(np.int16),
        )
        shape = (size, size, channels)
        positions = int(np.prod(conv.output_shape(shape)[:2]))
        source = Stream(simd, bits, size * size * channels // simd)
        return cls(numbers.name, "layer", source, Stream(simd, bits, positions * mw // simd), conv, shape, depth), {}

    @classmethod
    def drawn(cls, draw: Draw) -> Iterator[str]:
        """Of bits."""
        size, simd = draw.rng.randrange(6, 40), draw.fold(draw.channels, 64)
        kernel, padding = draw.rng.randrange(2, 5), draw.rng.randrange(2)
        yield f"{cls.kind} size={size} c={draw.channels} simd={simd} k={kernel} p={padding}"
