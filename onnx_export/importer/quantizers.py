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
    if node.op == "BipolarQuant":
        return np.asarray(binary_quant(values, parameters[0]), np.float32)
    scale, zero_point, bits = parameters
    if bits.size != 1 or not 1 <= float(bits.reshape(-1)[0]) <= MAX_BITS:
        raise node.refuse(f"bit width {bits.reshape(-1)[:4].tolist()}, must be one of 1..{MAX_BITS}")
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
