"""The benchmark's ResNet-20 and its float graph are one function. Oracles: onnxruntime; the paper's shapes."""

import numpy as np
import pytest

from bnn.nodes import Add, Conv, Grid, Matrix
from flow.bench.peers import session
from flow.bench.residual import Order, random_resnet20
from flow.bench.residual_case import RESIDUALS, ResidualCase
from flow.bench.residual_onnx import residual_onnx
from flow.bench.standard_onnx import SignAs
from hw.simulator import Backend, simulate, trace


@pytest.mark.parametrize("order", Order)
def test_onnxruntime_gives_the_very_scores(order):
    network = random_resnet20(order)
    images = np.random.default_rng(1).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    expected = simulate(network, images, backend=Backend.NUMPY, threads=1)
    pixels = np.ascontiguousarray(images.transpose(0, 3, 1, 2), np.float32)
    for sign_as in SignAs:
        found = session(residual_onnx(network, sign_as), 1).run(None, {"pixels": pixels})[0]
        np.testing.assert_array_equal(found, expected)
    assert len(np.unique(expected)) > 10


@pytest.mark.parametrize("order", Order)
def test_it_has_the_shapes_of_resnet_20_and_its_values_live(order):
    network = random_resnet20(order)
    matrices = [node for node in network.nodes if isinstance(node, Matrix)]
    assert len(matrices) == 20
    shapes = [network.values[node.name].shape for node in network.nodes if isinstance(node, Add)]
    assert shapes == [(32, 32, 16)] * 6 + [(16, 16, 32)] * 6 + [(8, 8, 64)] * 6
    convolutions = [node for node in matrices if isinstance(node, Conv) and not node.name.startswith("stem")]
    macs = sum(node.mw * np.prod(network.values[node.name].shape) for node in convolutions)
    assert 40e6 < macs < 41e6  # He et al. 2016, section 4.2: 41 M, the first convolution's 0.4 M included
    images = np.random.default_rng(1).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    traced = trace(network, images, backend=Backend.NUMPY)
    bits = [traced[name].mean() for name in traced if name.endswith("_sign")]
    assert all(0.2 < mean < 0.8 for mean in bits)
    ends = [node for node in network.nodes if isinstance(node, Grid) and node.shift == 18]
    assert all((traced[node.name] == node.highest).any() for node in ends)


@pytest.mark.slow
@pytest.mark.parametrize("name", RESIDUALS)
def test_everybody_computes_the_same(name):
    # Compiles a kernel for each length of rows.
    checked = ResidualCase(RESIDUALS[name], threads=1).check()
    assert set(checked.other_classes.values()) == {0}
    assert checked.onnxruntime_logits_farthest == 0
