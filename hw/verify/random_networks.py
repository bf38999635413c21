"""Networks of random structure with random weights, for the sweep.

Everything comes from the generator that is handed in, so that a seed names a network.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bnn import Chain, ConvLayer, DenseLayer, Encode, Layer, MatrixLayer, MaxPoolLayer, Shape
from bnn.encoding import pack_bits
from bnn.folding import Folding, LayerFolding, LoopOrder, matrix_sizes
from bnn.window import NO_PADDING, Padding

MAX_LANES = 512
MAX_CYCLES = 3000
MAX_TABLE = 4000
NAMES = ("wire", "l.0", "1x1", "Schicht ä", "module", "fc", "matrix", "pixels", "label_o", "x" * 40)

Range = tuple[int, int] | None


def random_network(rng: np.random.Generator) -> Chain:
    """A small MLP or CNN with odd sizes and any legal mixture of what the contract knows."""
    has_convolutions = bool(rng.random() < 0.6)
    side = 11 if has_convolutions else 7
    shape = (int(rng.integers(1, side)), int(rng.integers(1, side)), int(rng.integers(1, 5)))
    encoding = _random_encoding(rng, shape)
    maker = _Maker(rng, encoding)
    for _ in range(int(rng.integers(1, 4)) if has_convolutions else 0):
        maker.add_convolution()
        if rng.random() < 0.4:
            maker.add_pool()
    if not maker.layers and encoding.binary and rng.random() < 0.1:
        maker.add_pool()
    for _ in range(int(rng.integers(0, 2 if has_convolutions else 4))):
        maker.add_dense(int(rng.integers(1, 41)))
    maker.add_scores(int(rng.integers(2, 13)))
    return Chain(encoding, tuple(maker.layers))


def random_folding(rng: np.random.Generator, network: Chain) -> Folding:
    """Any legal PE, SIMD and loop order of each layer within ``MAX_LANES`` and ``MAX_CYCLES``, where there is one."""
    layers = {}
    for name, size in matrix_sizes(network).items():
        order = LoopOrder.OUTPUT_MAJOR if rng.random() < 0.5 else LoopOrder.INPUT_MAJOR
        choices = [LayerFolding(pe, simd, order) for pe, simd in size.legal()]
        small = [choice for choice in choices if choice.pe * choice.simd <= MAX_LANES]
        fast = [choice for choice in small if size.cycles(choice) <= MAX_CYCLES] or [min(small, key=size.cycles)]
        layers[name] = fast[rng.integers(len(fast))]
    return Folding.of(network, layers)


def _random_encoding(rng: np.random.Generator, shape: Shape) -> Encode:
    kind = rng.integers(5)
    if kind == 0:
        return Encode.threshold(shape, int(rng.choice([0, 1, 100, 128, 255, 256])))
    if kind == 1:
        return Encode(shape, rng.integers(0, 2, 256).astype(np.int16), binary=True)
    if kind == 2:
        return Encode.pixels(shape)
    low, high = sorted(int(bound) for bound in rng.integers(-256, 256, 2)) if kind == 3 else (-1, 2)
    return Encode(shape, rng.integers(low, high + 1, 256).astype(np.int16), binary=False)


class _Maker:
    """Adds layers one after the other and knows what the next one reads."""

    def __init__(self, rng: np.random.Generator, encoding: Encode) -> None:
        self.rng = rng
        self.encoding = encoding
        self.layers: list[Layer] = []
        self.shape = encoding.shape
        self.range: Range = None if encoding.binary else encoding.range

    def add(self, layer: Layer) -> None:
        self.layers.append(layer)
        self.shape = layer.output_shape(self.shape)
        self.range = None

    def add_convolution(self) -> None:
        """A random convolution."""
        kernel, stride, padding = self._random_window()
        pads, values = np.zeros(self.shape[2], np.int64), self.range
        if padding != NO_PADDING:
            low, high = (0, 1) if self.range is None else (min(self.range[0], 0), max(self.range[1], 0))
            pads = self.rng.integers(low, high + 1, self.shape[2])
            values = self.range and (min(self.range[0], int(pads.min())), max(self.range[1], int(pads.max())))
        mw = kernel[0] * kernel[1] * self.shape[2]
        bits = self.rng.integers(0, 2, (int(self.rng.integers(1, 14)), mw))
        self.add(
            ConvLayer(
                self._random_name("conv"),
                pack_bits(bits),
                mw,
                self._thresholds(bits, values),  # type: ignore[arg-type]
                kernel=kernel,
                stride=stride,
                padding=padding,
                pad_values=pads,  # type: ignore[arg-type]
            )
        )

    def add_pool(self) -> None:
        """A random max pool."""
        kernel, stride, padding = self._random_window()
        self.add(MaxPoolLayer(self._random_name("pool"), kernel, stride, padding))

    def add_dense(self, mh: int) -> None:
        """A hidden dense layer."""
        bits = self.rng.integers(0, 2, (mh, int(np.prod(self.shape))))
        self.add(DenseLayer.from_bits(self._random_name("fc"), bits, self._thresholds(bits, self.range)))

    def add_scores(self, classes: int) -> None:
        """The last layer: dense or a convolution over the whole image, at times with a score table."""
        mw = int(np.prod(self.shape))
        bits = pack_bits(self.rng.integers(0, 2, (classes, mw)))
        name = self._random_name("scores")
        low, high = MatrixLayer(name, bits, mw, None).accumulator_range(self.range)
        entries = int((high - low).max()) + 1
        table = None
        if entries * classes <= MAX_TABLE and self.rng.random() < 0.4:
            table = self.rng.integers(-300, 300, (classes, entries)).astype(np.int32)
        if self.rng.random() < 0.6:
            self.add(DenseLayer(name, bits, mw, None, score_table=table))
            return
        pads = np.zeros(self.shape[2], np.int16)
        self.add(ConvLayer(name, bits, mw, None, score_table=table, kernel=self.shape[:2], pad_values=pads))

    def _thresholds(self, bits: NDArray[np.int64], value_range: Range) -> NDArray[np.int64]:
        """Near the middle of what the sums are, so that the bits carry something; and the two constant ones."""
        mh, mw = bits.shape
        low, high = np.zeros(mh), np.full(mh, mw)
        if value_range is not None:
            plus = bits.sum(axis=1)
            low = plus * value_range[0] - (mw - plus) * value_range[1]
            high = plus * value_range[1] - (mw - plus) * value_range[0]
        middle = self.rng.normal((low + high) / 2, (high - low) / (2 * mw**0.5))
        thresholds = np.clip(np.rint(middle), low, high + 1).astype(np.int64)
        constant = self.rng.random(mh) < 0.03
        return np.where(constant, np.where(self.rng.random(mh) < 0.5, low, high + 1), thresholds).astype(np.int64)

    def _random_window(self) -> tuple[tuple[int, int], tuple[int, int], Padding]:
        """A kernel of at most 4 x 4 that fits the padded image, its stride and padding."""
        rng = self.rng
        while True:
            kernel = (int(rng.integers(1, 5)), int(rng.integers(1, 5)))
            padding = NO_PADDING
            if rng.random() < 0.6:
                top, left, bottom, right = (int(rng.integers(0, kernel[axis % 2])) for axis in range(4))
                padding = (top, left, bottom, right)
            height, width = self.shape[0] + padding[0] + padding[2], self.shape[1] + padding[1] + padding[3]
            if kernel[0] <= height and kernel[1] <= width:
                return kernel, (int(rng.integers(1, 4)), int(rng.integers(1, 4))), padding

    def _random_name(self, stem: str) -> str:
        name = f"{stem}{len(self.layers) + 1}"
        if self.rng.random() < 0.1:
            name = str(self.rng.choice(NAMES))
        return name if all(layer.name != name for layer in self.layers) else f"{stem}{len(self.layers) + 1}"
