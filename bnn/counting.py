"""Which values of a network count, as popcounts do, and how to read such a count as the sum that a model has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from bnn.network import Network
from bnn.nodes import Add, Concatenate, Matrix, MaxPool, PadChannels, SumPool
from bnn.values import Bits


def count_widths(network: Network) -> dict[str, int]:
    """By value that counts x, the width w with which 2 x - w is the sum of -1 and +1 that x stands for.

    A popcount x of mw bits stands for the bipolar dot product 2 x - mw. Maxima and sums of counts count as well; what
    joins a count and other integers does not.
    """
    widths: dict[str, int] = {}
    for node in network.nodes:
        if isinstance(node, Matrix) and isinstance(network.values[node.inputs[0]], Bits):
            widths[node.name] = node.mw
        if not node.inputs or not all(name in widths for name in node.inputs):
            continue
        entering = [widths[name] for name in node.inputs]
        if isinstance(node, Add):
            widths[node.name] = sum(entering)
        elif isinstance(node, SumPool):
            widths[node.name] = entering[0] * node.kernel[0] * node.kernel[1]
        elif isinstance(node, MaxPool | PadChannels) or (isinstance(node, Concatenate) and len(set(entering)) == 1):
            widths[node.name] = entering[0]
    return widths


def counted(network: Network, traced: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """A model's own values, by the names that they have in the network, with the counts that the network has of sums.

    A sum y of ``w`` numbers of -1 and +1 becomes the count (y + w) / 2; whatever else is there stays as it is.
    """
    widths = count_widths(network)
    return {name: (values + widths[name]) // 2 if name in widths else values for name, values in traced.items()}
