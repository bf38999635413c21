"""Our QONNX files in standard operators alone, so that onnxruntime can run them as fast as it can."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper


class SignAs(Enum):
    """Ways to write the sign whose 0 is +1; which is fastest depends on the network."""

    WHERE = "where"
    CAST = "cast"


def to_standard_onnx(path: Path, sign_as: SignAs) -> bytes:
    """The model of a file that `export_qonnx` wrote, for any batch size.

    Quantizers of constants are folded, those of activations become standard operators.
    """
    model = onnx.load(path)
    graph = model.graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    nodes = []
    for node in graph.node:
        if node.op_type != "BipolarQuant":
            nodes.append(node)
            continue
        source, scale = node.input
        if source in constants:
            signs = np.where(constants[source] >= 0, constants[scale], -constants[scale]).astype(np.float32)
            graph.initializer.append(numpy_helper.from_array(signs, node.output[0]))
            continue
        nodes += _sign(source, node.output[0], float(constants[scale].reshape(-1)[0]), sign_as, graph)
    del graph.node[:]
    graph.node.extend(nodes)
    del graph.value_info[:]
    for tensor in (*graph.input, *graph.output):
        tensor.type.tensor_type.shape.dim[0].dim_param = "batch"
    used = {name for node in nodes for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    standard = [entry for entry in model.opset_import if not entry.domain]
    del model.opset_import[:]
    model.opset_import.extend(standard)
    return model.SerializeToString()  # type: ignore[no-any-return]


def _sign(source: str, result: str, scale: float, sign_as: SignAs, graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    def constant(name: str, value: float) -> str:
        graph.initializer.append(numpy_helper.from_array(np.array(value, np.float32), f"{result}_{name}"))
        return f"{result}_{name}"

    flag = f"{result}_flag"
    compare = helper.make_node("GreaterOrEqual", [source, constant("zero", 0.0)], [flag])
    if sign_as is SignAs.WHERE:
        values = [constant("plus", scale), constant("minus", -scale)]
        return [compare, helper.make_node("Where", [flag, *values], [result])]
    number, doubled = f"{result}_number", f"{result}_doubled"
    return [
        compare,
        helper.make_node("Cast", [flag], [number], to=onnx.TensorProto.FLOAT),
        helper.make_node("Mul", [number, constant("two", 2 * scale)], [doubled]),
        helper.make_node("Sub", [doubled, constant("one", scale)], [result]),
    ]
