"""Every kind of node that a network can have: one file a kind, and this one table of them."""

from bnn.nodes.add import Add
from bnn.nodes.concatenate import Concatenate
from bnn.nodes.conv import Conv
from bnn.nodes.dense import Dense
from bnn.nodes.encode import Encode
from bnn.nodes.grid import Grid
from bnn.nodes.matrix import Matrix
from bnn.nodes.max_pool import MaxPool
from bnn.nodes.node import Node
from bnn.nodes.pad_channels import PadChannels
from bnn.nodes.scores import Scores
from bnn.nodes.sum_pool import SumPool
from bnn.nodes.thermometer import Thermometer
from bnn.nodes.threshold import Threshold

Source = Encode | Thermometer

KINDS: dict[str, type[Node]] = {
    kind.kind: kind
    for kind in (
        Encode,
        Thermometer,
        Dense,
        Conv,
        Threshold,
        Grid,
        Add,
        MaxPool,
        SumPool,
        Concatenate,
        PadChannels,
        Scores,
    )
}
"""What a network may be made of, by the kind's name in the network file."""

__all__ = [
    "KINDS",
    "Add",
    "Concatenate",
    "Conv",
    "Dense",
    "Encode",
    "Grid",
    "Matrix",
    "MaxPool",
    "Node",
    "PadChannels",
    "Scores",
    "Source",
    "SumPool",
    "Thermometer",
    "Threshold",
]
