"""A trained graph as a QONNX file that qonnx executes to exactly the model's values, and the importer reads back.

Every value of the model is a tensor of its name. A grid is a Quant node: Add of half a step, then rounding down
(``FLOOR``). QONNX's ``ROUND`` takes halves to even and its ``HALF_UP`` away from 0, where the model takes them up.
The sum is exactly that of the model's floor(x * 2^f + 0.5): float32 rounds x + 2^-(f + 1) as it rounds 2^f times that.
"""

from __future__ import annotations

import json
import math
from functools import singledispatchmethod
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.infer_shapes import InferShapes

from bnn.errors import UserError
from bnn.files import atomic_path
from bnn.stage import (
    Add,
    AveragePool,
    Concatenate,
    Epilogue,
    Floats,
    GlobalSum,
    Logits,
    Matrix,
    MaxPool,
    ModelGraph,
    ModelNode,
    OnGrid,
    PadChannels,
    Quantize,
    Sign,
    SumPool,
)
from bnn.stage.operators import Operator, Written
from bnn.values import Shape
from bnn.version import VERSION
from bnn.window import NO_PADDING
from onnx_export.graph_nodes import QONNX_DOMAIN, GraphNodes
from onnx_export.graph_source import write_source
from onnx_export.metadata import INPUT_SCALE_KEY, NETWORK_HASH_KEY, VALUES_KEY, VERSION_KEY
from onnx_export.naming import INPUT_NAME, OUTPUT_NAME

OPSET = 13
IR_VERSION = 8


def export_graph(model: ModelGraph, path: Path, *, network_hash: str, input_scale: float = 1.0) -> None:
    """Write ``model`` to ``path``, atomically; the same model gives the same bytes.

    The file takes ``pixels`` (1, C, H, W), float32 annotated as UINT8, and gives ``logits`` (1, classes).

    Args:
        model: whose epilogues tell their operators (``bnn.stage.operators.Written``).
        path: of the ``.onnx`` file.
        network_hash: of the integer network that the model was absorbed into; goes into the metadata.
        input_scale: what a pixel value 0..255 is multiplied with before it enters the file; goes into the metadata.

    Raises:
        UserError: an epilogue that does not tell its operators, or pixels that become what no operator gives.
    """
    writer = _Writer(model)
    proto = helper.make_model(
        writer.out.graph(model.input.shape, model.values[model.steps[-1].name].shape[2]),
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(QONNX_DOMAIN, 1)],
        ir_version=IR_VERSION,
        producer_name="askew",
    )
    wrapped = ModelWrapper(proto).transform(InferShapes())
    wrapped.set_tensor_datatype(INPUT_NAME, DataType["UINT8"])
    metadata = {
        NETWORK_HASH_KEY: network_hash,
        VERSION_KEY: VERSION,
        INPUT_SCALE_KEY: repr(float(input_scale)),
        VALUES_KEY: json.dumps(writer.values()),
    }
    for key, value in metadata.items():
        wrapped.model.metadata_props.add(key=key, value=value)
        wrapped.set_metadata_prop(key, value)  # on the graph, where qonnx 1.0 looks for it
    onnx.checker.check_model(wrapped.model)
    with atomic_path(path) as temporary:
        temporary.write_bytes(wrapped.model.SerializeToString(deterministic=True))


