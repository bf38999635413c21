"""FINN's graph gives the integer network's answers. Oracle: qonnx's executor on the graph, against the simulator."""

import numpy as np
import pytest
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx

from bnn import Chain, Encode, classes_of
from finn_build.compiler.form import finn_form
from finn_build.compiler.graph import build_graph
from finn_build.compiler.nodes import Compiler, Role, finn_nodes, input_shape, output_shape


def run(model, images):
    shape = model.get_tensor_shape("pixels")
    (output,) = [tensor.name for tensor in model.graph.output]
    frames = (image.reshape(shape).astype(np.float32) for image in images)
    return np.stack([execute_onnx(model, {"pixels": frame})[output] for frame in frames])


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("kind", ["mlp", "cnn"])
def test_labels(networks, frames_of, kind, binary):
    network = networks(kind, binary=binary)
    frames = frames_of(network)
    model = build_graph(finn_form(network).network, network.hash)
    labels = run(model, frames.images)
    assert labels.shape == (len(frames.images), *output_shape(network))
    assert np.array_equal(labels.ravel(), classes_of(frames.scores))


def test_score_table_leaves_the_accumulators_to_the_processor(networks, frames_of):
    network = networks("mlp", table=True)
    frames = frames_of(network)
    accumulators = run(build_graph(finn_form(network).network, network.hash), frames.images)
    assert accumulators.shape[1:] == output_shape(network) == (1, 5)
    table = network.layers[-1].score_table
    assert np.array_equal(table[np.arange(5), accumulators[:, 0].astype(int)], frames.scores)


def test_last_convolution(layer_factory, frames_of):
    layers = (layer_factory.conv("conv1", 2, 4), layer_factory.conv("conv2", 4, 6, last=True))
    network = Chain(Encode.threshold((5, 5, 2), 120), layers)
    frames = frames_of(network)
    labels = run(build_graph(finn_form(network).network, network.hash), frames.images)
    assert np.array_equal(labels.ravel(), classes_of(frames.scores))


def test_graph_carries_the_hash_and_survives_its_file(networks, tmp_path):
    network = networks("cnn")
    model = build_graph(finn_form(network).network, network.hash)
    model.save(str(tmp_path / "model.onnx"))
    again = ModelWrapper(str(tmp_path / "model.onnx"))
    assert again.get_metadata_prop("network_hash") == network.hash
    assert again.get_tensor_datatype("pixels").name == "UINT8"
    assert tuple(again.get_tensor_shape("pixels")) == input_shape(network) == (1, 11, 9, 3)


def test_same_network_same_bytes(networks):
    first, second = (build_graph(finn_form(networks("cnn")).network, "0").model.SerializeToString() for _ in range(2))
    assert first == second


def test_names_of_nodes(networks):
    nodes = {(node.layer, node.role): node.name for node in finn_nodes(networks("cnn", binary=True))}
    assert nodes["input", Role.INPUT] == "Thresholding_rtl_0"
    assert nodes["pool1", Role.WINDOW] == "ConvolutionInputGenerator_rtl_2"
    assert nodes["conv4", Role.WINDOW] == "ConvolutionInputGenerator_rtl_3"  # conv3 is 1 x 1: it has none
    assert nodes["fc1", Role.MATRIX] == "MVAU_hls_4"
    assert nodes["label", Role.LABEL] == "LabelSelect_hls_0"


def test_original_finn_pools_without_a_window(networks, layer_factory):
    from bnn import MaxPoolLayer
    from finn_build.errors import GraphError

    layers = (MaxPoolLayer("pool1", (2, 2), (2, 2)), layer_factory.conv("conv1", 2, 4, (2, 2), last=True))
    nodes = finn_nodes(Chain(Encode.threshold((4, 4, 2), 9), layers), Compiler.FINN)
    assert [node.name for node in nodes][1:3] == ["StreamingMaxPool_hls_0", "ConvolutionInputGenerator_rtl_0"]
    with pytest.raises(GraphError, match=r"layer pool1: kernel \(3, 3\) must equal stride \(2, 2\) without padding"):
        finn_nodes(networks("cnn"), Compiler.FINN)
