"""Small networks."""

import numpy as np
import pytest

from bnn import Chain, ConvLayer, DenseLayer, Encode, MaxPoolLayer
from bnn.encoding import pack_bits
from bnn.folding import Folding, LayerFolding


@pytest.fixture(scope="session")
def small_mlp():
    """A 1-bit MLP of 30 inputs in 6 beats, and its folding."""
    rng = np.random.default_rng(21)
    layers = (
        DenseLayer.from_bits("fc1", rng.integers(0, 2, (12, 30)), rng.integers(12, 19, 12)),
        DenseLayer.from_bits("fc2", rng.integers(0, 2, (5, 12)), None),
    )
    network = Chain(Encode.threshold((5, 6, 1), 100), layers)
    return network, Folding.of(network, {"fc1": LayerFolding(3, 5), "fc2": LayerFolding(1, 4)})


@pytest.fixture(scope="session")
def unneeded_outputs():
    """A CNN whose pool needs neither the last rows nor the last columns of the layer before it, and a slow folding."""
    rng = np.random.default_rng(22)
    conv = ConvLayer(
        "conv1",
        pack_bits(rng.integers(0, 2, (8, 2))),
        2,
        rng.integers(0, 4, 8),
        kernel=(1, 1),
        pad_values=[0, 0],
    )
    dense = DenseLayer.from_bits("fc1", rng.integers(0, 2, (4, 8)), None)
    network = Chain(Encode.threshold((7, 5, 2), 128), (conv, MaxPoolLayer("pool1", (3, 3), (5, 5)), dense))
    return network, Folding.of(network, {"conv1": LayerFolding(1, 2), "fc1": LayerFolding(4, 8)})
