"""The integer network: the one contract that training, export and hardware share. NumPy only.

See ``bnn.network`` for the description of a network, ``bnn.nodes`` for what it can be made of, ``bnn.chain`` for the
layers that hardware makes of one, and ``bnn.serialize`` for its file.
"""

from bnn.chain import Chain, as_chain
from bnn.classes import classes_of
from bnn.encoding import BITS_PER_WORD
from bnn.errors import UserError
from bnn.layers import ConvLayer, DenseLayer, Layer, MatrixLayer, MaxPoolLayer
from bnn.network import Network, Notes
from bnn.nodes import Encode
from bnn.serialize import NetworkFileError, load_network, save_network
from bnn.values import Bits, Integers, NetworkError, Shape, Value
from bnn.window import Padding

__all__ = [
    "BITS_PER_WORD",
    "Bits",
    "Chain",
    "ConvLayer",
    "DenseLayer",
    "Encode",
    "Integers",
    "Layer",
    "MatrixLayer",
    "MaxPoolLayer",
    "Network",
    "NetworkError",
    "NetworkFileError",
    "Notes",
    "Padding",
    "Shape",
    "UserError",
    "Value",
    "as_chain",
    "classes_of",
    "load_network",
    "save_network",
]
