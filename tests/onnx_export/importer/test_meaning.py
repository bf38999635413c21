"""FINN's annotation of the input. Oracle: the type itself, as qonnx holds files to it (`DataType.allowed`)."""

import numpy as np
import onnx
import pytest
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.infer_shapes import InferShapes

from bnn.errors import UserError
from onnx_export.importer import ImportRefusedError, import_qonnx


@pytest.fixture
def annotated(build, bipolar, tmp_path):
    """``annotated(type)``: a file of two layers whose input has that type, and the first layer's weights."""

    def make(name, rng_seed=3):
        rng = np.random.default_rng(rng_seed)
        graph = build((1, 8))
        graph.dense(bipolar(rng, 6, 8), name="first")
        graph.node("Add", np.float32(0.5))
        graph.sign()
        graph.dense(bipolar(rng, 4, 6), name="second")
        model = graph.model()
        entry = onnx.StringStringEntryProto(key="finn_datatype", value=name)
        model.graph.quantization_annotation.add(tensor_name="image", quant_parameter_tensor_names=[entry])
        onnx.save(model, tmp_path / "m.onnx")
        return tmp_path / "m.onnx"

    return make


def qonnx_logits(path, values):
    model = ModelWrapper(str(path)).transform(InferShapes())
    output = model.graph.output[0].name
    return [execute_onnx(model, {"image": row[None].astype(np.float32)})[output][0] for row in values]


@pytest.mark.parametrize("name", ["BINARY", "UINT2", "UINT4", "UINT7", "UINT8", "UINT16"])
def test_whole_numbers_from_0_on_are_the_pixel_values(annotated, naive_run, same_order, name):
    path = annotated(name)
    imported = import_qonnx(path)
    assert imported.input_scale == 1
    assert not imported.notes
    highest = min(int(DataType[name].max()), 255)
    assert imported.network.input.range == (0, highest)
    images = np.random.default_rng(4).integers(0, highest, (5, 1, 1, 8), endpoint=True).astype(np.uint8)
    for image, logits in zip(imported.images(images), qonnx_logits(path, images.reshape(5, 8)), strict=True):
        assert same_order(naive_run(imported.network, image)["second"].reshape(-1), logits)


def test_pixels_that_the_type_does_not_hold(annotated):
    imported = import_qonnx(annotated("UINT4"))
    images = np.full((3, 1, 1, 8), 15, np.uint8)
    assert imported.images(images).shape == (3, 1, 1, 8)
    images[1, 0, 0, 5] = 16
    with pytest.raises(UserError, match=r"^images: pixel value 16 of image 1 is 16 as the file's input, .* type UINT4"):
        imported.images(images)
    with pytest.raises(ImportRefusedError, match="of type UINT4, which holds no pixel value as it is given"):
        import_qonnx(annotated("UINT4"), input_mean=-17)


@pytest.mark.parametrize("name", ["BIPOLAR", "TERNARY", "INT8", "INT2", "FIXED<8,4>", "UINT", "INT99999", "MYTYPE"])
def test_types_that_no_pixel_value_is(annotated, name):
    with pytest.raises(ImportRefusedError, match=rf"m.onnx: input image: annotated as '?{name}'?, which .*pixel value"):
        import_qonnx(annotated(name))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("BIPOLAR", {"input_mean": "0.5", "input_std": "0.5"}),
        ("INT8", {"input_scale": 1, "input_mean": 128}),
        ("TERNARY", {"input_scale": 1, "input_mean": 1}),
        ("BINARY", {"input_scale": "1/255"}),
    ],
)
def test_types_that_pixel_values_are_when_the_user_says_how(annotated, naive_run, same_order, name, said):
    path = annotated(name)
    imported = import_qonnx(path, **said)
    held = imported.entering.held[:, 0]
    values = imported.entering.meaning.values()[:, 0]
    assert held.tolist() == [bool(DataType[name].allowed(value)) for value in values]
    pixels = np.flatnonzero(held).astype(np.uint8)
    images = np.random.default_rng(5).choice(pixels, (5, 1, 1, 8))
    for image, logits in zip(imported.images(images), qonnx_logits(path, values[images.reshape(5, 8)]), strict=True):
        assert same_order(naive_run(imported.network, image)["second"].reshape(-1), logits)
    assert imported.network.input.binary == (name == "BIPOLAR")


def test_a_float_says_nothing(annotated):
    (note,) = import_qonnx(annotated("FLOAT32")).notes[:1]
    assert note.startswith("pixels are taken as 0..1")
