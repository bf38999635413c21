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
    if len(set(entering.shift)) > 1:
        raise node.refuse(
            f"pads with {pad:g} channels whose values lie {float(entering.shift[0]):g} and "
            f"{float(next(own for own in entering.shift if own != entering.shift[0])):g} steps from whole ones; leave "
            "the padding out, or give all channels one offset"
        )
    steps = pad / entering.scale - float(entering.shift[0])
    off = ROUNDINGS * max(abs(pad), float(np.abs(entering.floats).max())) / entering.scale
    within = min(LOWEST, int(entering.table.min())) <= round(steps) <= max(HIGHEST, int(entering.table.max()))
    if abs(steps - round(steps)) > off or not within:
        advice = (
            "; give a mean for which that is whole, such as 33/255, pad with another value, or quantize the input "
            "behind the normalization"
        )
        raise node.refuse(
            f"pads with {pad:g}, which is {steps:g} among the input's integers {entering.table.min()}.."
            f"{entering.table.max()}, must be a whole number{advice if any(entering.shift) else ''}"
        )
    return round(steps)
