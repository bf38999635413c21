"""Small random networks that use everything the contract allows and FINN can hold."""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest

from bnn import Chain, ConvLayer, DenseLayer, Encode, MaxPoolLayer
from bnn.encoding import pack_bits
from finn_build.compiler.boards import FinnBoard, Shell
from hw.simulator import Backend, simulate


@dataclass
class LayerFactory:
    """Random layers whose thresholds lie near the middle of their range, the first and last one at its ends."""

    rng: np.random.Generator

    def dense(self, name, mw, mh, value_range=None, *, last=False):
        bits = self.rng.integers(0, 2, (mh, mw))
        if last:
            return DenseLayer.from_bits(name, bits, None)
        return self._with_thresholds(DenseLayer, name, bits, value_range)

    def conv(self, name, c_in, c_out, kernel=(3, 3), value_range=None, *, pads=None, last=False, **more):
        bits = self.rng.integers(0, 2, (c_out, kernel[0] * kernel[1] * c_in))
        more |= {"kernel": kernel, "pad_values": np.zeros(c_in) if pads is None else pads}
        if last:
            return ConvLayer(name, pack_bits(bits), bits.shape[1], None, **more)
        return self._with_thresholds(ConvLayer, name, bits, value_range, **more)

    def _with_thresholds(self, layer_type, name, bits, value_range, **more):
        low, high = layer_type(name, pack_bits(bits), bits.shape[1], None, **more).accumulator_range(value_range)
        spread = np.maximum((high - low) // 8, 1)
        thresholds = (low + high) // 2 + self.rng.integers(-spread, spread + 1)
        thresholds[0], thresholds[-1] = low[0], high[-1] + 1
        return layer_type(name, pack_bits(bits), bits.shape[1], thresholds, **more)


def small_mlp(rng, *, binary=True, table=False):
    make = LayerFactory(rng)
    shape = (4, 6, 1)
    encoding = Encode.threshold(shape, 100) if binary else Encode.pixels(shape)
    last = make.dense("fc3", 12, 5, last=True)
    if table:
        last = DenseLayer("fc3", last.weights, 12, None, score_table=rng.integers(0, 50, (5, 13)))
    value_range = None if binary else (0, 255)
    return Chain(encoding, (make.dense("fc1", 24, 8, value_range), make.dense("fc2", 8, 12), last))


def small_cnn(rng, *, binary=False):
    """Padding with both bits, a 1 x 1 convolution, strides, a pool with overlap and padding, a flatten of 3 x 2."""
    make = LayerFactory(rng)
    shape = (11, 9, 3)
    encoding = Encode.threshold(shape, 77) if binary else Encode.pixels(shape)
    return Chain(
        encoding,
        (
            make.conv("conv1", 3, 8, value_range=None if binary else (0, 255), padding=(1, 1, 1, 1)),
            make.conv("conv2", 8, 6, padding=(1, 0, 1, 1), pads=np.array([0, 1, 1, 0, 0, 1, 0, 1])),
            MaxPoolLayer("pool1", (3, 3), (2, 2), (1, 1, 1, 1)),
            make.conv("conv3", 6, 4, (1, 1)),
            make.conv("conv4", 4, 10, (2, 2), stride=(2, 2)),
            make.dense("fc1", 10 * 3 * 2, 7),
            make.dense("fc2", 7, 4, last=True),
        ),
    )


def golden_frames(network, count=6, seed=5):
    """Random frames, each of a brightness of its own so that their labels differ, with the simulator's scores."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (count, *network.input.shape)) * rng.random((count, 1, 1, 1)) ** 2
    images = np.where(rng.random((count, 1, 1, 1)) < 0.5, images, 255 - images).astype(np.uint8)
    scores = simulate(network.network(), images, backend=Backend.NUMPY)
    return SimpleNamespace(images=images, labels=rng.integers(0, network.classes, count), scores=scores)


@pytest.fixture
def rng():
    return np.random.default_rng(20)


@pytest.fixture
def layer_factory(rng):
    return LayerFactory(rng)


@pytest.fixture(scope="session")
def small_cnn_factory():
    return small_cnn


@pytest.fixture(scope="session")
def networks():
    """``networks("mlp", binary=..., table=...)`` or ``networks("cnn", binary=...)``, whose answers vary."""

    def make(kind, **more):
        return {"mlp": small_mlp, "cnn": small_cnn}[kind](np.random.default_rng(15), **more)

    return make


@pytest.fixture(scope="session")
def frames_of():
    return golden_frames


@pytest.fixture(scope="session")
def pynq_z2():
    return FinnBoard("Pynq-Z2", "xc7z020clg400-1", Shell.ZYNQ)


@pytest.fixture(scope="session")
def unfolded():
    """The smallest folding of a network: PE and SIMD 1 everywhere."""
    return lambda network: {layer.name: (1, 1) for layer in network.layers if not isinstance(layer, MaxPoolLayer)}
