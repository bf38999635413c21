"""How large the result of an operator on constants is, found before it is computed: a few bytes can ask for TiB."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper, shape_inference

from onnx_export.importer.graph import Node

MAX_VALUES = 1 << 28  # of one constant that is computed
SMALL = 1 << 12  # constants up to here decide the sizes of others, such as Reshape's and Expand's
NEVER_LARGER = {"NonZero", "Unique", "Compress", "StringNormalizer"}  # data decide the size; at most rank times


def check_growth(node: Node, values: list[NDArray[Any] | None], opset: int) -> None:
    """Refuse a node whose result has more than ``MAX_VALUES`` values, or of which that cannot be told.

    Args:
        node: whose inputs are constants.
        values: those; None where an optional one is left out.
        opset: of the standard operators.
    """
    shapes = [value.shape for value in values if value is not None]
    if node.op in {"Quant", "IntQuant", "BipolarQuant"}:
        results = [np.broadcast_shapes(*shapes)]
    elif node.op in NEVER_LARGER:
        results = [(8 * sum(math.prod(shape) for shape in shapes),)]
    else:
        results = _inferred(node, values, opset)
    if any(math.prod(shape) > MAX_VALUES for shape in results):
        raise node.refuse(f"its constant result would have {results} values, may have {MAX_VALUES:,}")


def _inferred(node: Node, values: list[NDArray[Any] | None], opset: int) -> list[tuple[int, ...]]:
    """The shapes of the results, by ONNX's own inference."""
    inputs = [f"in{index}" if value is not None else "" for index, value in enumerate(values)]
    outputs = [f"out{index}" if tensor else "" for index, tensor in enumerate(node.outputs)]
    there = {name: value for name, value in zip(inputs, values, strict=True) if value is not None}
    attributes = {
        name: numpy_helper.from_array(value) if isinstance(value, np.ndarray) else value
        for name, value in node.attributes.items()
    }
    graph = helper.make_graph(
        [helper.make_node(node.op, inputs, outputs, **attributes)],
        "size",
        [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
            for name, value in there.items()
        ],
        [helper.make_empty_tensor_value_info(name) for name in outputs if name],
        [numpy_helper.from_array(value, name) for name, value in there.items() if value.size <= SMALL],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    try:
        found = shape_inference.infer_shapes(model, data_prop=True).graph.output
    except Exception:  # onnxruntime, which runs it next, says what is wrong with it
        return []
    return [_shape(node, output) for output in found]


def _shape(node: Node, output: onnx.ValueInfoProto) -> tuple[int, ...]:
    tensor: TensorProto = output.type.tensor_type
    if not tensor.HasField("shape") or not all(size.HasField("dim_value") for size in tensor.shape.dim):
        raise node.refuse("the size of its constant result cannot be told before it is computed")
    return tuple(int(size.dim_value) for size in tensor.shape.dim)
