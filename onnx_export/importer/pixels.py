"""How images enter a graph: a pixel's place in the input tensor, and what it means to the first matrix."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from bnn.nodes import Encode
from bnn.values import Shape
from onnx_export.importer.elementwise import Elementwise
from onnx_export.importer.graph import Graph, ImportRefusedError, Node
from onnx_export.importer.layout import Layout
from onnx_export.importer.levels import HIGHEST, LOWEST, ROUNDINGS, Bits, Integers, bipolar_pixels, integer_pixels
from onnx_export.importer.line import Line
from onnx_export.importer.meaning import Entering
from onnx_export.metadata import NETWORK_HASH_KEY

PIXELS = np.arange(256, dtype=np.float32)[:, None]


def input_layout(graph: Graph) -> tuple[Layout, NDArray[np.int64]]:
    """The image as the input tensor holds it, and where its elements (y, x, c) are in the flattened tensor.

    Four sizes are (1, C, H, W), unless only the last looks like a number of channels, and somebody else wrote the file.
    The first window to slide over it knows better.
    """
    shape = graph.input_shape
    match len(shape):
        case 4 if shape[3] in {1, 3} and shape[1] not in {1, 3} and NETWORK_HASH_KEY not in graph.metadata:
            layout = Layout.nhwc((shape[1], shape[2], shape[3]))
        case 4:
            layout = Layout.nchw((shape[2], shape[3], shape[1]))
        case 3:
            layout = Layout((shape[1], shape[2], 1), np.arange(shape[1] * shape[2]).reshape(shape))
        case 2:
            layout = Layout.vector(shape[1], shape)
        case _:
            raise ImportRefusedError(f"input {graph.input}: shape {shape}, must have 2 to 4 sizes")
    return layout, np.argsort(layout.places.reshape(-1))


def seen_as_image(layout: Layout, *, channels_last: bool) -> tuple[Layout, NDArray[np.int64]]:
    """The image that a window slides over in a four-dimensional tensor, and which element of the old image is where."""
    places = layout.places[0] if channels_last else layout.places[0].transpose(1, 2, 0)
    height, width, channels = places.shape
    shape: Shape = (height, width, channels)
    return (Layout.nhwc if channels_last else Layout.nchw)(shape), places.reshape(-1)


@dataclass(frozen=True, eq=False)
class _Columns:
    """What every pixel value is at some place of the graph.

    Attributes:
        values: (256, C), or (256, 1) where all channels are alike, in the file's float32.
        base: (256, C or 1), where exact arithmetic starts: the pixel values, or what the last operator that is no
            line gives.
        line: from ``base`` to here in exact arithmetic.
        from_pixels: ``base`` are the pixel values.
    """

    values: NDArray[np.float32]
    base: NDArray[np.float32]
    line: Line
    from_pixels: bool

    def channel(self, index: int) -> _Columns:
        """One channel."""
        values, base = (part[:, index % part.shape[1]][:, None] for part in (self.values, self.base))
        return replace(self, values=values, base=base, line=self.line.channel(index))

    def equals(self, other: _Columns) -> bool:
        """The same of two single channels."""
        same = np.array_equal(self.values, other.values) and np.array_equal(self.base, other.base)
        return same and self.line == other.line

    @classmethod
    def beside(cls, channels: list[_Columns]) -> _Columns:
        """Single channels side by side."""
        values, base = (
            np.concatenate(parts, axis=1) for parts in zip(*((c.values, c.base) for c in channels), strict=True)
        )
        line = Line(tuple(c.line.slope[0] for c in channels), tuple(c.line.offset[0] for c in channels))
        return cls(values, base, line, channels[0].from_pixels)


@dataclass(eq=False)
class PixelPath:
    """What stands between the image and the first matrix.

    Attributes:
        entering: the pixel values as the graph's input.
        operators: in order.
        places: (H * W * C,) where each element of the image, as the first window sees it, stood in the image that
            the operators were read with, and that one's number of channels; None where it is the same.
    """

    entering: Entering
    operators: list[Elementwise] = field(default_factory=list)
    places: tuple[NDArray[np.int64], int] | None = None

    def encode(
        self, node: Node, shape: Shape, *, counts: bool = False, pad: float | None = None
    ) -> tuple[Encode, Bits | Integers]:
        """What pixels of an (H, W, C) image are to the node that computes with them.

        Two values -s and s become bits, unless the node pads with a third one; all else integers.

        Args:
            node: a matrix, or what needs integers or bits as well.
            shape: of the image.
            counts: the node counts equal bits, 0 and 1.
            pad: what it pads with; None where it does not.
        """
        columns = self._columns(shape)
        tables = columns.values.T
        bits = Bits(0.0, 1.0) if counts and np.isin(tables, (0, 1)).all() else bipolar_pixels(tables)
        if bits is not None and pad in {None, bits.low, bits.high}:
            return _encoding(shape, tables == bits.high, binary=True), bits
        integers = integer_pixels(tables)
        if integers is None or not _is_faithful(columns, integers):
            integers = _integers_on_lines(columns, node, is_padded=pad is not None)
        return _encoding(shape, integers.table, binary=False), integers

    def values(self, shape: Shape) -> NDArray[np.float32]:
        """(256, C), or (256, 1) where all channels are alike: what each pixel value has become."""
        return self._columns(shape).values

    def notes(self, encoding: Encode) -> list[str]:
        """What a user should know of the table."""
        constant = np.flatnonzero(
            (encoding.table.reshape(-1, 256) == encoding.table.reshape(-1, 256)[:, :1]).all(axis=1)
        )
        if not len(constant):
            return []
        which = f"of channel {constant[0]} of the image " if encoding.per_channel else ""
        value = int(encoding.table.reshape(-1, 256)[constant[0], 0])
        return [
            f"every pixel value {which}becomes the same {'bit' if encoding.binary else 'integer'} {value}, so that the "
            "answers do not depend on it; check --input-scale, --input-mean and --input-std"
        ]

    def _columns(self, shape: Shape) -> _Columns:
        channels = self.entering.meaning.channels
        if channels not in {1, shape[2]}:
            raise ImportRefusedError(
                f"--input-mean and --input-std tell {channels} channels, the image {shape} has {shape[2]}; give one "
                "number, or one a channel"
            )
        if self.places is None or all(operator.uniform for operator in self.operators):
            return self._run(slice(None))
        places, seen = self.places
        old_channels = (places % seen).reshape(-1, shape[2])
        whole = self._run(slice(None)) if channels == 1 else None
        columns = []
        for channel in range(shape[2]):
            own = whole or self._run(slice(channel, channel + 1))
            parts = [own.channel(int(old)) for old in np.unique(old_channels[:, channel])]
            if not all(part.equals(parts[0]) for part in parts):
                raise self._differing().node.refuse("treats the positions of one channel of the image differently")
            columns.append(parts[0])
        return _Columns.beside(columns)

    def _differing(self) -> Elementwise:
        return next(operator for operator in self.operators if not operator.uniform)

    def _run(self, channels: slice) -> _Columns:
        values = self.entering.values[:, channels]
        slope, offset = self.entering.meaning.lines()
        held = bool(self.entering.held.all())
        columns = _Columns(values, PIXELS, Line(slope[channels], offset[channels]), True)
        if not held:
            columns = _Columns(values, values, Line(), False)
        with np.errstate(all="ignore"):
            for operator in self.operators:
                after = operator.function(columns.values)
                if operator.line is not None:
                    columns = replace(columns, values=after, line=columns.line.then(operator.line))
                elif after.dtype != columns.values.dtype or not np.array_equal(after, columns.values):
                    columns = _Columns(after, after.astype(np.float32), Line(), False)
        return columns


def _encoding(shape: Shape, table: NDArray[np.generic], *, binary: bool) -> Encode:
    return Encode(shape, table[0 if len(table) == 1 else slice(None)].astype(np.int16), binary)


def _is_faithful(columns: _Columns, integers: Integers) -> bool:
    """The integers' multiples miss the exact values by no more than float32's own rounding."""
    exact = columns.line.at(columns.base)
    missed = np.abs(integers.scale * integers.table.T - exact).max()
    return bool(missed <= ROUNDINGS * np.abs(columns.values).max())


def _integers_on_lines(columns: _Columns, node: Node, *, is_padded: bool) -> Integers:
    """Integers on which every channel's values lie in a straight line, all lines equally steep.

    The offsets, which need be no whole steps, are added to the sum of a row: sum of w (s k + o) = s sum of w k + o sum
    of w. Where the image is padded, the padding must be whole steps from the pixels, which ``pad_integer`` sees to.
    """
    base = Integers(PIXELS.T.astype(np.int64), 1.0, PIXELS.T)
    if not columns.from_pixels:
        found = integer_pixels(columns.base.T)
        if found is None or not _is_faithful(replace(columns, values=columns.base, line=Line()), found):
            distinct = np.unique(columns.values)
            raise node.refuse(
                f"the pixels that enter it take {len(distinct)} values from {distinct[0]:g} to {distinct[-1]:g} that "
                f"are no multiples, {LOWEST} to {HIGHEST}, of one step; quantize the input"
            )
        base = found
    line = columns.line
    steep = [abs(slope) for slope in line.slope]
    if len(set(steep)) > 1 or not steep[0]:
        other = next((channel for channel, slope in enumerate(steep) if slope != steep[0]), 0)
        raise node.refuse(
            f"a pixel's step is {float(steep[0]):g} in channel 0 of the image and {float(steep[other]):g} in channel "
            f"{other}, so that their sum is no integer; give all channels one std, or quantize the input behind the "
            "normalization"
        )
    step = steep[0] * Fraction(base.scale)
    signs = np.array([1 if slope > 0 else -1 for slope in line.slope])
    table = signs[:, None] * base.table
    shift = tuple(offset / step for offset in line.offset)
    if is_padded:
        apart = [own - shift[0] for own in shift]
        for channel, own in enumerate(apart):
            if own.denominator != 1:
                raise node.refuse(
                    f"pads channels 0 and {channel} of the image, whose values lie {float(own):g} steps apart behind "
                    "the normalization, no whole number; give all channels one mean, or quantize the input behind it"
                )
        table, shift = table + np.array([[int(own)] for own in apart]), shift[:1]
    if table.min() < LOWEST or table.max() > HIGHEST:
        raise node.refuse(f"the pixels' integers {table.min()}..{table.max()} must lie in {LOWEST}..{HIGHEST}")
    return Integers(table, float(step), columns.values.T, shift)
