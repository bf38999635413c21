"""Everything in a graph that does not depend on the image becomes a constant."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnx import helper

from onnx_export.importer.graph import Graph, ImportRefusedError, Node
from onnx_export.importer.growth import check_growth
from onnx_export.importer.quantizers import QUANTIZERS, quantize

IR_VERSION = 10  # of the one-node models that onnxruntime folds


def fold_constants(graph: Graph) -> Graph:
    """The graph without its constant nodes, and without what no output needs.

    Standard operators are computed by onnxruntime, as whoever runs the file does.

    Raises:
        ImportRefusedError: a constant that is not a number, or an operator that cannot be computed.
    """
    constants = dict(graph.constants)
    remaining = []
    for node in _needed(graph):
        if node.op == "Identity" and node.inputs[0] in constants:
            constants[node.outputs[0]] = constants[node.inputs[0]]
        elif node.op == "Constant":
            constants[node.outputs[0]] = _constant(node)
        elif node.inputs and all(tensor in constants for tensor in node.inputs if tensor):
            values = [constants.get(tensor) for tensor in node.inputs]
            for tensor, result in zip(node.outputs, _compute(node, values, graph.opset), strict=False):
                constants[tensor] = result
        else:
            remaining.append(node)
    for node in remaining:
        if node.op == "Reshape" and graph.batch > 1 and node.inputs[1] in constants:
            constants[node.inputs[1]] = _for_one_image(constants[node.inputs[1]], graph.batch)
        for tensor in node.inputs:
            constant = constants.get(tensor)
            if constant is not None and constant.dtype.kind == "f" and np.isnan(constant).any():
                raise node.refuse(f"its constant {tensor} holds NaN")
    return dataclasses.replace(graph, nodes=tuple(remaining), constants=constants)


def _needed(graph: Graph) -> list[Node]:
    """The nodes that an output depends on."""
    wanted = set(graph.outputs)
    needed = []
    for node in reversed(graph.nodes):
        if wanted.intersection(node.outputs):
            needed.append(node)
            wanted.update(node.inputs)
    return needed[::-1]


def _for_one_image(target: NDArray[Any], batch: int) -> NDArray[Any]:
    return np.concatenate([[1], target[1:]]).astype(np.int64) if target.size and target[0] == batch else target


def _constant(node: Node) -> NDArray[Any]:
    for attribute, dtype in (("value", None), ("value_float", np.float32), ("value_int", np.int64)):
        if attribute in node.attributes:
            return np.asarray(node.attributes[attribute], dtype)
    for attribute, dtype in (("value_floats", np.float32), ("value_ints", np.int64)):
        if attribute in node.attributes:
            return np.asarray(list(node.attributes[attribute]), dtype)
    raise node.refuse(f"a constant given as {', '.join(node.attributes) or 'nothing'}")


def _compute(node: Node, values: list[NDArray[Any] | None], opset: int) -> list[NDArray[Any]]:
    check_growth(node, values, opset)
    if node.op in QUANTIZERS:
        given = [value for value in values if value is not None]
        return [quantize(node, given[0], given[1:])]
    names = [f"in{index}" if value is not None else "" for index, value in enumerate(values)]
    outputs = [f"out{index}" if tensor else "" for index, tensor in enumerate(node.outputs)]
    feeds = {name: value for name, value in zip(names, values, strict=True) if value is not None}
    try:
        graph = helper.make_graph(
            [helper.make_node(node.op, names, outputs, **_encodable(node.attributes))],
            "constant",
            [
                helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
                for name, value in feeds.items()
            ],
            [helper.make_empty_tensor_value_info(name) for name in outputs if name],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=IR_VERSION)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(model.SerializeToString(), options)
        return [np.asarray(result) for result in session.run(None, feeds)]
    except ImportRefusedError:
        raise
    except Exception as error:  # onnxruntime raises errors of its own kind
        raise node.refuse(f"its constant result cannot be computed ({str(error).splitlines()[0]})") from error


def _encodable(attributes: dict[str, Any]) -> dict[str, Any]:
    return {
        name: helper.make_tensor(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape, value.reshape(-1))
        if isinstance(value, np.ndarray)
        else value
        for name, value in attributes.items()
    }
