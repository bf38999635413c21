"""Chain + folding -> the chain of hardware units that computes it.

One unit per instance in the design, in stream order. A unit knows its module in ``hw/rtl``, the streams on its two
sides and its parameters; nothing here computes with weights.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from bnn import Chain, ConvLayer, DenseLayer, Layer, MatrixLayer, MaxPoolLayer, Shape
from bnn.folding import Folding, LayerFolding, LoopOrder, MatrixSize, divisors
from hw.dataflow.dataflow import Dataflow
from hw.units import (
    DEFAULT_PIPELINE,
    HOLD_BEATS,
    HOLD_SUFFIX,
    Fifo,
    LabelSelect,
    Matrix,
    Pipeline,
    Pool,
    PopcountStyle,
    Quantizer,
    ScoreMap,
    Stream,
    Unit,
    WidthConverter,
    Window,
    signed_bits,
    value_bits,
)

PIXEL_BITS = 8


def unit_names(network: Chain) -> dict[str, str]:
    """Layer name to the stem of its units' names: an identifier in SystemVerilog, unique and never a keyword."""
    stems = {layer.name: re.sub(r"\W", "_", layer.name, flags=re.ASCII) for layer in network.layers}
    plain = all(re.match(r"[A-Za-z]", stem) for stem in stems.values()) and len(set(stems.values())) == len(stems)
    return stems if plain else {name: f"l{index}_{stem}" for index, (name, stem) in enumerate(stems.items())}


def build_dataflow(
    network: Chain,
    folding: Folding,
    buffers: Mapping[str, int] = MappingProxyType({}),
    *,
    popcount: PopcountStyle = PopcountStyle.COMPRESSOR,
    pipeline: Pipeline = DEFAULT_PIPELINE,
) -> Dataflow:
    """The units of ``network`` under ``folding``.

    Args:
        network: what to compute.
        folding: PE, SIMD and loop order of every matrix.
        buffers: unit name to the beats that it holds: windows, replay buffers, and FIFOs, which are left out where they
            hold 0. A layer without a window has a ``_fifo`` in front; a matrix that takes wide beats from a width
            converter and keeps each for several steps has a ``_hold``, so that the converter can gather the next one
            meanwhile. Units that are not named get generous ones, but no ``_fifo``.
        popcount: how the matrices count bits.
        pipeline: how much logic may stand between two registers.

    Raises:
        FoldingError: the folding does not fit the network.
    """
    folding.verify(network)
    segments = Segments(network, buffers, popcount, pipeline)
    units: list[Unit] = []
    for index, name in enumerate(segments.names):
        lanes = units[-1].output.lanes if units else 0
        units += segments.units(index, folding.layers[name], lanes)
    built = {unit.name for unit in units}
    return Dataflow(tuple(units), tuple(name for name, beats in buffers.items() if beats == 0 and name not in built))


