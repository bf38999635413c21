"""Network + folding -> the chain of hardware units that computes it: what generator, cycle model and estimates share.

One unit per instance in the design, in stream order. A unit knows its module in ``hw/rtl``, the streams on its two
sides and its parameters; nothing here computes with weights.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from types import MappingProxyType

from bnn import ConvLayer, DenseLayer, Layer, MatrixLayer, MaxPoolLayer, Network, Shape
from hw.folding import Folding, LayerFolding, LoopOrder, divisors
from hw.units import (
    Fifo,
    LabelSelect,
    Matrix,
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


@dataclass(frozen=True)
class Dataflow:
    """Every unit of one design, from the pixels to the label.

    Attributes:
        units: in stream order; each unit's input stream is the output stream of the one before.
    """

    units: tuple[Unit, ...]

    def __post_init__(self) -> None:
        for before, after in pairwise(self.units):
            assert before.output == after.input, (
                f"{before.name} gives {before.output}, {after.name} takes {after.input}"
            )

    def __getitem__(self, name: str) -> Unit:
        return self._by_name[name]

    def __iter__(self) -> Iterator[Unit]:
        return iter(self.units)

    @cached_property
    def _by_name(self) -> dict[str, Unit]:
        return {unit.name: unit for unit in self.units}

    @property
    def bottleneck_cycles(self) -> int:
        """Cycles a frame of the slowest unit: no frame initiation interval is shorter."""
        return max(unit.cycles for unit in self.units)

    @property
    def buffers(self) -> dict[str, int]:
        """Beats that each unit with a choice of buffer can hold; the key is the unit's name."""
        return {unit.name: unit.buffer_beats for unit in self.units if unit.buffer_beats}


def unit_names(network: Network) -> dict[str, str]:
    """Layer name to the stem of its units' names: an identifier in SystemVerilog, unique and never a keyword."""
    stems = {layer.name: re.sub(r"\W", "_", layer.name, flags=re.ASCII) for layer in network.layers}
    plain = all(re.match(r"[A-Za-z]", stem) for stem in stems.values()) and len(set(stems.values())) == len(stems)
    return stems if plain else {name: f"l{index}_{stem}" for index, (name, stem) in enumerate(stems.items())}


def build_dataflow(
    network: Network,
    folding: Folding,
    buffers: Mapping[str, int] = MappingProxyType({}),
    *,
    popcount: PopcountStyle = PopcountStyle.COMPRESSOR,
) -> Dataflow:
    """The units of ``network`` under ``folding``.

    Args:
        network: what to compute.
        folding: PE, SIMD and loop order of every matrix.
        buffers: unit name to the beats that it holds: windows, replay buffers, and FIFOs, which stand in front of every
            layer without a window and are left out where they hold 0. Units that are not named get generous ones.
        popcount: how the matrices count bits.

    Raises:
        FoldingError: the folding does not fit the network.
    """
    folding.verify(network)
    return Dataflow(tuple(_Builder(network, folding, buffers, popcount).units()))


class _Builder:
    def __init__(self, network: Network, folding: Folding, buffers: Mapping[str, int], popcount: PopcountStyle) -> None:
        self.network = network
        self.folding = folding
        self.buffers = buffers
        self.popcount = popcount
        self.stems = unit_names(network)

    def units(self) -> Iterator[Unit]:
        lanes = self._first_lanes()
        _, _, value_range = next(self.network.walk())
        bits, signed = (1, False) if value_range is None else value_bits(*value_range)
        pixels = Stream(lanes, PIXEL_BITS, _elements(self.network.input.shape) // lanes)
        stream = Stream(lanes, bits, pixels.beats)
        yield Quantizer("quantizer", None, pixels, stream, self.network.input)
        for layer, shape, _ in self.network.walk():
            for unit in self._layer(layer, shape, stream, signed):
                yield unit
                stream = unit.output
            signed = False
        last = self.network.layers[-1]
        assert isinstance(last, MatrixLayer)
        if last.score_table is not None:
            bits = signed_bits(int(last.score_table.min()), int(last.score_table.max()))
            mapped = Stream(stream.lanes, bits, stream.beats)
            yield ScoreMap("scores", last.name, stream, mapped, last.score_table.shape[1])
            stream = mapped
        label = Stream(1, max(1, (last.mh - 1).bit_length()), 1)
        yield LabelSelect("label", None, stream, label)

    def _layer(self, layer: Layer, shape: Shape, stream: Stream, signed: bool) -> Iterator[Unit]:
        stem = self.stems[layer.name]
        lanes = self.folding.layers[layer.name].simd if isinstance(layer, MatrixLayer) else stream.lanes
        if isinstance(layer, MaxPoolLayer):
            lanes = self._pool_lanes(layer, shape, stream.lanes)
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
        elif depth:
            yield Fifo(f"{stem}_fifo", layer.name, stream, stream, depth)
        if isinstance(layer, MaxPoolLayer):
            output = Stream(lanes, 1, _elements(layer.output_shape(shape)) // lanes)
            yield Pool(f"{stem}_pool", layer.name, stream, output, layer, shape)
            return
        folding = self.folding.layers[layer.name]
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
        )

    def _reachable(self, layer: MatrixLayer) -> tuple[int, int]:
        """Lowest and highest value that an accumulator of the hardware ends with; it starts from minus threshold."""
        value_range = next(value_range for other, _, value_range in self.network.walk() if other is layer)
        low, high = layer.accumulator_range(value_range)
        if layer.thresholds is not None:
            return int((low - layer.thresholds).min()), int((high - layer.thresholds).max())
        if layer.score_table is not None:
            return 0, layer.score_table.shape[1] - 1
        return int(low.min()), int(high.max())

    def _first_lanes(self) -> int:
        """Pixels a beat: what the first layer takes a cycle."""
        layer, shape, _ = next(self.network.walk())
        if isinstance(layer, MatrixLayer):
            return self.folding.layers[layer.name].simd
        return self._pool_lanes(layer, shape, 1)

    def _pool_lanes(self, pool: MaxPoolLayer, shape: Shape, offered: int) -> int:
        """The fewest lanes, ``offered`` at least if that divides, with which the pool is not the slowest unit."""
        slowest = max(self.folding.cycles(self.network).values())
        legal = [lanes for lanes in divisors(shape[2]) if lanes >= min(offered, shape[2])]
        rows, columns = Pool.walk_size(pool, shape)
        return next((n for n in legal if rows * columns * (shape[2] // n) <= slowest), legal[-1])


def _elements(shape: Shape) -> int:
    return shape[0] * shape[1] * shape[2]


__all__ = ["Dataflow", "LoopOrder", "build_dataflow", "unit_names"]
