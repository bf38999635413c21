"""The same images through every rung: PyTorch, qonnx and the integer network agree in every bit of every layer.

Oracles: PyTorch's own forward pass and qonnx's own executor, neither of which knows of the integer network.
"""

import numpy as np
import pytest
import torch

from flow.ladder.compare import Comparison
from flow.ladder.diff import first_difference
from hw.simulator import available_backends, reference_meaning, simulate, trace
from onnx_export.absorb import absorb
from onnx_export.execute import QonnxExecutor
from onnx_export.export import export_qonnx
from training.config.load import parse_config
from training.networks.models import BinaryNetwork

CONV = {"conv": 7, "kernel": 3}
NETWORKS = {
    "mlp-1-bit": ({"input_bits": 1, "layers": [{"dense": 70}, {"dense": 20}]}, {"threshold_shift": [0.3, -0.4]}),
    "mlp-8-bit": ({"layers": [{"dense": 33}]}, {"threshold_shift": "learned", "learned_shift_start": 0.2}),
    "prelu": ({"layers": [{"dense": 40}, {"dense": 40}]}, {"pre_activation": "prelu", "threshold_shift": -0.05}),
    "relu": ({"input_bits": 1, "layers": [{"dense": 40}]}, {"pre_activation": "relu", "threshold_shift": 0.5}),
    "no-hidden-layer": ({"input_bits": 1}, {}),
    "conv-8-bit-pool-after": ({"layers": [CONV, {"pool": 2}, {"conv": 9, "kernel": 2}, {"dense": 12}]}, {}),
    "conv-1-bit-pool-before": (
        {"input_bits": 1, "layers": [CONV, {"pool": 2, "position": "before_activation"}, {"conv": 5, "kernel": 2}]},
        {"threshold_shift": 0.25, "pre_activation": "leaky_relu"},
    ),
    "padded": (
        {
            "layers": [
                {"conv": 6, "kernel": 3, "padding": 1, "pad_pixel": 17},
                {"conv": 6, "kernel": [3, 2], "stride": [2, 1], "padding": [1, 0], "pad_bit": 1},
                {"pool": [2, 3], "stride": [1, 2], "position": "before_activation"},
                {"conv": 8, "kernel": 3, "padding": 1, "pad_bit": 0},
                {"conv": 65, "kernel": 1},
                {"dense": 11},
            ]
        },
        {"threshold_shift": "learned"},
    ),
}


def random_model(name):
    """A model with batch norms of both signs, as after a training that went its own way."""
    network, activation = NETWORKS[name]
    config = parse_config(
        {"name": name, "data": {"name": "digits"}, "network": network, "activation": activation}, name
    )
    torch.manual_seed(len(name))
    model = BinaryNetwork(config, (9, 8, 3), 5)
    for module in model.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            width = module.num_features
            module.weight.data = torch.randn(width)
            module.bias.data = 0.5 * torch.randn(width)
            module.running_var = torch.rand(width) * 30 + 1
            module.running_mean = torch.randn(width) * 3
    return model.eval()


@pytest.mark.parametrize("name", NETWORKS)
def test_every_rung_gives_the_same_bits(name, tmp_path):
    model = random_model(name)
    images = np.random.default_rng(5).integers(0, 256, (12, 9, 8, 3), np.uint8)
    network = absorb(model.staged())
    export_qonnx(model, network.input.shape, tmp_path / "model.onnx", network_hash=network.hash)
    bits, logits = model.trace(images)
    reference = {**bits, network.layers[-1].name: logits}
    executor = QonnxExecutor(tmp_path / "model.onnx")
    assert executor.network_hash == network.hash
    assert first_difference(reference, executor.trace(images)) is None
    assert Comparison.ORDER.mismatching_frames(executor.scores(images), logits).size == 0
    for backend in available_backends():
        traced = reference_meaning(network, trace(network, images, backend=backend))
        assert set(reference) <= set(traced)
        assert first_difference(reference, traced) is None
        assert Comparison.ORDER.mismatching_frames(simulate(network, images, backend=backend), logits).size == 0