class _Writer:
    """One pass over a model."""

    def __init__(self, model: ModelGraph) -> None:
        self._model = model
        self.out = GraphNodes(list(model.values))
        self.out.tensors[model.input.name] = write_source(self.out, model.input)
        for node in model.steps:
            self.out.tensors[node.name] = self._write(node)

    def values(self) -> dict[str, tuple[str, int | None]]:
        """By value of the model its tensor, and its fraction bits; None for bits and logits."""
        found = {}
        for name, value in self._model.values.items():
            found[name] = (self.out.tensors[name], value.fraction_bits if isinstance(value, OnGrid) else None)
        return found

    def _tensor(self, node: ModelNode, index: int = 0, *, image: bool = False) -> str:
        name = node.inputs[index]
        tensor = self.out.tensors[name]
        return self.out.as_image(tensor, self._shape(name)) if image else tensor

    def _shape(self, name: str) -> Shape:
        return self._model.values[name].shape

    def _step(self, name: str) -> float:
        """What one integer of a value is worth; 1 for bits."""
        value = self._model.values[name]
        return math.ldexp(1.0, -value.fraction_bits) if isinstance(value, OnGrid) else 1.0

    @singledispatchmethod
    def _write(self, node: ModelNode) -> str:
        raise AssertionError(node)

    @_write.register
    def _matrix(self, node: Matrix) -> str:
        out, layer = self.out, node.name.removesuffix(".accumulator")
        weights = node.weights
        if not node.is_convolution:
            weights = weights.reshape(len(weights), -1).T
            row = out.as_row(self._tensor(node))
            return out.add("MatMul", f"{layer}_matmul", [row, self._weights(layer, weights)], tensor=node.name)
        image, pads, value = self._tensor(node, image=True), node.padding, node.pad_value * self._step(node.inputs[0])
        if pads != NO_PADDING and value:
            top, left, bottom, right = pads
            margins = out.constant(f"{layer}_pad_margins", [0, 0, top, left, 0, 0, bottom, right], np.int64)
            image = out.add("Pad", f"{layer}_pad", [image, margins, out.constant(f"{layer}_pad_value", value)])
            pads = NO_PADDING
        sizes = {"kernel_shape": node.kernel, "strides": node.stride, "pads": pads, "group": node.groups}
        quantized = self._weights(layer, weights)
        return out.add("Conv", f"{layer}_conv", [image, quantized], tensor=node.name, **sizes)

    def _weights(self, layer: str, weights: NDArray[np.float32]) -> str:
        inputs = [self.out.constant(f"{layer}_weight", weights), self.out.constant(f"{layer}_weight_scale", 1.0)]
        return self.out.add("BipolarQuant", f"{layer}_weight_quant", inputs)

    @_write.register
    def _sign(self, node: Sign) -> str:
        tensor = self.out.operators(node.name, self._tensor(node), _operators(node, node.epilogue))
        scale = self.out.constant(f"{node.name}_sign_scale", 1.0)
        return self.out.add("BipolarQuant", f"{node.name}_sign", [tensor, scale], tensor=node.name)

    @_write.register
    def _quantize(self, node: Quantize) -> str:
        tensor = self.out.operators(node.name, self._tensor(node), _operators(node, node.epilogue))
        return self._grid(node.name, tensor, node.fraction_bits, (node.lowest, node.highest), saturates=True)

    def _grid(self, name: str, tensor: str, fraction_bits: int, ends: tuple[int, int], *, saturates: bool) -> str:
        """The tensor rounded to multiples of 2^-fraction_bits and saturated."""
        out, step, (lowest, highest) = self.out, math.ldexp(1.0, -fraction_bits), ends
        tensor = out.add("Add", f"{name}_grid_half", [tensor, out.constant(f"{name}_half_step", step / 2)])
        signed = lowest < 0
        width = max(2, highest.bit_length(), (-lowest - 1).bit_length() if signed else 0)
        bits = max(2, width + 1 if signed else width)
        width_ends = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
        if saturates and width_ends != ends:
            limits = [
                out.constant(f"{name}_{end}", value * step) for end, value in zip(("low", "high"), ends, strict=True)
            ]
            tensor = out.add("Clip", f"{name}_grid_clip", [tensor, *limits])
        inputs = [
            tensor,
            out.constant(f"{name}_grid_step", step),
            out.constant(f"{name}_grid_zero_point", 0.0),
            out.constant(f"{name}_grid_bits", float(bits)),
        ]
        attributes = {"signed": int(signed), "narrow": 0, "rounding_mode": "FLOOR"}
        return out.add("Quant", f"{name}_grid", inputs, tensor=name, **attributes)

    @_write.register
    def _add(self, node: Add) -> str:
        images = any(self.out.tensors[name] not in self.out.flat for name in node.inputs)
        tensors = [self._tensor(node, index, image=images) for index in range(len(node.inputs))]
        return self.out.add("Add" if len(tensors) == 2 else "Sum", f"{node.name}_add", tensors, tensor=node.name)

    @_write.register
    def _concatenate(self, node: Concatenate) -> str:
        tensors = [self._tensor(node, index, image=True) for index in range(len(node.inputs))]
        return self.out.add("Concat", f"{node.name}_concat", tensors, tensor=node.name, axis=1)

    @_write.register
    def _pad_channels(self, node: PadChannels) -> str:
        out, value = self.out, node.value * self._step(node.inputs[0])
        margins = out.constant(f"{node.name}_margins", [0, node.before, 0, 0, 0, node.after, 0, 0], np.int64)
        inputs = [self._tensor(node, image=True), margins, out.constant(f"{node.name}_value", value)]
        return out.add("Pad", f"{node.name}_pad", inputs, tensor=node.name)

    @_write.register
    def _max_pool(self, node: MaxPool) -> str:
        image = self._tensor(node, image=True)
        window: dict[str, Any] = {"kernel_shape": node.kernel, "strides": node.stride, "pads": node.padding}
        return self.out.add("MaxPool", f"{node.name}_maxpool", [image], tensor=node.name, **window)

    @_write.register
    def _average_pool(self, node: AveragePool) -> str:
        value = self._model.values[node.name]
        assert isinstance(value, OnGrid)
        area = node.kernel[0] * node.kernel[1]
        operators = _operators(node, node.epilogue)
        is_mean = len(operators) == 1 and operators[0].op == "Mul" and operators[0].constant == np.float32(1 / area)
        if is_mean and not area & (area - 1):  # else onnxruntime's division is not the model's multiplication
            window: dict[str, Any] = {"kernel_shape": node.kernel, "strides": node.stride}
            tensor = self.out.add("AveragePool", f"{node.name}_mean", [self._tensor(node, image=True)], **window)
        else:
            total = self._total(node, node.kernel, node.stride, None)
            tensor = self.out.operators(node.name, total, operators)
        return self._grid(node.name, tensor, value.fraction_bits, (value.lowest, value.highest), saturates=False)

    @_write.register
    def _sum_pool(self, node: SumPool) -> str:
        return self._total(node, node.kernel, node.stride, node.name)

    @_write.register
    def _global_sum(self, node: GlobalSum) -> str:
        size = self._shape(node.inputs[0])[:2]
        return self._total(node, size, size, node.name)

    def _total(self, node: ModelNode, kernel: tuple[int, int], stride: tuple[int, int], name: str | None) -> str:
        """The sums of windows: of the whole image by ReduceSum, else by a convolution of ones, channel by channel."""
        out, (height, width, channels) = self.out, self._shape(node.inputs[0])
        image = self._tensor(node, image=True)
        if kernel == stride == (height, width):
            axes = out.constant(f"{node.name}_axes", [2, 3], np.int64)
            return out.add("ReduceSum", f"{node.name}_sum", [image, axes], tensor=name, keepdims=1)
        ones = out.constant(f"{node.name}_ones", np.ones((channels, 1, *kernel)))
        sizes = {"kernel_shape": kernel, "strides": stride, "group": channels}
        return out.add("Conv", f"{node.name}_sum", [image, ones], tensor=name, **sizes)

    @_write.register
    def _logits(self, node: Logits) -> str:
        assert isinstance(self._model.values[node.name], Floats)
        row = self.out.as_row(self._tensor(node))
        operators = _operators(node, node.epilogue) or (Operator("Add", "offset", np.zeros((), np.float32)),)
        return self.out.operators(node.name, row, operators, OUTPUT_NAME)


def _operators(node: ModelNode, epilogue: Epilogue) -> tuple[Operator, ...]:
    if not isinstance(epilogue, Written):
        raise UserError(
            f"{node.where}: does not say what it computes, so no file can; export a network that was trained"
        )
    return epilogue.operators
