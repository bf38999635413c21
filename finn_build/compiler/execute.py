"""Runs FINN's graphs in Python as their hardware would, and finds our layers in them. Only where FINN is: the worker.

FINN's units compute in float32 here, in which nothing overflows. So every value is cut to the bits of its type, and a
unit that accumulates and compares in one is taken apart, for its accumulator to be cut in between.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx.helper
from finn.util.verification import despecialize_model
from numpy.typing import NDArray
from onnx import NodeProto
from qonnx.core.datatype import BaseDataType, DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_node
from qonnx.custom_op.registry import getCustomOp

from finn_build.compiler.nodes import MATRICES, POOLS, THRESHOLDS
from finn_build.errors import FinnError

Trace = dict[str, NDArray[Any]]


class GraphRunner:
    """One of FINN's graphs, executed node by node with FINN's own Python and its types' own wrap-around."""

    def __init__(self, file: str, layers: list[str]) -> None:
        """Read a graph.

        Args:
            file: one of FINN's intermediate models.
            layers: our layers in order, ``input`` first where its bits are computed.

        Raises:
            FinnError: the graph does not hold exactly these layers.
        """
        self._model = despecialize_model(ModelWrapper(file))
        self._types: dict[str, list[BaseDataType]] = {}
        for node in list(self._model.graph.node):
            if node.op_type == "MVAU":
                self._take_apart(node)
        for node in self._model.graph.node:
            for tensor in node.output:
                self._types.setdefault(tensor, [self._model.get_tensor_datatype(tensor)])
        self._tensors = self._find(file, layers)
        self._input = self._model.graph.input[0].name
        self._output = self._model.graph.output[0].name
        self._shape = self._model.get_tensor_shape(self._input)
        self._opset = self._model.model.opset_import[0].version

    def run(self, image: NDArray[np.uint8]) -> tuple[Trace, NDArray[Any]]:
        """Every layer's output for one (H, W, C) image, flat, and what the graph gives."""
        context = self._model.make_empty_exec_context()
        context[self._input] = image.reshape(self._shape).astype(np.float32)
        for node in self._model.graph.node:
            execute_node(node, context, self._model.graph, self._opset)
            for tensor in node.output:
                for datatype in self._types[tensor]:
                    context[tensor] = wrap(context[tensor], datatype)
        traced = {layer: context[tensor].reshape(-1) for layer, tensor in self._tensors.items()}
        return traced, context[self._output].reshape(-1)

    def _take_apart(self, node: NodeProto) -> None:
        """Note the types that the unit's accumulators pass through; its thresholds become a node of their own."""
        unit = getCustomOp(node)
        accumulator = DataType[unit.get_nodeattr("accDataType")]
        if unit.get_nodeattr("noActivation"):
            output = DataType[unit.get_nodeattr("outputDataType")]
            self._types[node.output[0]] = [accumulator, output, self._model.get_tensor_datatype(node.output[0])]
            return
        bits, thresholds = node.output[0], node.input[2]
        threshold = self._model.get_tensor_datatype(thresholds)
        self._model.set_initializer(thresholds, wrap(self._model.get_initializer(thresholds), threshold))
        shape = self._model.get_tensor_shape(bits)
        sums = f"{bits}_accumulators"
        self._model.graph.value_info.append(onnx.helper.make_tensor_value_info(sums, onnx.TensorProto.FLOAT, shape))
        self._types[sums] = [accumulator, threshold]  # it compares in the thresholds' type
        compare = onnx.helper.make_node(
            "MultiThreshold",
            [sums, thresholds],
            [bits],
            name=f"{node.name}_thresholds",
            domain="qonnx.custom_op.general",
            out_dtype=unit.get_nodeattr("outputDataType"),
            out_scale=1.0,
            out_bias=float(unit.get_nodeattr("ActVal")),
            data_layout="NHWC" if len(shape) == 4 else "NC",
        )
        unit.set_nodeattr("noActivation", 1)
        unit.set_nodeattr("outputDataType", accumulator.name)
        del node.input[2]
        node.output[0] = sums
        self._model.graph.node.insert(list(self._model.graph.node).index(node) + 1, compare)

    def _find(self, file: str, layers: list[str]) -> dict[str, str]:
        found: list[str] = []
        for node in self._model.graph.node:
            if node.op_type in THRESHOLDS:
                if found and found[-1] == node.input[0]:
                    found[-1] = node.output[0]  # the thresholds of the matrix before
                else:
                    found.append(node.output[0])
            elif node.op_type in MATRICES + POOLS:
                found.append(node.output[0])
        if len(found) != len(layers):
            raise FinnError(f"{file}: holds {len(found)} layers, the network has {len(layers)}")
        return dict(zip(layers, found, strict=True))


def wrap(values: NDArray[Any], datatype: BaseDataType) -> NDArray[Any]:
    """The values as the bits of their type hold them: modulo 2^bits, with a sign in two's complement.

    What is no plain integer (floats, bipolar values) comes back as it is.
    """
    bits = datatype.bitwidth()
    if not datatype.is_integer() or datatype.max() - datatype.min() + 1 != 2**bits:
        return values
    low, high = int(datatype.min()), int(datatype.max())
    if values.min() >= low and values.max() <= high:
        return values
    wrapped: NDArray[Any] = ((values.astype(np.int64) - low) % 2**bits + low).astype(values.dtype)
    return wrapped


def check_graph(
    runner: GraphRunner, images: NDArray[np.uint8], golden: Mapping[str, NDArray[Any]], progress: Callable[[int], None]
) -> dict[str, Any]:
    """Hold every layer of a graph to golden on every frame.

    Args:
        runner: the graph.
        images: (n, H, W, C).
        golden: layer name to (n, ...), and ``answer`` for what the graph gives.
        progress: called with 1 after every frame.

    Returns:
        frames, mismatches (frames with any difference) and first_mismatch: frame and layer, or None.
    """
    mismatches, first = 0, None
    for index, image in enumerate(images):
        traced, answer = runner.run(image)
        values = {**traced, "answer": answer}
        wrong = [name for name, value in values.items() if not np.array_equal(value, golden[name][index].reshape(-1))]
        if wrong:
            mismatches += 1
            first = first or {"frame": index, "layer": wrong[0]}
        progress(1)
    return {"frames": len(images), "mismatches": mismatches, "first_mismatch": first}
