"""Files as FINN's own streamlining leaves them. Oracle: qonnx on the very same file."""

import numpy as np
import onnx
import pytest
import torch
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.bipolar_to_xnor import ConvertBipolarMatMulToXnorPopcount
from qonnx.transformation.channels_last import ConvertToChannelsLastAndClean
from qonnx.transformation.infer_data_layouts import InferDataLayouts
from qonnx.transformation.infer_datatypes import InferDataTypes
from qonnx.transformation.infer_shapes import InferShapes
from qonnx.transformation.insert_topk import InsertTopK
from qonnx.transformation.lower_convs_to_matmul import LowerConvsToMatMul

from hw.simulator import simulate
from onnx_export.importer import import_qonnx
from tests.support.brevitas_models import cleaned, export_brevitas, finn_transformations, transformed

torch.set_num_threads(1)

MODELS = ("mlp", "cnn")


@pytest.fixture
def finn(tmp_path, monkeypatch):
    """FINN's transformations that the tests use, by name."""
    return finn_transformations(tmp_path, monkeypatch)


def exported(name, path):
    return cleaned(export_brevitas(name, path))


def check(model, path, file_logits, same_order, kinds):
    model.save(str(path))
    seen = {node.op_type for node in onnx.load(path).graph.node}
    assert kinds <= seen, seen
    imported = import_qonnx(path)
    images = np.random.default_rng(3).integers(0, 256, (6, *imported.network.input.shape), np.uint8)
    for ours, theirs in zip(simulate(imported.network, images), file_logits(path, imported, images), strict=True):
        assert same_order(ours, theirs)
    return imported


@pytest.mark.parametrize("name", MODELS)
def test_streamlined(tmp_path, finn, file_logits, same_order, name):
    model = exported(name, tmp_path / "m.onnx")
    model = transformed(model, finn["ConvertQONNXtoFINN"], finn["Streamline"])
    kinds = {"MultiThreshold", "MatMul"} | ({"Conv", "MaxPool"} if name == "cnn" else set())
    check(model, tmp_path / "finn.onnx", file_logits, same_order, kinds)


@pytest.mark.parametrize("name", MODELS)
def test_streamlined_lowered_and_as_xnor_popcount(tmp_path, finn, file_logits, same_order, name):
    model = exported(name, tmp_path / "m.onnx")
    model = transformed(
        *(model, finn["ConvertQONNXtoFINN"], finn["Streamline"], LowerConvsToMatMul, finn["MakeMaxPoolNHWC"]),
        *(finn["AbsorbTransposeIntoMultiThreshold"], ConvertBipolarMatMulToXnorPopcount, finn["Streamline"]),
        *(InferDataLayouts, InferDataTypes),
    )
    kinds = {"MultiThreshold", "XnorPopcountMatMul"} | ({"Im2Col", "MaxPoolNHWC"} if name == "cnn" else set())
    check(model, tmp_path / "finn.onnx", file_logits, same_order, kinds)


def test_with_topk_the_class_is_that_of_the_file(tmp_path, finn):
    model = exported("mlp", tmp_path / "m.onnx")
    model = transformed(model, finn["ConvertQONNXtoFINN"], finn["Streamline"], InsertTopK, InferShapes)
    model.save(str(tmp_path / "finn.onnx"))
    imported = import_qonnx(tmp_path / "finn.onnx")
    assert any("TopK" in note for note in imported.notes)
    images = np.random.default_rng(3).integers(0, 256, (6, 6, 6, 2), np.uint8)

    for image, scores in zip(images, simulate(imported.network, images), strict=True):
        x = (image.transpose(2, 0, 1)[None] / 255).astype(np.float32)
        picked = execute_onnx(model, {model.graph.input[0].name: x})
        assert int(picked[model.graph.output[0].name].reshape(-1)[0]) == int(scores.argmax())


def test_channels_last_operators_of_qonnx(tmp_path, file_logits, same_order):
    model = exported("cnn", tmp_path / "m.onnx")
    model = transformed(model, ConvertToChannelsLastAndClean)
    converted = {node.op_type for node in model.graph.node if node.domain == "qonnx.custom_op.channels_last"}
    assert converted == {"Conv", "BatchNormalization", "MaxPool"}
    imported = check(model, tmp_path / "last.onnx", file_logits, same_order, {"Conv", "BatchNormalization"})
    assert imported.network.input.shape == (6, 5, 2)
