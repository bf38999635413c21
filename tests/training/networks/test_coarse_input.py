"""Input of 2 to 7 bits: a pixel's highest. Oracles: integer division in NumPy, the plain evaluator, qonnx."""

import numpy as np
import pytest
import torch

from bnn.chain import as_chain
from finn_build.board import evaluator
from onnx_export.absorb import absorb
from onnx_export.execute import QonnxExecutor
from onnx_export.export import export_qonnx
from training.config.load import parse_config
from training.networks.models import BinaryNetwork

SHAPE = (6, 6, 2)


def model(bits):
    torch.manual_seed(bits)
    layers = [{"conv": 8, "padding": 1, "pad_pixel": 100}, {"dense": 16}]
    network = {"input_bits": bits, "layers": layers}
    built = BinaryNetwork(parse_config({"name": "n", "data": {"name": "digits"}, "network": network}, "c"), SHAPE, 4)
    with torch.no_grad():
        for norm in (module for module in built.modules() if hasattr(module, "running_mean")):
            norm.running_mean.normal_(0, 2)
            norm.running_var.uniform_(1, 20)
    return built.eval()


@pytest.mark.parametrize("bits", [2, 4, 7])
def test_every_rung_sees_the_highest_bits(bits, tmp_path):
    images = np.random.default_rng(bits).integers(0, 256, (40, *SHAPE), np.uint8)
    built = model(bits)
    network = absorb(built.staged())
    assert network.input.table.tolist() == [pixel // 2 ** (8 - bits) for pixel in range(256)]
    assert set(as_chain(network).layers[0].pad_values) == {100 // 2 ** (8 - bits)}
    pixels = torch.from_numpy(images.transpose(0, 3, 1, 2).astype(np.float32))
    with torch.no_grad():
        logits = built(pixels).numpy()
        assert np.array_equal(built.input(pixels).numpy(), pixels.numpy() // 2 ** (8 - bits))
    scores = evaluator.scores(as_chain(network), images)
    assert np.array_equal(scores.argsort(axis=1, kind="stable"), logits.argsort(axis=1, kind="stable"))
    names = [layer.name for layer in as_chain(network).layers]
    export_qonnx(built, SHAPE, tmp_path / "m.onnx", network_hash=network.hash, layer_names=names)
    assert np.array_equal(QonnxExecutor(tmp_path / "m.onnx").scores(images[:5]), logits[:5])
