"""Which integers of a network count equal bits: a count P of w stands for the model's sum of -1 and +1, 2 P - w."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from bnn.network import Network
from bnn.nodes import Add, Concatenate, Matrix, MaxPool, PadChannels, SumPool
from bnn.values import Bits


def count_widths(network: Network) -> dict[str, int]:
    """By value that counts the most that it can count: mw behind a matrix of bits, the sum of those that are added."""
    widths: dict[str, int] = {}
    for node in network.nodes:
        found = [widths.get(name) for name in node.inputs]
        known = [width for width in found if width is not None]
        if isinstance(node, Matrix) and isinstance(network.values[node.inputs[0]], Bits):
            widths[node.name] = node.mw
        elif not known or len(known) < len(found):
            continue
        elif isinstance(node, Add):
            widths[node.name] = sum(known)
        elif isinstance(node, SumPool):
            widths[node.name] = known[0] * node.kernel[0] * node.kernel[1]
        elif isinstance(node, MaxPool | Concatenate | PadChannels) and len(set(known)) == 1:
            widths[node.name] = known[0]
    return widths


def as_counted(network: Network, sums: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Of a trained model's integers by value, sums of -1 and +1 as the network counts them; all others as they are."""
    widths = count_widths(network)
    return {name: (values + widths[name]) // 2 if name in widths else values for name, values in sums.items()}