class Segments:
    """The design cut after every matrix and the pools behind it: what a segment is made of is its own folding's choice.

    All that one segment's units need of the others is the lanes of the stream between, so that a search over
    foldings can look at one segment after the other.

    Attributes:
        names: the matrix layer of every segment, in the network's order.
    """

    def __init__(
        self,
        network: Chain,
        buffers: Mapping[str, int] = MappingProxyType({}),
        popcount: PopcountStyle = PopcountStyle.COMPRESSOR,
        pipeline: Pipeline = DEFAULT_PIPELINE,
    ) -> None:
        self.network = network
        self.buffers = buffers
        self.popcount = popcount
        self.pipeline = pipeline
        self.stems = unit_names(network)
        self._walk = list(network.walk())
        matrices = [at for at, (layer, _, _) in enumerate(self._walk) if isinstance(layer, MatrixLayer)]
        self.names = [self._walk[at][0].name for at in matrices]
        self._ranges: dict[str, tuple[int, int]] = {}
        self._bounds = [0, *matrices[1:], len(self._walk)]  # pools before the first matrix belong to its segment

    def units(self, index: int, folding: LayerFolding, lanes: int) -> list[Unit]:
        """The units of segment ``index``.

        Args:
            index: into ``names``.
            folding: of this segment's matrix.
            lanes: of the stream that the segment before gives; of no meaning for the first, whose input fits it.
        """
        return list(self._units(index, folding, lanes))

    def _units(self, index: int, folding: LayerFolding, lanes: int) -> Iterator[Unit]:
        part = self._walk[self._bounds[index] : self._bounds[index + 1]]
        layer, shape, value_range = part[0]
        bits, signed = (1, False) if value_range is None else value_bits(*value_range)
        cycles = self._matrix_cycles(index, folding)
        if index == 0:
            first = folding.simd if isinstance(layer, MatrixLayer) else _pool_lanes(layer, shape, 1, cycles)
            pixels = Stream(first, PIXEL_BITS, _elements(self.network.input.shape) // first)
            stream = Stream(first, bits, pixels.beats)
            yield Quantizer("quantizer", None, pixels, stream, self.network.input)
        else:
            stream = Stream(lanes, bits, _elements(shape) // lanes)
        for layer, shape, _ in part:
            for unit in self._layer(layer, shape, stream, folding, signed, cycles):
                yield unit
                stream = unit.output
            signed = False
        if index == len(self.names) - 1:
            yield from self._label(stream)

    def _label(self, stream: Stream) -> Iterator[Unit]:
        last = self.network.layers[-1]
        assert isinstance(last, MatrixLayer)
        if last.score_table is not None:
            bits = signed_bits(int(last.score_table.min()), int(last.score_table.max()))
            mapped = Stream(stream.lanes, bits, stream.beats)
            yield ScoreMap("scores", last.name, stream, mapped, last.score_table.shape[1])
            stream = mapped
        label = Stream(1, max(1, (last.mh - 1).bit_length()), 1)
        yield LabelSelect("label", None, stream, label, self.pipeline)

    def _matrix_cycles(self, index: int, folding: LayerFolding) -> int:
        return next(
            MatrixSize.of(layer, shape).cycles(folding)
            for layer, shape, _ in self._walk
            if isinstance(layer, MatrixLayer) and layer.name == self.names[index]
        )

    def _layer(
        self, layer: Layer, shape: Shape, stream: Stream, folding: LayerFolding, signed: bool, cycles: int
    ) -> Iterator[Unit]:
        stem = self.stems[layer.name]
        lanes = folding.simd if isinstance(layer, MatrixLayer) else _pool_lanes(layer, shape, stream.lanes, cycles)
        depth = 0 if isinstance(layer, ConvLayer) else self.buffers.get(f"{stem}_fifo", 0)
        # Where the widths differ, the FIFO stands on the narrow side: it then counts the finer beats.
        if depth and stream.lanes < lanes:
            yield Fifo(f"{stem}_fifo", layer.name, stream, stream, depth)
        if lanes != stream.lanes:
            wide = Stream(lanes, stream.bits, stream.elements // lanes)
            yield WidthConverter(f"{stem}_convert", layer.name, stream, wide)
            narrow, stream = stream, wide
            if depth and narrow.lanes > lanes:
                yield Fifo(f"{stem}_fifo", layer.name, stream, stream, depth)
            hold = self.buffers.get(f"{stem}{HOLD_SUFFIX}", HOLD_BEATS)
            if hold and narrow.lanes < lanes and isinstance(layer, DenseLayer) and keeps_beats(layer, folding):
                yield Fifo(f"{stem}{HOLD_SUFFIX}", layer.name, stream, stream, hold)
        elif depth:
            yield Fifo(f"{stem}_fifo", layer.name, stream, stream, depth)
        if isinstance(layer, MaxPoolLayer):
            output = Stream(lanes, 1, _elements(layer.output_shape(shape)) // lanes)
            yield Pool(f"{stem}_pool", layer.name, stream, output, layer, shape)
            return
        if isinstance(layer, ConvLayer):
            positions = _elements(layer.output_shape(shape)) // layer.mh
            window = Stream(lanes, stream.bits, positions * layer.mw // lanes)
            beats = self.buffers.get(f"{stem}_window", 0)
            yield Window(f"{stem}_window", layer.name, stream, window, layer, shape, beats)
            stream = window
        yield self._matrix(layer, stream, folding, signed)

    def _matrix(self, layer: ConvLayer | DenseLayer, stream: Stream, folding: LayerFolding, signed: bool) -> Matrix:
        low, high = self._reachable(layer)
        bits = 1 if layer.thresholds is not None else signed_bits(low, high)
        beats = stream.elements // layer.mw * (layer.mh // folding.pe)
        name = f"{self.stems[layer.name]}_matrix"
        return Matrix(
            name,
            layer.name,
            stream,
            Stream(folding.pe, bits, beats),
            mw=layer.mw,
            mh=layer.mh,
            order=folding.order,
            signed=signed,
            thresholded=layer.thresholds is not None,
            accumulator_bits=signed_bits(low, high),
            has_start=stream.bits > 1 or layer.thresholds is not None or layer.score_table is not None,
            replay_beats=self.buffers.get(name, 0),
            popcount=self.popcount,
            pipeline=self.pipeline,
        )

    def _reachable(self, layer: MatrixLayer) -> tuple[int, int]:
        """Lowest and highest value that an accumulator of the hardware ends with; it starts from minus threshold."""
        if layer.name not in self._ranges:
            self._ranges[layer.name] = self._find_range(layer)
        return self._ranges[layer.name]

    def _find_range(self, layer: MatrixLayer) -> tuple[int, int]:
        value_range = next(value_range for other, _, value_range in self._walk if other is layer)
        low, high = layer.accumulator_range(value_range)
        if layer.thresholds is not None:
            return int((low - layer.thresholds).min()), int((high - layer.thresholds).max())
        if layer.score_table is not None:
            return 0, layer.score_table.shape[1] - 1
        return int(low.min()), int(high.max())


def _pool_lanes(layer: Layer, shape: Shape, offered: int, cycles: int) -> int:
    """The fewest lanes, ``offered`` at least if that divides, with which the pool is not slower than its matrix."""
    assert isinstance(layer, MaxPoolLayer)
    legal = [lanes for lanes in divisors(shape[2]) if lanes >= min(offered, shape[2])]
    rows, columns = Pool.walk_size(layer, shape)
    return next((n for n in legal if rows * columns * (shape[2] // n) <= cycles), legal[-1])


def keeps_beats(layer: MatrixLayer | MatrixSize, folding: LayerFolding) -> bool:
    """Whether it is a matrix without a replay buffer, which holds every input beat back for more than one step."""
    return folding.pe < layer.mh and (folding.order is LoopOrder.INPUT_MAJOR or folding.simd == layer.mw)


def _elements(shape: Shape) -> int:
    return shape[0] * shape[1] * shape[2]
