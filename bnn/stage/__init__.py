"""A trained model as absorption sees it: a graph of what happens to bits and to numbers on a grid.

Training describes its model so, and so does the importer of QONNX files; neither needs to know of the other. Floats
appear here only inside the functions (the epilogues): what absorption makes of them is integers.

A value of a model has a meaning: bits are -1 and +1; numbers on a grid are ``integer * 2^-fraction_bits``, exactly,
in the model's own float32 (0 fraction bits: integers, such as pixels and what a matrix sums up). A node's ``inputs``
are names of values, and its own name is that of the value that it makes; the integer network calls its nodes so too,
and comparisons of traces go by these names.

    ModelGraph((
        Encode.pixels((32, 32, 3)),                                          # named "input"
        Matrix("conv1.accumulator", ("input",), weights, is_convolution=True),
        Quantize("stem", ("conv1.accumulator",), norm, fraction_bits=6, lowest=-512, highest=511),
        Sign("bits", ("stem",), shifted_sign),
        Matrix("conv2.accumulator", ("bits",), weights, is_convolution=True, padding=(1, 1, 1, 1), pad_value=-1),
        Quantize("conv2", ("conv2.accumulator",), norm, fraction_bits=6, lowest=-512, highest=511),
        Add("sum", ("conv2", "stem")),
        ...
        Logits("fc", ("fc.accumulator",), affine),
    ))
"""

from bnn.nodes import Encode, Thermometer
from bnn.stage.chain import ChainLayer, Pool, chain_model
from bnn.stage.graph import ModelGraph
from bnn.stage.merging import Add, Concatenate, PadChannels
from bnn.stage.model_node import Epilogue, ModelNode
from bnn.stage.model_values import Floats, ModelValue, OnGrid
from bnn.stage.numbers import Logits, Quantize, Sign
from bnn.stage.pools import AveragePool, GlobalSum, MaxPool, SumPool
from bnn.stage.weights import Matrix

__all__ = [
    "Add",
    "AveragePool",
    "ChainLayer",
    "Concatenate",
    "Encode",
    "Epilogue",
    "Floats",
    "GlobalSum",
    "Logits",
    "Matrix",
    "MaxPool",
    "ModelGraph",
    "ModelNode",
    "ModelValue",
    "OnGrid",
    "PadChannels",
    "Pool",
    "Quantize",
    "Sign",
    "SumPool",
    "Thermometer",
    "chain_model",
]
