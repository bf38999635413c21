"""Every value of a network means what the model has there. Oracle: qonnx's executor on the exported file."""

import contextlib

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bnn.counts import as_counted
from hw.simulator import Backend, reference_meaning, trace
from onnx_export.absorb import AbsorptionError, absorb
from onnx_export.execute import QonnxExecutor
from onnx_export.graph_export import export_graph
from tests.support.random_models import RandomModel


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_traces_of_random_graphs(tmp_path_factory, seed):
    rng = np.random.default_rng(seed)
    model, path = RandomModel(rng).model, tmp_path_factory.mktemp("graph") / "m.onnx"
    with contextlib.suppress(AbsorptionError):
        network = absorb(model)
        export_graph(model, path, network_hash=network.hash)
        images = rng.integers(0, 256, (2, *network.input.shape), np.uint8)
        theirs = as_counted(network, QonnxExecutor(path).trace(images))
        ours = reference_meaning(network, trace(network, images, backend=Backend.NUMPY))
        for name in [name for name in model.values if name in ours][:-1]:
            np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)
