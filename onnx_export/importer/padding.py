"""What a padded position is to the integer network."""

from __future__ import annotations

import numpy as np

from onnx_export.importer.graph import Node
from onnx_export.importer.levels import HIGHEST, LOWEST, ROUNDINGS, Bits, Integers


def pad_integer(node: Node, entering: Bits | Integers, pad: float) -> int:
    """What a position that the file pads with ``pad`` reads as in the integer network."""
    if isinstance(entering, Bits):
        if pad == np.float32(entering.high):
            return 1
        if pad == np.float32(entering.low):
            return -1
        raise node.refuse(
            f"pads with {pad:g} where its input is {entering.low:g} or {entering.high:g}; bits have no third value, "
            "so pad with one of the two"
        )
    steps = pad / entering.scale - float(entering.shift[0])
    off = ROUNDINGS * max(abs(pad), float(np.abs(entering.floats).max())) / entering.scale
    if abs(steps - round(steps)) > off or not LOWEST <= round(steps) <= HIGHEST:
        advice = (
            "; give a mean for which that is whole, such as 33/255, pad with another value, or quantize the input "
            "behind the normalization"
        )
        raise node.refuse(
            f"pads with {pad:g}, which is {steps:g} among the input's integers {entering.table.min()}.."
            f"{entering.table.max()}, must be a whole number{advice if any(entering.shift) else ''}"
        )
    return round(steps)
