"""Operators bit by bit: what the importer computes in NumPy against qonnx's executor, which runs onnxruntime."""

import numpy as np
import pytest
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.infer_shapes import InferShapes

from bnn.errors import UserError
from onnx_export.importer.elementwise import elementwise
from onnx_export.importer.fold import fold_constants
from onnx_export.importer.graph import read_graph
from onnx_export.importer.layout import Layout

CHANNELS = 5
RNG = np.random.default_rng(7)
ROUND = {"signed": 1, "narrow": 0, "rounding_mode": "ROUND"}


def channels(low=-3.0, high=3.0):
    return RNG.uniform(low, high, CHANNELS).astype(np.float32)


def nchw(values):
    return np.asarray(values, np.float32).reshape(1, -1, 1, 1)


def thresholds(count):
    return np.sort(RNG.normal(size=(CHANNELS, count)) * 9, axis=1)


CASES = {
    "Add": lambda graph: graph.node("Add", nchw(channels())),
    "Sub": lambda graph: graph.node("Sub", nchw(channels())),
    "Sub-from": lambda graph: graph.raw("Sub", [graph.constant(nchw(channels())), graph.tensor]),
    "Mul": lambda graph: graph.node("Mul", nchw(channels())),
    "Mul-tiny": lambda graph: graph.node("Mul", nchw(channels() * np.float32(1e-42))),
    "Div": lambda graph: graph.node("Div", nchw(channels(0.1, 9))),
    "Div-by-zero": lambda graph: graph.node("Div", nchw([0.0, 1.0, -0.0, 2.0, 1e-40])),
    "Div-into": lambda graph: graph.raw("Div", [graph.constant(1.7), graph.tensor]),
    "Min": lambda graph: graph.node("Min", 3.25),
    "Max": lambda graph: graph.node("Max", nchw(channels())),
    "Neg": lambda graph: graph.node("Neg"),
    "Relu": lambda graph: graph.node("Relu"),
    "LeakyRelu": lambda graph: graph.node("LeakyRelu", alpha=0.1),
    "LeakyRelu-default": lambda graph: graph.node("LeakyRelu"),
    "PRelu": lambda graph: graph.node("PRelu", channels().reshape(-1, 1, 1)),
    "Clip": lambda graph: graph.node("Clip", -1.5, 7.1),
    "Clip-above": lambda graph: graph.raw("Clip", [graph.tensor, "", graph.constant(2.5)]),
    "Sign": lambda graph: graph.node("Sign"),
    "Floor": lambda graph: (graph.node("Mul", 0.3), graph.node("Floor")),
    "Ceil": lambda graph: (graph.node("Mul", 0.3), graph.node("Ceil")),
    "Round": lambda graph: (graph.node("Mul", 0.5), graph.node("Round")),
    "GreaterOrEqual": lambda graph: (graph.node("GreaterOrEqual", 2.0), graph.node("Cast", to=1)),
    "Greater": lambda graph: (graph.node("Greater", nchw(channels())), graph.node("Not"), graph.node("Cast", to=1)),
    "Less": lambda graph: (graph.node("Less", 2.0), graph.node("Cast", to=1)),
    "LessOrEqual": lambda graph: (graph.node("LessOrEqual", 2.0), graph.node("Cast", to=1)),
    "Where": lambda graph: (
        graph.node("Greater", 0.0),
        graph.raw("Where", [graph.tensor, graph.constant(nchw(channels())), graph.constant(-1.0)]),
    ),
    "BatchNormalization": lambda graph: graph.node(
        "BatchNormalization", channels(), channels(), channels(), channels(0.01, 50), epsilon=1e-4
    ),
    "BatchNormalization-default": lambda graph: graph.node(
        "BatchNormalization", channels(), channels(), channels(), channels(1e-6, 1e-5)
    ),
    "BipolarQuant": lambda graph: graph.node("BipolarQuant", nchw(channels())),
    "Quant": lambda graph: graph.node("Quant", 0.37, 0.0, 4.0, **ROUND),
    "Quant-narrow": lambda graph: graph.node(
        "Quant", nchw(channels(0.1, 2)), 0.0, 3.0, signed=1, narrow=1, rounding_mode="FLOOR"
    ),
    "Quant-unsigned": lambda graph: graph.node("Quant", 0.6, 1.0, 5.0, signed=0, narrow=0, rounding_mode="CEIL"),
    "Quant-1-bit": lambda graph: graph.node("Quant", 0.6, 0.0, 1.0, signed=1, narrow=1, rounding_mode="ROUND"),
    "MultiThreshold": lambda graph: graph.node(
        "MultiThreshold", thresholds(3), out_dtype="INT4", out_scale=0.7, out_bias=-1.1
    ),
    "MultiThreshold-one": lambda graph: graph.node("MultiThreshold", [[-4.0, 2.0]], out_dtype="INT4"),
    "MultiThreshold-nhwc": lambda graph: (
        graph.node("Transpose", perm=[0, 2, 3, 1]),
        graph.node("MultiThreshold", thresholds(2), out_dtype="INT4", data_layout="NHWC"),
        graph.node("Transpose", perm=[0, 3, 1, 2]),
    ),
    "Mul-nhwc": lambda graph: (
        graph.node("Transpose", perm=[0, 2, 3, 1]),
        graph.node("Mul", channels()),
        graph.node("Transpose", perm=[0, 3, 1, 2]),
    ),
    "TensorNorm": lambda graph: [
        graph.node(op, [value]) for op, value in (("Sub", 0.3), ("Div", 1.7), ("Mul", -0.4), ("Add", 0.01))
    ],
}


