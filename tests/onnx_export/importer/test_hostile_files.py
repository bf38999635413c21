"""ONNX files that claim what they do not hold, or that would explode. Oracle: what the test wrote into the file."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from onnx_export.importer import ImportRefusedError, import_qonnx


@pytest.fixture
def model(build, bipolar):
    graph = build([1, 12])
    graph.dense(bipolar(np.random.default_rng(1), 4, 12))
    graph.sign()
    graph.dense(bipolar(np.random.default_rng(2), 3, 4))
    return graph.model()


def grown(model, op, *constants, **attributes):
    """The first weights are what ``op`` makes of some constants."""
    weights = model.graph.initializer[0]
    inputs = [numpy_helper.from_array(np.asarray(value), f"x{index}") for index, value in enumerate(constants)]
    model.graph.initializer.extend(inputs)
    node = helper.make_node(op, [entry.name for entry in inputs], [weights.name], name="grown", **attributes)
    model.graph.node.insert(0, node)
    del model.graph.initializer[0]


def tera(model):
    model.graph.initializer[0].dims[:] = [2**20, 2**20]


def recursive(model, levels):
    """Functions of which each calls the next twice."""
    for level in range(levels):
        called = [helper.make_node(f"f{level + 1}", [one], [two], domain="d") for one, two in (("x", "y"), ("y", "z"))]
        imports = [helper.make_opsetid("", 13), helper.make_opsetid("d", 1)]
        model.functions.append(helper.make_function("d", f"f{level}", ["x"], ["z"], called, imports))
    last = helper.make_node("Identity" if levels < 99 else "f0", ["x"], ["z"], domain="" if levels < 99 else "d")
    model.functions.append(helper.make_function("d", f"f{levels}", ["x"], ["z"], [last], imports))
    model.opset_import.append(helper.make_opsetid("d", 1))
    model.graph.node.insert(0, helper.make_node("f0", ["image"], ["f"], domain="d"))
    model.graph.node[1].input[0] = "f"


HOSTILE = {
    "a shape of TiB": (tera, r"constant c0: its shape \[1048576, 1048576\] takes 4,398,046,511,104 bytes, it has 192"),
    "a negative shape": (lambda m: m.graph.initializer[0].dims.__setitem__(0, -1), "has a negative size"),
    "a type without a name": (lambda m: setattr(m.graph.initializer[0], "data_type", 99), "its type is number 99"),
    "an input without a name": (
        lambda m: setattr(m.graph.input[0].type.tensor_type, "elem_type", 99),
        "type number 99, must be FLOAT or UINT8",
    ),
    "no text": (
        lambda m: m.graph.node[0].attribute.append(onnx.AttributeProto(name="x", s=b"\xff", type=3)),
        "its attribute x is no text in UTF-8",
    ),
    "an unknown attribute": (
        lambda m: m.graph.node[0].attribute.append(helper.make_attribute("transB", 1)),
        "has the unknown attribute transB",
    ),
    "a tensor too many": (lambda m: m.graph.node[0].input.append("c0"), "has 3 inputs, must have 2 to 2"),
    "an image of TiB": (
        lambda m: setattr(m.graph.input[0].type.tensor_type.shape.dim[1], "dim_value", 2**40),
        "an image may have 16,777,216 values",
    ),
    "ConstantOfShape": (lambda m: grown(m, "ConstantOfShape", np.array([2**20, 2**20])), "node grown .*may have 268"),
    "Expand": (lambda m: grown(m, "Expand", np.float32([1]), np.array([2**20, 2**20])), "node grown .*may have 268"),
    "Tile": (lambda m: grown(m, "Tile", np.float32([[1]]), np.array([2**20, 2**20])), "node grown .*may have 268"),
    "Range": (lambda m: grown(m, "Range", np.array(0), np.array(2**40), np.array(1)), "node grown .*may have 268"),
    "an outer product": (
        lambda m: grown(m, "MatMul", np.ones((2**15, 1), np.float32), np.ones((1, 2**15), np.float32)),
        "node grown .*may have 268",
    ),
    "functions that double": (lambda m: recursive(m, 40), "become 1,099,511,627,779 nodes, may become 100,000"),
    "functions that come round": (lambda m: recursive(m, 99), "calls itself, or others more than 100 levels deep"),
    "a tensor made twice": (
        lambda m: m.graph.node.append(helper.make_node("Neg", ["image"], ["t0"], name="again")),
        "node again .Neg.: gives t0, must give a new tensor",
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_refused_at_once(model, tmp_path, case):
    change, reason = HOSTILE[case]
    change(model)
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ImportRefusedError, match=reason) as caught:
        import_qonnx(tmp_path / "m.onnx")
    assert "\n" not in str(caught.value)


def test_a_loop_is_refused(model, tmp_path):
    node = helper.make_node("Loop", ["c0"], ["y"], name="loop")
    node.attribute.append(helper.make_attribute("body", helper.make_graph([], "b", [], [])))
    model.graph.node.insert(0, node)
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ImportRefusedError, match=r"node loop \(Loop\): holds a graph of its own"):
        import_qonnx(tmp_path / "m.onnx")


def test_an_unknown_rounding_mode_is_refused(build, bipolar, tmp_path):
    graph = build([1, 12])
    weights = graph.off_chain(
        "Quant", bipolar(np.random.default_rng(1), 12, 3), 1.0, 0.0, 2.0, rounding_mode="SIDEWAYS"
    )
    graph.raw("MatMul", ["image", weights])
    assert graph.model().graph.input[0].type.tensor_type.elem_type == TensorProto.FLOAT
    graph.save(tmp_path / "m.onnx")
    with pytest.raises(ImportRefusedError, match=r"m\.onnx: .*rounding mode called: SIDEWAYS"):
        import_qonnx(tmp_path / "m.onnx")
