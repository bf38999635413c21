"""The quantizers of QONNX on arrays, computed by qonnx itself."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from qonnx.custom_op.general.bipolar_quant import binary_quant
from qonnx.custom_op.general.intquant import int_quant

from onnx_export.importer.graph import Node

QUANTIZERS = {"BipolarQuant", "Quant", "IntQuant"}
MAX_BITS = 32


def quantize(node: Node, values: NDArray[np.float32], parameters: list[NDArray[Any]]) -> NDArray[np.float32]:
    """What a quantizer node gives for ``values``; ``parameters`` are its further inputs, which broadcast."""
    given = [array.dtype for array in (values, *parameters)]
    if any(dtype != np.float32 for dtype in given):
        raise node.refuse(f"its inputs are {', '.join(map(str, given))}, must be float32")
    if node.op == "BipolarQuant":
        return np.asarray(binary_quant(values, parameters[0]), np.float32)
    check_parameters(node, parameters)
    scale, zero_point, bits = parameters
    quantized = int_quant(
        values,
        scale,
        zero_point,
        np.float32(bits.reshape(-1)[0]),
        bool(node.attributes.get("signed", 1)),
        bool(node.attributes.get("narrow", 0)),
        str(node.attributes.get("rounding_mode", "ROUND")),
    )
    return np.asarray(quantized, np.float32)


def check_parameters(node: Node, parameters: list[NDArray[Any]]) -> None:
    """Refuse a quantizer without its parameters, or of a bit width that is not one whole number."""
    expected = 1 if node.op == "BipolarQuant" else 3
    if len(parameters) != expected:
        raise node.refuse(f"has {len(parameters)} constant parameters, must have {expected}")
    if expected == 1:
        return
    bits = parameters[2].reshape(-1)
    if bits.size != 1 or bits[0] != np.rint(bits[0]) or not 1 <= bits[0] <= MAX_BITS:
        raise node.refuse(f"bit width {bits[:4].tolist()}, must be one whole number from 1 to {MAX_BITS}")
