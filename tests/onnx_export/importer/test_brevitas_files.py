"""Brevitas' own models, exported by both of Brevitas' exporters. Oracles: qonnx on the file, and the PyTorch model."""

import warnings
from configparser import ConfigParser

import numpy as np
import pytest
import torch

from bnn.chain import as_chain
from bnn.layers import ConvLayer, DenseLayer, MaxPoolLayer
from hw.simulator import simulate
from onnx_export.importer import import_qonnx
from tests.support.models import random_batch_norms

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from brevitas.export import export_qonnx as brevitas_export
    from brevitas_examples.bnn_pynq.models import CNV as CNV_MODULE
    from brevitas_examples.bnn_pynq.models import FC as FC_MODULE

torch.set_num_threads(1)

EXPORTERS = {"torchscript": {"dynamo": False, "opset_version": 13}, "dynamo": {"dynamo": True}}


def random_statistics(model, seed):
    """Batch norms of both signs, and a TensorNorm that is not the identity, as after training."""
    torch.manual_seed(seed)
    random_batch_norms(model, mean=4, variance=100)
    with torch.no_grad():
        for module in model.modules():
            if type(module).__name__ == "TensorNorm":
                module.running_mean.fill_(0.7)
                module.running_var.fill_(31.0)
                module.weight.fill_(1.3)
                module.bias.fill_(-0.2)
    return model.eval()


def config(**quant):
    parser = ConfigParser()
    parser["QUANT"] = {"WEIGHT_BIT_WIDTH": "1", "ACT_BIT_WIDTH": "1", **quant}
    parser["MODEL"] = {"NUM_CLASSES": "10", "IN_CHANNELS": "1", "OUT_FEATURES": "[20, 70]"}
    return parser


def fully_connected(in_bits):
    return random_statistics(FC_MODULE.fc(config(IN_BIT_WIDTH=str(in_bits))), 1), (1, 28, 28)


def convolutional(monkeypatch):
    """CNV with its 32 x 32 input, 8-bit, and few channels."""
    monkeypatch.setattr(CNV_MODULE, "CNV_OUT_CH_POOL", [(6, 0), (8, 1), (9, 0), (7, 1), (12, 0), (11, 0)])
    monkeypatch.setattr(CNV_MODULE, "INTERMEDIATE_FC_FEATURES", [(11, 21), (21, 13)])
    monkeypatch.setattr(CNV_MODULE, "LAST_FC_IN_FEATURES", 13)
    parser = config(IN_BIT_WIDTH="8")
    parser["MODEL"]["IN_CHANNELS"] = "3"
    return random_statistics(CNV_MODULE.cnv(parser), 2), (3, 32, 32)


def exported(model, shape, path, exporter):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        brevitas_export(model, torch.rand(1, *shape), str(path), **EXPORTERS[exporter])
    return import_qonnx(path)


def check_answers(model, shape, path, imported, file_logits, same_order):
    images = np.random.default_rng(3).integers(0, 256, (40, *shape[1:], shape[0]), np.uint8)
    scores = simulate(imported.network, imported.images(images))
    with torch.no_grad():
        logits = model(torch.from_numpy(images.transpose(0, 3, 1, 2)).float() / 255).numpy()
    np.testing.assert_array_equal(scores.argmax(1), logits.argmax(1))
    for ours, theirs in zip(scores, file_logits(path, imported, images[:3]), strict=False):
        assert same_order(ours, theirs)


@pytest.mark.parametrize(("exporter", "in_bits"), [("dynamo", 1), ("torchscript", 1), ("torchscript", 2)])
def test_fully_connected(tmp_path, file_logits, same_order, exporter, in_bits):
    model, shape = fully_connected(in_bits)
    imported = exported(model, shape, tmp_path / "m.onnx", exporter)
    network = imported.network
    assert network.input.shape == (28, 28, 1)
    assert network.input.binary == (in_bits == 1)
    assert [(type(layer), layer.mh) for layer in as_chain(network).layers] == [(DenseLayer, n) for n in (20, 70, 10)]
    assert "0..1" in imported.notes[0]
    check_answers(model, shape, tmp_path / "m.onnx", imported, file_logits, same_order)


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_convolutional(tmp_path, monkeypatch, file_logits, same_order, exporter):
    model, shape = convolutional(monkeypatch)
    imported = exported(model, shape, tmp_path / "m.onnx", exporter)
    network = imported.network
    kinds = [type(layer) for layer in as_chain(network).layers]
    assert kinds == [ConvLayer, ConvLayer, MaxPoolLayer] * 2 + [ConvLayer] * 2 + [DenseLayer] * 3
    assert network.input.range == (-128, 127)
    check_answers(model, shape, tmp_path / "m.onnx", imported, file_logits, same_order)


def test_two_bit_models_are_refused(tmp_path):
    parser = config(IN_BIT_WIDTH="2", WEIGHT_BIT_WIDTH="2", ACT_BIT_WIDTH="2")
    model = random_statistics(FC_MODULE.fc(parser), 1)
    with pytest.raises(ValueError, match="weights of output 0 take 3 values .* only 1-bit weights can become bits"):
        exported(model, (1, 28, 28), tmp_path / "m.onnx", "torchscript")


def test_two_bit_activations_become_integers(tmp_path, file_logits, same_order):
    shape = (1, 28, 28)
    model = random_statistics(FC_MODULE.fc(config(IN_BIT_WIDTH="1", ACT_BIT_WIDTH="2")), 1)
    imported = exported(model, shape, tmp_path / "m.onnx", "torchscript")
    assert {node.kind for node in imported.network.nodes} >= {"grid"}
    check_answers(model, shape, tmp_path / "m.onnx", imported, file_logits, same_order)
