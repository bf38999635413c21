"""The exported file: its names, metadata and bytes; its answers by qonnx and FINN. Oracle: the PyTorch model."""

import numpy as np
import onnx
import pytest
import torch
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.util.cleanup import cleanup_model

from bnn.errors import UserError
from bnn.version import VERSION
from onnx_export.export import INPUT_SCALE_KEY, NETWORK_HASH_KEY, VERSION_KEY, export_qonnx, read_metadata
from tests.support import models

torch.set_num_threads(1)

HASH = "ab" * 32
MLP = {"input_bits": 1, "layers": [{"dense": 7}, {"dense": 6}]}
CNN = {
    "layers": [
        {"conv": 4, "kernel": 2},
        {"pool": 2, "position": "before_activation", "name": "squeeze"},
        {"conv": 5, "kernel": 3, "padding": 1, "pad_bit": 1},
        {"pool": 2},
        {"dense": 6},
    ]
}
CNN_LAYERS = ["conv1", "squeeze", "conv2", "pool2", "fc1", "fc2"]
SHAPE = (9, 8, 2)


def model_of(network, **activation):
    model = models.model_of(network, SHAPE, 4, seed=3, activation=activation)
    models.random_batch_norms(model, variance=20)
    return model.eval()


def pixels(frames=5):
    images = np.random.default_rng(1).integers(0, 256, (frames, *SHAPE), np.uint8)
    return images.transpose(0, 3, 1, 2).astype(np.float32)


def reference(model, x):
    with torch.no_grad():
        return model(torch.from_numpy(x)).numpy()


def test_names_say_layer_and_role(tmp_path):
    export_qonnx(model_of(MLP, threshold_shift=0.5), SHAPE, tmp_path / "m.onnx", network_hash=HASH)
    graph = onnx.load(tmp_path / "m.onnx").graph
    assert [node.name for node in graph.node] == [
        *("input_threshold_sub", "input_sign", "fc1_flatten"),
        *("fc1_weight_quant", "fc1_matmul", "fc1_batchnorm_mul", "fc1_batchnorm_add", "fc1_threshold_sub", "fc1_sign"),
        *("fc2_weight_quant", "fc2_matmul", "fc2_batchnorm_mul", "fc2_batchnorm_add", "fc2_threshold_sub", "fc2_sign"),
        *("fc3_weight_quant", "fc3_matmul", "fc3_affine_mul", "fc3_affine_add"),
    ]
    constants = {initializer.name for initializer in graph.initializer}
    assert {"fc1_weight", "fc1_batchnorm_scale", "fc1_batchnorm_offset", "fc2_threshold_shift"} <= constants
    assert {"fc3_affine_scale", "fc3_affine_offset", "input_threshold_shift"} <= constants
    assert [graph.input[0].name, graph.output[0].name] == ["pixels", "logits"]
    assert all(node.output[0] in {node.name, "logits"} for node in graph.node)


def test_convolutions_and_pools_have_the_networks_names(tmp_path):
    model = model_of(CNN, pre_activation="prelu")
    export_qonnx(model, SHAPE, tmp_path / "m.onnx", network_hash=HASH, layer_names=CNN_LAYERS)
    names = [node.name for node in onnx.load(tmp_path / "m.onnx").graph.node]
    assert [name for name in names if "pool" in name or name == "squeeze"] == ["squeeze", "pool2"]
    assert names.index("conv1_conv") < names.index("squeeze") < names.index("conv1_sign") < names.index("conv2_pad")
    assert {"conv2_activation", "fc1_flatten", "fc2_affine_add"} <= set(names)


def test_pools_are_counted_without_names(tmp_path):
    export_qonnx(model_of(CNN), SHAPE, tmp_path / "m.onnx", network_hash=HASH)
    names = [node.name for node in onnx.load(tmp_path / "m.onnx").graph.node]
    assert [name for name in names if "pool" in name] == ["pool1", "pool2"]


