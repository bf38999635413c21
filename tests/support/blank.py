"""Layers whose bits are all 0, for tests of folding and cycles, which see sizes alone."""

import numpy as np

from bnn import ConvLayer, DenseLayer


def dense(name: str, mw: int, mh: int, last: bool = False) -> DenseLayer:
    """A dense layer; ``last`` leaves out its thresholds."""
    return DenseLayer.from_bits(name, np.zeros((mh, mw), np.uint8), None if last else np.zeros(mh, np.int32))


def conv(name: str, c_in: int, mh: int) -> ConvLayer:
    """A convolution of 3 x 3 without padding."""
    bits = dense(name, 9 * c_in, mh)
    return ConvLayer(name, bits.weights, 9 * c_in, bits.thresholds, kernel=(3, 3), pad_values=np.zeros(c_in, np.int16))
