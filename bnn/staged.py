"""A trained model as absorption sees it: matrices of +-1, and what becomes of each accumulator as a function.

Training describes its model so, and so does the importer of QONNX files; neither needs to know of the other. Floats
appear here only inside the functions: what absorption makes of them is integers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnn.nodes import Encode
from bnn.stage import Epilogue
from bnn.window import NO_PADDING, Padding


@dataclass(frozen=True, eq=False)
class Pool:
    """A max pool: window and step in (vertical, horizontal), padding at (top, left, bottom, right).

    ``name`` is what the integer network calls its layer, and the key of its bits in a trace.
    """

    name: str
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: Padding = NO_PADDING


@dataclass(frozen=True, eq=False)
class Stage:
    """One matrix of weights, and the model's own float32 arithmetic from its accumulator to the next matrix.

    Attributes:
        name: what errors, traces and reports call the layer.
        weights: (mh, c, h, w) for a dense layer on an image of shape (h, w, c), (mh, mw) for one on a vector,
            (mh, c_in, kh, kw) for a convolution: -1 or +1, in PyTorch's order.
        is_convolution: whether ``weights`` slide over the image.
        stride: (vertical, horizontal); (1, 1) for a dense layer.
        padding: (top, left, bottom, right).
        pad_value: what a padded position reads as: -1 or +1 for binary input, an integer otherwise.
        pool_before: a max pool between the accumulator and the epilogue.
        epilogue: (n, mh) float32 accumulators to (n, mh) float32 values, computed with exactly the operations that
            the model itself applies (scale, bias, batch norm, activation, shift, sign). The accumulator is the
            bipolar dot product, 2 P - mw, for binary input. Hidden layers give -1 or +1; the last gives logits.
            It must act on each channel alone and on each row alone.
        pool_after: a max pool between the epilogue and the next matrix.
    """

    name: str
    weights: NDArray[np.float32]
    epilogue: Epilogue
    is_convolution: bool = False
    stride: tuple[int, int] = (1, 1)
    padding: Padding = NO_PADDING
    pad_value: int = 0
    pool_before: Pool | None = None
    pool_after: Pool | None = None


@dataclass(frozen=True, eq=False)
class StagedModel:
    """The whole model: what a pixel becomes, then every stage in order; the last stage gives the logits."""

    input: Encode
    stages: tuple[Stage, ...]