def test_metadata_is_read_back(tmp_path):
    export_qonnx(model_of(MLP), SHAPE, tmp_path / "m.onnx", network_hash=HASH, input_scale=1 / 255)
    expected = {NETWORK_HASH_KEY: HASH, VERSION_KEY: VERSION, INPUT_SCALE_KEY: repr(1 / 255)}
    assert read_metadata(tmp_path / "m.onnx") == expected
    assert ModelWrapper(str(tmp_path / "m.onnx")).get_metadata_prop(NETWORK_HASH_KEY) == HASH


def test_metadata_of_a_damaged_or_missing_file(tmp_path):
    export_qonnx(model_of(MLP), SHAPE, tmp_path / "m.onnx", network_hash=HASH)
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes((tmp_path / "m.onnx").read_bytes()[:-9])
    with pytest.raises(UserError, match=r"damaged.onnx: not a whole ONNX file \(.*\); export it again"):
        read_metadata(damaged)
    with pytest.raises(FileNotFoundError):
        read_metadata(tmp_path / "none.onnx")


def test_same_model_same_bytes_and_no_trace_of_where_it_was_made(tmp_path):
    model = model_of(CNN)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    for name in ("a.onnx", "b.onnx"):
        export_qonnx(model, SHAPE, tmp_path / name, network_hash=HASH)
    written = (tmp_path / "a.onnx").read_bytes()
    assert written == (tmp_path / "b.onnx").read_bytes()
    assert b".py" not in written
    assert {file.name for file in tmp_path.iterdir()} == {"a.onnx", "b.onnx"}
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_pixels_are_annotated_and_one_image_is_a_batch(tmp_path):
    export_qonnx(model_of(CNN), SHAPE, tmp_path / "m.onnx", network_hash=HASH)
    model = ModelWrapper(str(tmp_path / "m.onnx"))
    assert model.get_tensor_datatype("pixels") == DataType["UINT8"]
    assert model.get_tensor_shape("pixels") == [1, 2, 9, 8]
    assert model.get_tensor_shape("logits") == [1, 4]
    assert model.get_opset_imports()[""] == 13


@pytest.mark.parametrize("network", [MLP, CNN], ids=["mlp", "cnn"])
@pytest.mark.parametrize("activation", ["none", "relu", "leaky_relu", "prelu"])
def test_qonnx_gives_the_models_logits(tmp_path, network, activation):
    model = model_of(network, pre_activation=activation, threshold_shift="learned", learned_shift_start=0.1)
    export_qonnx(model, SHAPE, tmp_path / "m.onnx", network_hash=HASH)
    wrapped = ModelWrapper(str(tmp_path / "m.onnx"))
    x = pixels()
    ours = np.concatenate([execute_onnx(wrapped, {"pixels": frame[None]})["logits"] for frame in x])
    np.testing.assert_array_equal(ours, reference(model, x))


@pytest.mark.filterwarnings("ignore::UserWarning:finn", "ignore::UserWarning:qonnx", "ignore::DeprecationWarning")
def test_finns_front_end_streamlines_it_to_thresholds(tmp_path, monkeypatch):
    monkeypatch.setenv("FINN_BUILD_DIR", str(tmp_path))
    from finn.util.settings import initialize_dummy_settings

    initialize_dummy_settings()
    from finn.transformation.qonnx.convert_qonnx_to_finn import ConvertQONNXtoFINN
    from finn.transformation.streamline import Streamline

    model = model_of(MLP, threshold_shift=0.3)
    export_qonnx(model, SHAPE, tmp_path / "m.onnx", network_hash=HASH)
    wrapped = cleanup_model(ModelWrapper(str(tmp_path / "m.onnx"))).transform(ConvertQONNXtoFINN())
    wrapped = wrapped.transform(Streamline())
    kinds = [node.op_type for node in wrapped.graph.node]
    assert kinds[:8] == [
        "MultiThreshold",
        "Flatten",
        "MatMul",
        "MultiThreshold",
        "MatMul",
        "MultiThreshold",
        "MatMul",
        "Mul",
    ]
    x = pixels()
    name = wrapped.graph.input[0].name
    ours = np.concatenate([next(iter(execute_onnx(wrapped, {name: frame[None]}).values())) for frame in x])
    np.testing.assert_array_equal(np.argsort(ours, 1, kind="stable"), np.argsort(reference(model, x), 1, kind="stable"))
