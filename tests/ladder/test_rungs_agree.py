"""The same images through every rung: PyTorch, qonnx and the integer network agree in every bit of every layer.

Oracles: PyTorch's own forward pass and qonnx's own executor, neither of which knows of the integer network.
"""

import numpy as np
import pytest

from flow.ladder.compare import Comparison
from flow.ladder.diff import first_difference
from hw.simulator import available_backends, reference_meaning, simulate, trace
from onnx_export.absorb import absorb
from onnx_export.execute import QonnxExecutor
from onnx_export.export import export_qonnx
from tests.support.models import model_of, random_batch_norms

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
    model = model_of(network, (9, 8, 3), 5, seed=len(name), activation=activation)
    random_batch_norms(model, mean=3, variance=31, bias=0.5)
    return model.eval()


@pytest.mark.parametrize("name", NETWORKS)
def test_every_rung_gives_the_same_bits(name, tmp_path):
    model = random_model(name)
    images = np.random.default_rng(5).integers(0, 256, (12, 9, 8, 3), np.uint8)
    network = absorb(model.staged())
    export_qonnx(model, network.input.shape, tmp_path / "model.onnx", network_hash=network.hash)
    bits, logits = model.trace(images)
    reference = {**bits, network.output.name: logits}
    executor = QonnxExecutor(tmp_path / "model.onnx")
    assert executor.network_hash == network.hash
    assert first_difference(reference, executor.trace(images)) is None
    assert Comparison.ORDER.mismatching_frames(executor.scores(images), logits).size == 0
    for backend in available_backends():
        traced = reference_meaning(network, trace(network, images, backend=backend))
        assert set(reference) <= set(traced)
        assert first_difference(reference, traced) is None
        assert Comparison.ORDER.mismatching_frames(simulate(network, images, backend=backend), logits).size == 0
