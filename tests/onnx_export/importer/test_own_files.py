"""Our own exporter's files come back as the very network that was absorbed. Oracle: the hash, by another route."""

import numpy as np
import pytest
import torch

from bnn.chain import as_chain
from onnx_export.absorb import absorb
from onnx_export.export import export_qonnx
from onnx_export.importer import import_qonnx
from tests.support.models import model_of, random_batch_norms

torch.set_num_threads(1)

MLP = [{"dense": 30}, {"dense": 21, "name": "middle"}]
CNN = [
    {"conv": 6, "kernel": 3, "padding": 1, "pad_pixel": 17},
    {"pool": 2, "position": "before_activation"},
    {"conv": 5, "kernel": [3, 2], "stride": [2, 1], "padding": [1, 1], "pad_bit": 1},
    {"pool": [1, 2], "stride": [1, 1]},
    {"dense": 11},
]
NETWORKS = {
    "mlp-1-bit": ({"input_bits": 1, "input_threshold": 0.3, "layers": MLP}, {"threshold_shift": [0.3, -0.4]}),
    "mlp-8-bit": ({"layers": MLP}, {"pre_activation": "prelu", "threshold_shift": "learned"}),
    "cnn-8-bit": ({"layers": CNN}, {"pre_activation": "leaky_relu", "threshold_shift": 0.1}),
    "cnn-1-bit": ({"input_bits": 1, "layers": [{"conv": 4, "kernel": 2}, *CNN[1:]]}, {}),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_hash_is_that_of_absorption(tmp_path, name):
    network, activation = NETWORKS[name]
    model = model_of(network, (8, 7, 2), 5, seed=8, activation=activation)
    random_batch_norms(model)
    absorbed = absorb(model.eval().staged())
    names = [layer.name for layer in as_chain(absorbed).layers]
    path = tmp_path / "m.onnx"
    export_qonnx(model, (8, 7, 2), path, network_hash=absorbed.hash, layer_names=names)
    imported = import_qonnx(path)
    assert [layer.name for layer in as_chain(imported.network).layers] == names
    assert imported.network.hash == absorbed.hash == imported.recorded_hash
    assert imported.notes == ()
    np.testing.assert_array_equal(
        imported.arrangement.reshape(8, 7, 2), np.arange(112).reshape(2, 8, 7).transpose(1, 2, 0)
    )
