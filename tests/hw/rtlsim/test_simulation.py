"""Whole networks in RTL: every bit as the simulator gives it, every cycle as the model predicts it.

Oracles: hw.simulator, which other tests hold to PyTorch, and Verilator's own count of cycles.
"""

import numpy as np
import pytest

from bnn import ConvLayer, DenseLayer, InputEncoding, MaxPoolLayer, Network
from bnn.encoding import pack_bits
from hw.cycles import predict
from hw.folding import Folding, LayerFolding
from hw.generator import Design
from hw.rtlsim import Effort, simulate_design
from hw.simulator import simulate

RNG = np.random.default_rng(11)


def mlp():
    dense = [
        DenseLayer.from_bits("fc1", RNG.integers(0, 2, (12, 30)), RNG.integers(12, 19, 12)),
        DenseLayer.from_bits("fc2", RNG.integers(0, 2, (8, 12)), RNG.integers(4, 9, 8)),
        DenseLayer.from_bits("fc3", RNG.integers(0, 2, (5, 8)), None),
    ]
    folding = {"fc1": LayerFolding(3, 5), "fc2": LayerFolding(4, 6), "fc3": LayerFolding(1, 4)}
    return Network(InputEncoding.threshold((5, 6, 1), 100), dense), folding


def cnn():
    conv1 = ConvLayer(
        "conv1",
        pack_bits(RNG.integers(0, 2, (6, 27))),
        27,
        RNG.integers(-500, 500, 6),
        kernel=(3, 3),
        pad_values=[0] * 3,
    )
    conv2 = ConvLayer(
        "conv2",
        pack_bits(RNG.integers(0, 2, (4, 54))),
        54,
        RNG.integers(22, 33, 4),
        kernel=(3, 3),
        padding=(1, 1, 1, 1),
        pad_values=RNG.integers(0, 2, 6),
    )
    dense = DenseLayer.from_bits("fc1", RNG.integers(0, 2, (4, 36)), None)
    layers = (conv1, MaxPoolLayer("pool1", (2, 2), (2, 2)), conv2, dense)
    folding = {"conv1": LayerFolding(2, 3), "conv2": LayerFolding(2, 2), "fc1": LayerFolding(2, 9)}
    return Network(InputEncoding.pixels((8, 8, 3)), layers), folding


@pytest.mark.parametrize("build", [mlp, cnn])
def test_rtl_equals_golden_and_takes_the_predicted_cycles(build, build_dir):
    network, layers = build()
    folding = Folding.of(network, layers)
    images = RNG.integers(0, 256, (40, *network.input.shape), np.uint8)
    golden = simulate(network, images)
    design = Design.of(network, folding)
    measured = simulate_design(design, images, build_dir=build_dir, effort=Effort.FAST_BUILD)
    assert np.array_equal(measured.scores, golden)
    assert np.array_equal(measured.labels, golden.argmax(axis=1))
    predicted = predict(design.dataflow, frames=len(measured.label_cycles))
    assert measured.latency_cycles == predicted.latency_cycles
    assert measured.frame_ii_cycles == predicted.frame_ii_cycles
    assert measured.label_cycles == predicted.label_cycles
    assert measured.units == predicted.units
    assert predicted.frame_ii_cycles >= max(folding.cycles(network).values())
    stalled = simulate_design(
        Design.of(network, folding, stall_gates=True),
        images,
        build_dir=build_dir,
        stall=0.3,
        seed=5,
        assertions=True,
        effort=Effort.FAST_BUILD,
    )
    assert np.array_equal(stalled.scores, golden)
