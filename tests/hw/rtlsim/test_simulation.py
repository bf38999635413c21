"""Whole networks in RTL: every bit as the simulator gives it, every cycle as the model predicts it.

Oracles: hw.simulator, which other tests hold to PyTorch, and Verilator's own count of cycles.
"""

import numpy as np
import pytest

from bnn import Chain, ConvLayer, DenseLayer, Encode, MaxPoolLayer
from bnn.encoding import pack_bits
from bnn.folding import Folding, LayerFolding
from hw.cycles import predict_cycles
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
    return Chain(Encode.threshold((5, 6, 1), 100), dense), folding


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
    return Chain(Encode.pixels((8, 8, 3)), layers), folding


@pytest.mark.parametrize("build", [mlp, cnn])
def test_rtl_equals_golden_and_takes_the_predicted_cycles(build, build_dir):
    network, layers = build()
    folding = Folding.of(network, layers)
    images = RNG.integers(0, 256, (40, *network.input.shape), np.uint8)
    golden = simulate(network.network(), images)
    design = Design.of(network, folding)
    measured = simulate_design(design, images, build_dir=build_dir, effort=Effort.FAST_BUILD)
    assert np.array_equal(measured.scores, golden)
    assert np.array_equal(measured.labels, golden.argmax(axis=1))
    predicted = predict_cycles(design.dataflow, frames=len(measured.label_cycles))
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


def channel_tables(kind, channels):
    match kind:
        case "thresholds":
            return np.arange(256) >= RNG.integers(0, 257, (channels, 1)), True
        case "bits":
            return RNG.integers(0, 2, (channels, 256)), True
    return np.arange(256) // 2 - RNG.integers(50, 80, (channels, 1)), False


@pytest.mark.parametrize(
    ("kind", "simd"),
    [("thresholds", 3), ("thresholds", 2), ("bits", 4), ("integers", 1), ("integers", 6)],
)
def test_a_table_for_each_channel(kind, simd, build_dir):
    """Lanes that read one channel for ever, and lanes that read them in turn."""
    tables, binary = channel_tables(kind, 3)
    encoding = Encode((4, 2, 3), tables.astype(np.int16), binary)
    thresholds = RNG.integers(9, 16, 6) if binary else RNG.integers(-90, 90, 6)
    first = DenseLayer.from_bits("fc1", RNG.integers(0, 2, (6, 24)), thresholds)
    network = Chain(encoding, (first, DenseLayer.from_bits("fc2", RNG.integers(0, 2, (4, 6)), None)))
    assert network.input.per_channel
    design = Design.of(network, Folding.of(network, {"fc1": LayerFolding(2, simd), "fc2": LayerFolding(1, 6)}))
    images = RNG.integers(0, 256, (30, 4, 2, 3), np.uint8)
    golden = simulate(network.network(), images)
    assert len(np.unique(golden, axis=0)) > 5
    measured = simulate_design(design, images, build_dir=build_dir, effort=Effort.FAST_BUILD)
    assert np.array_equal(measured.scores, golden)
    assert measured.label_cycles == predict_cycles(design.dataflow, frames=len(measured.label_cycles)).label_cycles


def test_two_scores_of_one_row(build_dir):
    """What the importer makes of one logit: class 0 has a constant score, class 1 the logit's; ties are class 0."""
    row = RNG.integers(0, 2, (1, 8))
    first = DenseLayer.from_bits("fc1", RNG.integers(0, 2, (8, 30)), RNG.integers(12, 19, 8))
    table = np.stack([np.full(9, 4), np.arange(9)])
    last = DenseLayer.from_bits("fc2", np.repeat(row, 2, axis=0), None, table)
    network = Chain(Encode.threshold((5, 6, 1), 100), (first, last))
    design = Design.of(network, Folding.of(network, {"fc1": LayerFolding(2, 5), "fc2": LayerFolding(1, 4)}))
    images = RNG.integers(0, 256, (60, 5, 6, 1), np.uint8)
    measured = simulate_design(design, images, build_dir=build_dir, effort=Effort.FAST_BUILD)
    hidden = (images.reshape(60, 30) >= 100) @ (2 * first.weight_bits.T.astype(int) - 1)
    popcounts = (hidden + (first.weight_bits == 0).sum(axis=1) >= first.thresholds) == row
    assert np.array_equal(measured.labels, popcounts.sum(axis=1) > 4)
    assert {3, 4, 5} <= set(popcounts.sum(axis=1).tolist())
