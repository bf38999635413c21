"""One layer of a graph with all its sizes, before anything is built."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bnn.values import Shape
from bnn.window import NO_PADDING, Padding
from training.config.layers import Gives
from training.config.load import Config, ConfigError
from training.config.section import Section
from training.networks.graph.signal import Signal, bits

FRACTION_BITS, RESIDUAL_BITS = 6, 8  # of grids, where neither layer nor network says

Pair = tuple[int, int]


@dataclass(frozen=True)
class Window:
    """What slides over an image: kernel, step, padding at (top, left, bottom, right) and what that reads as."""

    kernel: Pair = (1, 1)
    stride: Pair = (1, 1)
    padding: Padding = NO_PADDING
    pad_value: int = 0

    @property
    def size(self) -> int:
        """Positions in a window."""
        return self.kernel[0] * self.kernel[1]

    def over(self, key: str, shape: Shape) -> Pair:
        """(H, W) of windows over an image; ConfigError where the image is smaller, or padding as large as the window.

        The padding alone would then fill a window.
        """
        top, left, bottom, right = self.padding
        if max(top, bottom) >= self.kernel[0] or max(left, right) >= self.kernel[1]:
            raise ConfigError(f"{key}.padding: {(top, left)} must be smaller than the window {self.kernel}")
        height, width = shape[0] + top + bottom, shape[1] + left + right
        if self.kernel[0] > height or self.kernel[1] > width:
            raise ConfigError(
                f"{key}: a window of {self.kernel[0]} x {self.kernel[1]} is larger than its input, {height} x {width}"
            )
        return (height - self.kernel[0]) // self.stride[0] + 1, (width - self.kernel[1]) // self.stride[1] + 1


@dataclass(frozen=True)
class PlannedLayer:
    """One layer.

    Attributes:
        name: also of the value that it gives.
        key: where the configuration describes it, for messages.
        layer: how the configuration describes it.
        inputs: the names of what it reads.
        sources: what these are.
        output: what it gives.
        window: of a convolution or pool.
        mw: of a matrix, inputs of one output; 0 where there is no matrix.
        sums: of a matrix, its sums before batch norm and sign or grid.
        shift: of its sign's threshold; None where it is learned.
    """

    name: str
    key: str
    layer: Section
    inputs: tuple[str, ...]
    sources: tuple[Signal, ...]
    output: Signal
    window: Window = Window()
    mw: int = 0
    sums: Signal | None = None
    shift: float | None = 0.0

    @property
    def weights(self) -> int:
        """Of its matrix."""
        return self.mw * self.output.shape[2]

    @property
    def multiplications(self) -> int:
        """Of one image."""
        return self.weights * self.sums.positions if self.sums is not None else 0


@dataclass(frozen=True)
class Request:
    """What a planner is given: the layer, where it stands, and what it reads.

    Attributes:
        config: the whole configuration.
        name: of the layer.
        key: where the configuration describes it, for messages.
        layer: how the configuration describes it.
        inputs: the names of what it reads.
        sources: what these are.
    """

    config: Config
    name: str
    key: str
    layer: Any
    inputs: tuple[str, ...]
    sources: tuple[Signal, ...]

    @property
    def source(self) -> Signal:
        """What it reads, where that is one."""
        return self.sources[0]

    def given(self, gives: Gives | None, sums: Signal) -> Signal:
        """What the layer makes of these integers."""
        if gives is not Gives.GRID:
            for key in ("fraction_bits", "residual_bits"):
                if getattr(self.layer, key) is not None:
                    raise ConfigError(f"{self.key}.{key}: is of a grid, and {self.name} gives {gives or 'bits'}")
        if gives is Gives.INTEGERS:
            return sums
        if gives is not Gives.GRID:
            return bits(sums.shape)
        network = self.config.network
        fraction = _first(self.layer.fraction_bits, network.fraction_bits, FRACTION_BITS)
        half = 2 ** (_first(self.layer.residual_bits, network.residual_bits, RESIDUAL_BITS) - 1)
        return Signal(sums.shape, -half, half - 1, fraction_bits=fraction)

    def planned(self, output: Signal, **more: Any) -> PlannedLayer:
        """The layer, planned."""
        return PlannedLayer(self.name, self.key, self.layer, self.inputs, self.sources, output, **more)


def pair(size: int | Pair) -> Pair:
    """(vertical, horizontal)."""
    return (size, size) if isinstance(size, int) else size


def _first(*values: int | None) -> int:
    return next(value for value in values if value is not None)
