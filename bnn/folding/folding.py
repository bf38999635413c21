"""Folding: how many inputs (SIMD) and outputs (PE) of each layer's matrix are handled per cycle.

SIMD divides the matrix width MW and PE divides the matrix height MH, so that no lane ever idles. A convolution's SIMD
divides c_in, because its sliding window unit delivers channels of one position at a time (FINN's rule as well). A
layer's matrix then takes synapse_fold * neuron_fold cycles a position, and a frame has H_out * W_out positions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Any

from bnn import Chain, ConvLayer, MatrixLayer, Shape, UserError
from bnn.version import VERSION


class FoldingError(UserError):
    """A folding that the network cannot have: the message names the layer, both quantities and the nearest legal."""


class LoopOrder(Enum):
    """Which of a matrix's two loops is the outer one. Both take the same cycles; they differ in latency and memory."""

    OUTPUT_MAJOR = "output-major"
    """For every output all inputs: the input vector is buffered and repeated; outputs come one after another."""
    INPUT_MAJOR = "input-major"
    """For every input all outputs: a beat goes to all accumulators at once; outputs come together at the end."""


@dataclass(frozen=True)
class LayerFolding:
    """PE and SIMD of one layer, and the order of its loops."""

    pe: int
    simd: int
    order: LoopOrder = LoopOrder.OUTPUT_MAJOR


@dataclass(frozen=True)
class MatrixSize:
    """What a folding must divide.

    Attributes:
        mh: matrix height.
        mw: matrix width.
        channels: what SIMD must divide: c_in of a convolution, mw of a dense layer.
        positions: output positions of one frame.
    """

    mh: int
    mw: int
    channels: int
    positions: int

    @classmethod
    def of(cls, layer: MatrixLayer, input_shape: Shape) -> MatrixSize:
        """The sizes of ``layer`` on this input."""
        height, width, _ = layer.output_shape(input_shape)  # type: ignore[attr-defined]
        channels = layer.c_in if isinstance(layer, ConvLayer) else layer.mw
        return cls(layer.mh, layer.mw, channels, height * width)

    def cycles(self, folding: LayerFolding) -> int:
        """Cycles of one frame: synapse_fold * neuron_fold * positions."""
        return (self.mw // folding.simd) * (self.mh // folding.pe) * self.positions

    def legal(self) -> Iterator[tuple[int, int]]:
        """Every legal (pe, simd)."""
        for pe in divisors(self.mh):
            for simd in divisors(self.channels):
                yield pe, simd


def matrix_sizes(network: Chain) -> dict[str, MatrixSize]:
    """Sizes of every dense and convolutional layer, in the network's order."""
    return {
        layer.name: MatrixSize.of(layer, shape) for layer, shape, _ in network.walk() if isinstance(layer, MatrixLayer)
    }


def divisors(number: int) -> list[int]:
    """All divisors of ``number`` >= 1, ascending."""
    small = [d for d in range(1, int(number**0.5) + 1) if number % d == 0]
    return small + [number // d for d in reversed(small) if d * d != number]


@dataclass(frozen=True)
class Folding:
    """PE and SIMD of every dense and convolutional layer of one network; made by ``Folding.of``, which verifies it.

    Attributes:
        layers: layer name to its folding, in the network's order.
    """

    layers: Mapping[str, LayerFolding]

    @classmethod
    def of(cls, network: Chain, layers: Mapping[str, LayerFolding]) -> Folding:
        """A folding of ``network``.

        Raises:
            FoldingError: a layer is missing or unknown, or a PE or SIMD does not divide.
        """
        sizes = matrix_sizes(network)
        folding = cls(MappingProxyType({name: layers[name] for name in sizes if name in layers}))
        for name in layers:
            if name not in sizes:
                raise FoldingError(f"folding: layer {name} is not in the network; its layers: {', '.join(sizes)}")
        folding.verify(network)
        return folding

    @classmethod
    def sequential(cls, network: Chain) -> Folding:
        """The smallest and slowest folding: PE and SIMD 1 everywhere."""
        return cls.of(network, {name: LayerFolding(1, 1) for name in matrix_sizes(network)})

    @classmethod
    def unrolled(cls, network: Chain) -> Folding:
        """The largest and fastest folding: whole matrices, for convolutions all channels of a position at once."""
        sizes = matrix_sizes(network)
        return cls.of(network, {name: LayerFolding(size.mh, size.channels) for name, size in sizes.items()})

    def verify(self, network: Chain) -> None:
        """Raise FoldingError at the first layer that this folding does not fit."""
        for name, size in matrix_sizes(network).items():
            if name not in self.layers:
                raise FoldingError(f"folding: layer {name} is missing; give its pe and simd")
            layer = self.layers[name]
            is_conv = size.channels != size.mw or size.positions != 1
            _check_divides(name, "c_in" if is_conv else "mw", size.channels, "simd", layer.simd)
            _check_divides(name, "mh", size.mh, "pe", layer.pe)

    def cycles(self, network: Chain) -> dict[str, int]:
        """Cycles of one frame in every layer's matrix; the largest bounds the frame initiation interval from below."""
        return {name: size.cycles(self.layers[name]) for name, size in matrix_sizes(network).items()}

    def describe(self, network: Chain) -> dict[str, Any]:
        """The part of ``folding.json`` that says what the folding is."""
        cycles = self.cycles(network)
        return {
            "network_hash": network.hash,
            "askew_version": VERSION,
            "layers": {
                name: {"pe": layer.pe, "simd": layer.simd, "order": layer.order.value, "cycles": cycles[name]}
                for name, layer in self.layers.items()
            },
        }


def _check_divides(layer: str, quantity: str, total: int, kind: str, value: int) -> None:
    if value >= 1 and total % value == 0:
        return
    legal = divisors(total)
    below = [str(d) for d in legal if d < value][-1:]
    above = [str(d) for d in legal if d > value][:1]
    raise FoldingError(
        f"layer {layer}: {quantity} ({total}) must be divisible by {kind} ({value}); "
        f"nearest legal: {', '.join(below + above)}"
    )
