"""What a graph traces of itself. Oracle: PyTorch's own operations on the weights that absorption reads."""

import numpy as np
import pytest
import torch

from bnn.counts import as_counted
from bnn.values import Bits
from hw.simulator import Backend, reference_meaning, trace
from onnx_export.absorb import absorb
from tests.support.model_graphs import compute
from training.config.load import parse_config
from training.networks.build import build_network

SHAPE, CLASSES = (8, 6, 3), 4
GRID = [
    {"conv": 5, "padding": 1, "pad_pixel": 128, "gives": "grid", "name": "half"},
    {"sign": True},
    {"conv": 5, "padding": 1, "pad_bit": 0, "gives": "integers", "name": "type"},
    {"batch_norm": "grid", "name": "branch"},
    {"add": ["branch", "half"], "name": "float"},
    {"average_pool": 2},
]
BITS = [{"conv": 5, "gives": "bits"}, {"pool": 2}, {"dense": 7, "gives": "integers"}, {"sign": True}]


def network_of(layers, classifier):
    settings = {"fraction_bits": 4, "classifier": classifier, "layers": layers}
    torch.manual_seed(3)
    config = parse_config({"name": "x", "data": {"name": "digits"}, "network": settings}, "x.toml")
    network = build_network(config, SHAPE, CLASSES).eval()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if "norm" in name:
                parameter.add_(0.2 * torch.randn_like(parameter))
    return network


@pytest.mark.parametrize("classifier", ["sum", "dense"])
@pytest.mark.parametrize("layers", [GRID, BITS])
def test_every_value_is_pytorchs_and_the_networks(layers, classifier):
    network = network_of(layers, classifier)
    images = np.random.default_rng(6).integers(0, 256, (9, *SHAPE), dtype=np.uint8)
    values, model = network.values(images, batch=4), network.staged()
    assert set(values) == set(model.values)
    wanted = compute(model, images)
    for name, value in model.values.items():
        expected = wanted[name].permute(0, 2, 3, 1).numpy() if wanted[name].dim() == 4 else wanted[name].numpy()
        if isinstance(value, Bits):
            expected = expected > 0
        expected = expected * 2.0 ** getattr(value, "fraction_bits", 0)
        np.testing.assert_array_equal(values[name], expected.reshape(values[name].shape), err_msg=name)
    absorbed = absorb(model)
    meant = reference_meaning(absorbed, trace(absorbed, images, backend=Backend.NUMPY))
    ours = as_counted(absorbed, values)
    common = [name for name in ours if name in meant and name != absorbed.output.name]
    assert set(absorbed.values) & set(values) == {*common, absorbed.output.name}
    for name in common:
        np.testing.assert_array_equal(ours[name], meant[name], err_msg=name)


@pytest.mark.parametrize("scale", [0.24, 1.0, 3.1, -0.7])
def test_no_two_sums_have_one_logit(scale):
    network = network_of(GRID, "sum")
    with torch.no_grad():
        network.classifier.is_wide = True
        network.classifier.affine.scale.fill_(scale)
        network.classifier.affine.offset.fill_(-0.1678)
        sums = torch.arange(9_000_000, 9_010_000, dtype=torch.float32) * 2.0**-14 / network.classifier.factor
        logits = network.classifier.finish(torch.stack([sums, sums], 1))[:, 0]
        trained = network.classifier.affine(sums * network.classifier.factor)
    assert ((logits[1:] > logits[:-1]) == (scale > 0)).all()
    assert (logits[1:] != logits[:-1]).all()
    assert scale != 0.24 or (trained[1:] == trained[:-1]).any()  # what is mended
