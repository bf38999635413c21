"""ResNet-20 with random weights for the simulator's benchmark, and the same as a float graph for onnxruntime.

The shapes are those of CIFAR-10's ResNet-20: three stages of 16, 32 and 64 channels at 32, 16 and 8 pixels, and a
shortcut around each of the 18 convolutions; between stages it pools and repeats its channels.
"""

from __future__ import annotations

from enum import Enum

import numpy as np

from bnn import Encode, Network
from bnn.encoding import pack_bits
from bnn.nodes import (
    Add,
    Concatenate,
    Conv,
    Dense,
    Grid,
    Node,
    Scores,
    SumPool,
    Thermometer,
    Threshold,
)
from bnn.values import Integers, Value

PIXELS = (32, 32, 3)
STAGES = ((16, 3), (32, 3), (64, 3))  # channels, residual blocks of two convolutions
CLASSES = 10
MIDDLE_GRAY = 128
LEVELS = 8  # of the thermometer
SHIFT = 18
COARSE = 2**10  # multipliers and offsets are its multiples, so that float32 has room for M P + B
RESIDUAL_BITS = 8


class Order(Enum):
    """What a shortcut carries: what batch norms gave, on a grid, or the convolutions' sums themselves."""

    GRID = "grid"
    INTEGER = "integer"


def random_resnet20(order: Order, seed: int = 0) -> Network:
    """The network of an order, its weights drawn from ``seed``; thresholds and grids are where the values are."""
    return _Maker(order, seed).network()


class _Maker:
    def __init__(self, order: Order, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.order = order
        source: Encode | Thermometer = Encode.pixels(PIXELS)
        if order is Order.INTEGER:
            source = Thermometer(PIXELS, np.linspace(16, 240, LEVELS).astype(np.int16))
        self.nodes: list[Node] = [source]
        self.values: dict[str, Value] = {source.name: source.output()}

    def network(self) -> Network:
        """All of it."""
        last = self._convolution("stem", self.nodes[0].name, STAGES[0][0], 1)
        for stage, (channels, blocks) in enumerate(STAGES, 1):
            for unit in range(1, 2 * blocks + 1):
                name, halves = f"stage{stage}_unit{unit}", stage > 1 and unit == 1
                bits = self._threshold(f"{name}_sign", last)
                trunk = self._convolution(f"{name}_conv", bits, channels, 2 if halves else 1)
                last = self._put(Add(f"{name}_sum", (trunk, self._halved(name, last) if halves else last)))
        self._end(last)
        return Network(tuple(self.nodes))

    def _put(self, node: Node) -> str:
        self.values[node.name] = node.output(*(self.values[name] for name in node.inputs))
        self.nodes.append(node)
        return node.name

    def _integers(self, name: str) -> Integers:
        value = self.values[name]
        assert isinstance(value, Integers)
        return value

    def _convolution(self, name: str, source: str, channels: int, stride: int) -> str:
        entering = self.values[source]
        c_in = entering.shape[2]
        bits = self.rng.integers(0, 2, (channels, 9 * c_in))
        pads = np.full(c_in, MIDDLE_GRAY if isinstance(entering, Integers) else 0)
        window = {"kernel": (3, 3), "stride": (stride, stride), "padding": (1, 1, 1, 1), "pad_values": pads}
        sums = self._put(Conv(f"{name}.accumulator", (source,), pack_bits(bits), 9 * c_in, **window))  # type: ignore[arg-type]
        if self.order is Order.GRID:
            return self._batch_norm(name, sums, 9 * c_in, is_first=isinstance(entering, Integers))
        doubled = {"multipliers": np.full(channels, 2), "offsets": np.full(channels, -9 * c_in), "shift": 0}
        return self._put(Grid(name, (sums,), **doubled, lowest=-9 * c_in, highest=9 * c_in))  # type: ignore[arg-type]

    def _batch_norm(self, name: str, source: str, mw: int, *, is_first: bool) -> str:
        """Scales of both signs, such that some integers saturate."""
        channels = self.values[source].shape[2]
        deviation, middle = (110 * mw**0.5, 0) if is_first else (mw**0.5 / 2, mw / 2)
        unit = 2**SHIFT / COARSE
        factors = self.rng.normal(0, 64 / deviation * unit, channels)
        factors = np.where(factors < 0, np.floor(factors), np.ceil(factors))
        offsets = np.rint(self.rng.normal(0, 32 * unit, channels) - factors * middle)
        half = 2 ** (RESIDUAL_BITS - 1)
        bounds = {"shift": SHIFT, "lowest": -half, "highest": half - 1}
        return self._put(
            Grid(name, (source,), multipliers=factors * COARSE, offsets=offsets * COARSE, **bounds)  # type: ignore[arg-type]
        )

    def _threshold(self, name: str, source: str) -> str:
        channels = self.values[source].shape[2]
        return self._put(Threshold(name, (source,), np.rint(self.rng.normal(0, 16, channels)).astype(np.int32)))

    def _halved(self, name: str, source: str) -> str:
        """(sum + 2) >> 2 of 2 x 2, and the channels twice."""
        channels = self.values[source].shape[2]
        total = self._put(SumPool(f"{name}_half.sum", (source,), kernel=(2, 2), stride=(2, 2)))
        value = self._integers(total)
        factors = {"multipliers": np.ones(channels), "offsets": np.full(channels, 2), "shift": 2}
        half = Grid(f"{name}_half", (total,), **factors, lowest=value.lowest >> 2, highest=value.highest + 2 >> 2)  # type: ignore[arg-type]
        return self._put(Concatenate(f"{name}_wide", (self._put(half), half.name)))

    def _end(self, last: str) -> None:
        height, width, channels = self.values[last].shape
        weights = self.rng.integers(0, 2, (CLASSES, channels))
        if self.order is Order.GRID:
            total = self._put(SumPool("total", (last,), kernel=(height, width), stride=(1, 1)))
            self._put(Scores.of_integers("fc", self._put(Dense.from_bits("fc.accumulator", total, weights)), CLASSES))
            return
        bits = self._threshold("last_sign", last)
        dense = Dense.from_bits("fc.accumulator", bits, np.tile(weights, height * width))
        self._put(Scores.of_popcounts("fc", self._put(dense), dense.mw, CLASSES))