def accumulators(shape):
    """Integers as a matrix gives them, and some values between."""
    values = RNG.integers(-600, 600, size=shape).astype(np.float32)
    return np.where(RNG.random(shape) < 0.2, values / np.float32(7), values)


@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value", "ignore:overflow")
@pytest.mark.parametrize("case", CASES)
def test_equals_qonnx_bit_by_bit(build, tmp_path, case):
    builder = build((1, CHANNELS, 16, 9))
    CASES[case](builder)
    path = builder.save(tmp_path / "m.onnx")
    x = accumulators(builder.input_shape)
    expected = execute_onnx(ModelWrapper(str(path)).transform(InferShapes()), {"image": x})[builder.tensor]
    graph = fold_constants(read_graph(path))
    layout = Layout.nchw((16, 9, CHANNELS))
    values, tensor = x.transpose(0, 2, 3, 1).reshape(-1, CHANNELS), "image"
    for node in graph.nodes:
        constants = [graph.constants.get(name) for name in node.inputs]
        if node.op == "Transpose":
            layout = layout.moved(node, constants[1:])
        else:
            values = elementwise(node, node.inputs.index(tensor), layout, constants).function(values)
        tensor = node.outputs[0]
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values.reshape(16, 9, CHANNELS).transpose(2, 0, 1)[None], expected)


REFUSED = {
    "differs between positions": lambda graph: graph.node("Add", RNG.normal(size=(1, 1, 16, 9))),
    r"constant of shape \(1, 5, 16, 10\) does not broadcast": lambda graph: graph.node("Add", np.zeros((1, 5, 16, 10))),
    r"constant of shape \(2, 5, 16, 9\) does not broadcast": lambda graph: graph.node("Add", np.zeros((2, 5, 16, 9))),
    r"bit width \[64.0\], must be one whole number": lambda graph: graph.node("Quant", 1.0, 0.0, 64.0),
    "casts to DOUBLE": lambda graph: graph.node("Cast", to=11),
    "its parameters must be 5 constants": lambda graph: graph.node("BatchNormalization", *np.ones((4, 6))),
    "training mode": lambda graph: graph.node("BatchNormalization", *np.ones((4, 5)), training_mode=1),
    r"thresholds must be constants \(5, n\)": lambda graph: graph.node("MultiThreshold", [[1]] * 4, out_dtype="X"),
    "type float64, must be float32": lambda graph: graph.raw("Add", [graph.tensor, graph.constant(0.5, np.float64)]),
}


@pytest.mark.parametrize("message", REFUSED)
def test_refused_with_the_nodes_name(build, tmp_path, message):
    builder = build((1, CHANNELS, 16, 9))
    REFUSED[message](builder)
    graph = fold_constants(read_graph(builder.save(tmp_path / "m.onnx")))
    node = graph.nodes[0]
    operator = f"node {node.name} \\({node.op}\\): .*"
    with pytest.raises(UserError, match=operator + message):
        elementwise(node, 0, Layout.nchw((16, 9, CHANNELS)), [graph.constants.get(name) for name in node.inputs])
