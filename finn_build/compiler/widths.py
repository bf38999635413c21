"""The integer types of FINN's matrix units: wide enough for every value that an accumulator can reach.

FINN sizes an XNOR unit's accumulator by its +1 weights alone, as if the unit added +-1 for the inputs that are 1; but
it counts matches, up to mw (docs/upstream/finn-accumulator.md). So its minimization is switched off, and every unit
gets its types from here, as node attributes in the file that FINN takes the folding from. FINN and finn-plus both set
any attribute that stands there, and neither needs a step of ours in its container.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnn import Chain, MatrixLayer
from finn_build.compiler.nodes import Compiler, Role, finn_nodes, gives_labels

BYTE = 8  # FINN's output DMA takes whole bytes


@dataclass(frozen=True, eq=False)
class Accumulator:
    """What the accumulators of one matrix layer can reach.

    Attributes:
        layer: its name.
        low: lowest over all channels.
        high: highest over all channels; mw where popcounts are counted.
        thresholds: (mh,), None after the last layer.
    """

    layer: str
    low: int
    high: int
    thresholds: NDArray[np.int32] | None


def accumulators(form: Chain) -> tuple[Accumulator, ...]:
    """Every matrix layer's, in order, of a network that ``finn_form`` gave."""
    found = []
    for layer, _, value_range in form.walk():
        if isinstance(layer, MatrixLayer):
            low, high = layer.accumulator_range(value_range)
            found.append(Accumulator(layer.name, int(low.min()), int(high.max()), layer.thresholds))
    return tuple(found)


def integer_type(low: int, high: int, multiple: int = 1) -> str:
    """FINN's name of the narrowest integer type that holds low..high, its bits rounded up to a multiple.

    For 0..mw that is ceil(log2(mw + 1)) bits without a sign.
    """
    if low >= 0:
        sign, bits = "U", max(high.bit_length(), 1)
    else:
        sign, bits = "", 1 + max((-low - 1).bit_length(), high.bit_length())
    return f"{sign}INT{-(-bits // multiple) * multiple}"


def type_attributes(form: Chain, compiler: Compiler) -> dict[str, dict[str, str]]:
    """Node name to the types that it must have, for every matrix unit and the label unit.

    Args:
        form: what ``finn_form`` gave.
        compiler: whose FINN. The original keeps thresholds in the accumulator's type, so that type must hold them too.
            It also does not carry a changed type on to the tensor behind it: its last accumulators stay at 32 bits
            where they are the answer, because its driver reads the width there.
    """
    reached = {accumulator.layer: accumulator for accumulator in accumulators(form)}
    attributes: dict[str, dict[str, str]] = {}
    last = ""
    for node in finn_nodes(form, compiler):
        if node.role is Role.LABEL:
            attributes[node.name] = {"inputDataType": last}
        if node.role is not Role.MATRIX:
            continue
        accumulator = reached[node.layer]
        low, high = accumulator.low, accumulator.high
        if accumulator.thresholds is None:
            last = integer_type(low, high, 1 if gives_labels(form) else BYTE)
            attributes[node.name] = {"accDataType": last}
            if gives_labels(form) or compiler is Compiler.FINN_PLUS:
                attributes[node.name]["outputDataType"] = last
            continue
        if compiler is Compiler.FINN:
            low, high = min(low, int(accumulator.thresholds.min())), max(high, int(accumulator.thresholds.max()))
        attributes[node.name] = {"accDataType": integer_type(low, high)}
    return attributes
