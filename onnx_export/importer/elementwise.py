"""Operators that act on each element alone, in float32, with exactly the arithmetic of onnxruntime and qonnx."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from onnx_export.importer.graph import Node
from onnx_export.importer.layout import Layout
from onnx_export.importer.line import Line
from onnx_export.importer.onnx_file import type_name
from onnx_export.importer.quantizers import QUANTIZERS, check_parameters, quantize

MAX_THRESHOLD_BITS = 16  # of what a MultiThreshold gives

Values = NDArray[Any]  # (n, C), or (n, 1) where all channels are alike; float32, or bool behind a comparison
Function = Callable[[Values], Values]


@dataclass(frozen=True, eq=False)
class Elementwise:
    """A node as a function of (n, C) values, one column a channel."""

    node: Node
    function: Function
    uniform: bool  # it does the same to every channel
    line: Line | None = None  # what it is in exact arithmetic, if that is a straight line
    step: float | None = None  # what it gives are multiples of this, shifted or not


def elementwise(node: Node, operand: int, layout: Layout, constants: list[NDArray[Any] | None]) -> Elementwise | None:
    """What a node does to each channel; None where it is no such operator.

    Args:
        node: its inputs but one are constants.
        operand: which input depends on the image.
        layout: of that input.
        constants: of all inputs, None for the operand and those left out.
    """
    if node.op in BINARY:
        if len(node.inputs) != 2:
            raise node.refuse(f"has {len(node.inputs)} inputs, must have two")
        other = constants[1 - operand]
        assert other is not None
        constant = layout.per_channel(node, other)
        return Elementwise(
            node, _binary(node, operand, constant), len(constant) == 1, _line(node.op, operand, constant)
        )
    builder = _BUILDERS.get(node.op)
    if builder is None:
        return None
    function, used = builder(node, layout, constants)
    line = None
    if node.op == "BatchNormalization":
        line = Line.of(*_factor_and_offset(node, used))
    elif node.op == "Neg":
        line = Line.of(-1, 0)
    return Elementwise(node, function, all(len(parameter) == 1 for parameter in used), line, _step(node, used))


def _step(node: Node, used: list[NDArray[Any]]) -> float | None:
    """The step of what a quantizer of more than one bit gives, where that is one for all channels."""
    if node.op == "MultiThreshold":
        return abs(float(np.float32(node.attributes.get("out_scale", 1.0)))) or None
    if node.op in {"Quant", "IntQuant"} and (used[2] > 1).all() and (used[0] == used[0][0]).all():
        return float(used[0][0]) if used[0][0] > 0 else None
    return 1.0 if node.op in {"Floor", "Ceil", "Round"} else None


BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Div": np.divide,
    "Min": np.minimum,
    "Max": np.maximum,
    "Greater": np.greater,
    "GreaterOrEqual": np.greater_equal,
    "Less": np.less,
    "LessOrEqual": np.less_equal,
}


def _binary(node: Node, operand: int, constant: NDArray[np.float32]) -> Function:
    operation = BINARY[node.op]
    if operand == 0:
        return lambda values: operation(values, constant)
    return lambda values: operation(constant, values)


def _line(op: str, operand: int, constant: NDArray[np.float32]) -> Line | None:
    """The line of ``_binary``; ``operand`` says on which side of the operator the image stands."""
    match op, operand:
        case "Add", _:
            return Line.of(1, constant)
        case "Sub", 0:
            return Line.of(1, -constant)
        case "Sub", 1:
            return Line.of(-1, constant)
        case "Mul", _:
            return Line.of(constant, 0)
        case "Div", 0:
            return Line().divided(constant)
    return None


_Built = tuple[Function, list[NDArray[Any]]]  # the function and its parameters, each (1,) or (C, ...)
_Constants = list[NDArray[Any] | None]


def _unary(function: Function) -> Callable[[Node, Layout, _Constants], _Built]:
    return lambda node, layout, constants: (function, [])


def _leaky_relu(node: Node, layout: Layout, constants: _Constants) -> _Built:
    slope = np.float32(node.attributes.get("alpha", 0.01))
    return lambda values: np.where(values < 0, values * slope, values), []


def _prelu(node: Node, layout: Layout, constants: _Constants) -> _Built:
    if constants[1] is None:
        raise node.refuse("its slope is not a constant")
    slope = layout.per_channel(node, constants[1])
    return lambda values: np.where(values < 0, values * slope, values), [slope]


def _clip(node: Node, layout: Layout, constants: _Constants) -> _Built:
    limits = [constants[index] if index < len(constants) else None for index in (1, 2)]
    low, high = (
        np.array([node.attributes.get(name, default)], np.float32) if limit is None else layout.per_channel(node, limit)
        for name, default, limit in (("min", -np.inf, limits[0]), ("max", np.inf, limits[1]))
    )
    return lambda values: np.minimum(np.maximum(values, low), high), [low, high]


def _batch_normalization(node: Node, layout: Layout, constants: _Constants) -> _Built:
    if node.attributes.get("training_mode", 0):
        raise node.refuse("is in training mode; export the model in evaluation mode")
    if any(node.outputs[1:]):  # up to opset 13 that is how training mode is told
        raise node.refuse(
            f"is in training mode, as its {len(node.outputs)} outputs say; export the model in evaluation mode"
        )
    axis = layout.places.ndim - 1 if node.channels_last else 1
    shape = [1] * layout.places.ndim
    parameters = []
    for constant in constants[1:5]:
        if constant is None or constant.shape != (layout.places.shape[axis],):
            raise node.refuse(f"its parameters must be {layout.places.shape[axis]} constants each")
        shape[axis] = constant.size
        parameters.append(layout.per_channel(node, constant.reshape(shape)))
    factor, offset = _factor_and_offset(node, parameters)
    return lambda values: values * factor + offset, parameters


def _factor_and_offset(
    node: Node, parameters: list[NDArray[np.float32]]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    scale, bias, mean, variance = parameters
    # onnxruntime's order of operations, not the textbook's: it differs in the last bit.
    with np.errstate(all="ignore"):
        inverse = np.float32(1) / np.sqrt(variance + np.float32(node.attributes.get("epsilon", 1e-5)))
        factor = scale * inverse
        return factor, bias - mean * factor


def _quantizer(node: Node, layout: Layout, constants: _Constants) -> _Built:
    given = [constant for constant in constants[1:] if constant is not None]
    parameters = [layout.per_channel(node, constant) for constant in given]
    check_parameters(node, parameters)
    return partial(quantize, node, parameters=parameters), parameters


def _multi_threshold(node: Node, layout: Layout, constants: _Constants) -> _Built:
    rank = layout.places.ndim
    order = node.attributes.get("data_layout") or {3: "NWC", 4: "NCHW"}.get(rank, "NC")
    axis = order.index("C") if "C" in order else 1
    given = constants[1]
    if given is None or given.ndim != 2 or given.shape[0] not in {1, layout.places.shape[axis]} or _too_many(given):
        raise node.refuse(f"its thresholds must be constants ({layout.places.shape[axis]}, n) or (1, n)")
    shape = [1] * rank
    shape[axis] = given.shape[0]
    thresholds = [layout.per_channel(node, column.reshape(shape)) for column in given.T.astype(np.float32)]
    scale = np.float32(node.attributes.get("out_scale", 1.0))
    bias = np.float32(node.attributes.get("out_bias", 0.0))

    def count(values: Values) -> Values:
        reached = np.zeros(values.shape, np.float32)
        for threshold in thresholds:
            reached = reached + (values >= threshold)
        return scale * reached + bias

    return count, list(thresholds)


def _too_many(thresholds: NDArray[Any]) -> bool:
    return bool(thresholds.shape[1] >= 2**MAX_THRESHOLD_BITS)


def _where(node: Node, layout: Layout, constants: _Constants) -> _Built:
    if constants[0] is not None or constants[1] is None or constants[2] is None:
        raise node.refuse("chooses between tensors that depend on the image; must choose between constants")
    then, otherwise = layout.per_channel(node, constants[1]), layout.per_channel(node, constants[2])
    return lambda values: np.where(values, then, otherwise), [then, otherwise]


def _cast(node: Node, layout: Layout, constants: _Constants) -> _Built:
    types: dict[int, type[Any]] = {TensorProto.FLOAT: np.float32, TensorProto.BOOL: np.bool_}
    target = node.attributes.get("to")
    if target not in types:
        given = type_name(target) if isinstance(target, int) else str(target)
        raise node.refuse(f"casts to {given}; only FLOAT and BOOL have the arithmetic of the integer network's model")
    return lambda values: values.astype(types[target]), []


_BUILDERS: dict[str, Callable[[Node, Layout, _Constants], _Built]] = {
    "Neg": _unary(np.negative),
    "Relu": _unary(lambda values: np.maximum(values, np.float32(0))),
    "Sign": _unary(np.sign),
    "Floor": _unary(np.floor),
    "Ceil": _unary(np.ceil),
    "Round": _unary(np.rint),
    "Not": _unary(np.logical_not),
    "LeakyRelu": _leaky_relu,
    "PRelu": _prelu,
    "Clip": _clip,
    "BatchNormalization": _batch_normalization,
    "MultiThreshold": _multi_threshold,
    "Where": _where,
    "Cast": _cast,
    **dict.fromkeys(QUANTIZERS, _quantizer),
}
SUPPORTED = sorted(set(BINARY) | set(_BUILDERS))
