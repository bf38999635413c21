"""A file executed as it stands. Oracles: onnxruntime, the PyTorch model, and sums computed here."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper

from bnn.errors import UserError
from hw.simulator import simulate
from onnx_export.external import copy_file, external_files
from onnx_export.foreign import ForeignFile
from onnx_export.importer import import_qonnx
from tests.support.brevitas_models import SHAPES, brevitas_model, export_brevitas
from tests.support.onnx_builder import Builder

torch.set_num_threads(1)


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def bipolar(rng, *shape):
    return rng.choice([-1.0, 1.0], size=shape).astype(np.float32)


def standard_sign(builder):
    """The sign of x, 1 at 0, in operators that onnxruntime has too."""
    builder.node("GreaterOrEqual", 0.0)
    return builder.node("Where", np.float32(1), np.float32(-1))


def handmade(rng, shape, *, classes=5, **keywords):
    """Two layers in standard operators on flat or image input."""
    size = int(np.prod(shape[1:]))
    builder = Builder(shape, **keywords)
    builder.node("Sub", 0.5)
    standard_sign(builder)
    if len(shape) > 2:
        builder.node("Flatten", axis=1)
    builder.dense(bipolar(rng, 12, size))
    builder.node("Add", np.arange(12, dtype=np.float32) - 5.5)
    standard_sign(builder)
    builder.dense(bipolar(rng, classes, 12))
    return builder


def by_onnxruntime(path, tensor, output=0):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: tensor})[output]


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("batch", [1, 3])
def test_brevitas_files_give_what_the_model_gives(tmp_path, rng, name, batch):
    path = export_brevitas(name, tmp_path / "m.onnx", batch)
    _, channels, height, width = SHAPES[name]
    images = rng.integers(0, 256, (12, height, width, channels), np.uint8)
    with torch.no_grad():
        logits = brevitas_model(name)(torch.from_numpy(images.transpose(0, 3, 1, 2)).float() / 255).numpy()
    found = ForeignFile(path).scores(images)
    if name == "one-logit":
        np.testing.assert_array_equal(found[:, 0], 0)
        found = found[:, 1:]
    np.testing.assert_allclose(found, logits, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 16), (1, 2, 6, 5), ("batch", 2, 6, 5), (4, 2, 6, 5)])
def test_the_files_own_order_and_any_batch(tmp_path, rng, shape):
    path = handmade(rng, shape).save(tmp_path / "m.onnx")
    size = (1, 1, 16) if len(shape) == 2 else (6, 5, 2)
    images = rng.integers(0, 256, (4, *size), np.uint8)
    tensor = (images.transpose(0, 3, 1, 2) / 255).astype(np.float32)
    tensor = tensor.reshape(4, *shape[1:])
    expected = (
        np.concatenate([by_onnxruntime(path, image[None]) for image in tensor])
        if shape[0] == 1
        else by_onnxruntime(path, tensor)
    )
    progressed = []
    np.testing.assert_array_equal(ForeignFile(path).scores(images, progressed.append), expected)
    assert progressed == [1] * 4


def test_a_reshape_to_the_size_of_the_batch(tmp_path, rng):
    builder = Builder((4, 2, 6, 5))
    builder.node("Sub", 0.5)
    standard_sign(builder)
    builder.raw("Reshape", [builder.tensor, builder.constant([4, 60], np.int64)])
    builder.dense(bipolar(rng, 5, 60))
    path = builder.save(tmp_path / "m.onnx")
    images = rng.integers(0, 256, (4, 6, 5, 2), np.uint8)
    expected = by_onnxruntime(path, (images.transpose(0, 3, 1, 2) / 255).astype(np.float32))
    np.testing.assert_array_equal(ForeignFile(path).scores(images), expected)


def test_a_shape_that_the_graph_computes(tmp_path, rng):
    """What PyTorch makes of x.view(x.size(0), -1)."""
    builder = Builder(("n", 2, 6, 5))
    builder.node("Sub", 0.5)
    signs = standard_sign(builder)
    size = builder.raw("Shape", [signs])
    size = builder.raw("Gather", [size, builder.constant([0], np.int64)], axis=0)
    size = builder.raw("Concat", [size, builder.constant([-1], np.int64)], axis=0)
    builder.raw("Reshape", [signs, size])
    builder.dense(bipolar(rng, 5, 60))
    path = builder.save(tmp_path / "m.onnx")
    images = rng.integers(0, 256, (4, 6, 5, 2), np.uint8)
    expected = by_onnxruntime(path, (images.transpose(0, 3, 1, 2) / 255).astype(np.float32))
    np.testing.assert_array_equal(ForeignFile(path).scores(images), expected)


def test_mean_and_std_of_each_channel(tmp_path, rng):
    weights = bipolar(rng, 5, 60)
    builder = Builder((1, 2, 6, 5))
    standard_sign(builder)
    builder.node("Flatten", axis=1)
    path = (builder.dense(weights), builder.save(tmp_path / "m.onnx"))[1]
    images = rng.integers(0, 256, (9, 6, 5, 2), np.uint8)
    x = (images / 255 - np.array([0.3, 0.6])) / np.array([0.5, 0.25])
    signs = np.where(x >= 0, 1, -1).transpose(0, 3, 1, 2).reshape(9, -1)
    found = ForeignFile(path, input_mean="0.3,0.6", input_std="0.5,0.25").scores(images)
    np.testing.assert_array_equal(found, signs @ weights.T)


def test_bytes_as_input(tmp_path, rng):
    weights = bipolar(rng, 5, 16)
    builder = Builder((1, 16), input_type=TensorProto.UINT8)
    builder.node("Cast", to=TensorProto.FLOAT)
    builder.node("Sub", 99.5)
    standard_sign(builder)
    builder.dense(weights)
    path = builder.save(tmp_path / "m.onnx")
    images = rng.integers(0, 256, (9, 1, 1, 16), np.uint8)
    signs = np.where(images.reshape(9, 16) >= 100, 1, -1)
    np.testing.assert_array_equal(ForeignFile(path).scores(images), signs @ weights.T)


@pytest.mark.parametrize("ending", ["TopK", "ArgMax", "Softmax"])
def test_what_picks_the_class_is_not_the_logits(tmp_path, rng, ending):
    builder = handmade(rng, (1, 16))
    logits = builder.tensor
    if ending == "TopK":
        builder.raw("TopK", [logits, builder.constant([1], np.int64)], axis=-1)
        builder.nodes[-1].output.insert(0, "highest")
    else:
        builder.node(ending, axis=1)
    path = builder.save(
        tmp_path / "m.onnx", output_type=TensorProto.FLOAT if ending == "Softmax" else TensorProto.INT64
    )
    images = rng.integers(0, 256, (6, 1, 1, 16), np.uint8)
    x = (images.reshape(6, 16) / 255).astype(np.float32)

    model = onnx.load(path)
    model.graph.output.append(helper.make_tensor_value_info(logits, TensorProto.FLOAT, None))
    onnx.save(model, tmp_path / "more.onnx")
    expected = [by_onnxruntime(tmp_path / "more.onnx", frame[None], 1)[0] for frame in x]
    np.testing.assert_array_equal(ForeignFile(path).scores(images), expected)


def test_external_data(tmp_path, rng):
    model = handmade(rng, (1, 16)).model()
    path = tmp_path / "big" / "m.onnx"
    path.parent.mkdir()
    onnx.save(model, tmp_path / "whole.onnx")
    onnx.save(model, path, save_as_external_data=True, location="m.data", size_threshold=0)
    images = rng.integers(0, 256, (6, 1, 1, 16), np.uint8)
    x = (images.reshape(6, 16) / 255).astype(np.float32)
    expected = np.concatenate([by_onnxruntime(tmp_path / "whole.onnx", frame[None]) for frame in x])
    np.testing.assert_array_equal(ForeignFile(path).scores(images), expected)

    assert external_files(path) == [path.parent / "m.data"]
    copy_file(path, tmp_path / "copy.onnx")
    assert external_files(tmp_path / "copy.onnx") == []
    (path.parent / "m.data").unlink()
    np.testing.assert_array_equal(ForeignFile(tmp_path / "copy.onnx").scores(images), expected)
    with pytest.raises(UserError, match=r"m.onnx: constant .*m.data, which is not in"):
        ForeignFile(path)


def test_no_external_data_is_found_in_what_is_no_file(tmp_path):
    (tmp_path / "m.onnx").write_bytes(b"\xff" * 50)
    assert external_files(tmp_path / "m.onnx") == []
    with pytest.raises(UserError, match=r"m\.onnx: not a whole ONNX file"):
        ForeignFile(tmp_path / "m.onnx")


def test_pixels_that_the_input_does_not_hold(tmp_path, rng):
    builder = handmade(rng, (1, 16))
    model = builder.model()
    note = onnx.TensorAnnotation(tensor_name="image")
    note.quant_parameter_tensor_names.add(key="finn_datatype", value="BINARY")
    model.graph.quantization_annotation.append(note)
    onnx.save(model, tmp_path / "m.onnx")
    file = ForeignFile(tmp_path / "m.onnx")
    images = rng.integers(0, 2, (3, 1, 1, 16), np.uint8)
    ours = simulate(import_qonnx(tmp_path / "m.onnx").network, images)
    np.testing.assert_array_equal(file.scores(images).argmax(1), ours.argmax(1))
    with pytest.raises(UserError, match="pixel value 8 of image 0"):
        file.scores(images + np.uint8(7) * (images == 1))


def test_an_execution_that_fails_is_one_line(tmp_path, rng, monkeypatch):
    path = handmade(rng, (1, 16)).save(tmp_path / "m.onnx")
    file = ForeignFile(path)

    def fails(*_, **__):
        raise Exception("first line\nsecond line")

    monkeypatch.setattr("onnx_export.foreign.execute_onnx", fails)
    with pytest.raises(UserError, match=r"m\.onnx: qonnx cannot execute it \(first line.*\); leave this rung out"):
        file.scores(rng.integers(0, 256, (1, 1, 1, 16), np.uint8))
