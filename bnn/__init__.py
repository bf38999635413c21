"""The integer network: the one contract that training, export and hardware share. NumPy only.

See ``bnn.network`` for the description of a network and ``bnn.serialize`` for its file.
"""

from bnn.classes import classes_of
from bnn.encoding import BITS_PER_WORD
from bnn.errors import UserError
from bnn.network import (
    ConvLayer,
    DenseLayer,
    InputEncoding,
    Layer,
    MatrixLayer,
    MaxPoolLayer,
    Network,
    NetworkError,
    Padding,
    Shape,
)
from bnn.serialize import NetworkFileError, load_network, save_network

__all__ = [
    "BITS_PER_WORD",
    "ConvLayer",
    "DenseLayer",
    "InputEncoding",
    "Layer",
    "MatrixLayer",
    "MaxPoolLayer",
    "Network",
    "NetworkError",
    "NetworkFileError",
    "Padding",
    "Shape",
    "UserError",
    "classes_of",
    "load_network",
    "save_network",
]
