"""A dense layer's matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from bnn.encoding import pack_bits
from bnn.nodes.matrix import Matrix
from bnn.values import NetworkError, Shape


@dataclass(frozen=True, eq=False)
class Dense(Matrix):
    """Every output sees every input, flattened over (y, x, c)."""

    kind: ClassVar[str] = "dense"
    needs: ClassVar[str] = "bits or integers of mw elements"
    gives: ClassVar[str] = "integers (1, 1, mh): 0..mw of bits, else between the rows' lowest and highest sum"
    meaning: ClassVar[str] = "of bits the popcount P of xnor(x, w); of integers the sum of +x where w is 1, else -x"

    @classmethod
    def from_bits(cls, name: str, source: str, weight_bits: NDArray[np.generic]) -> Dense:
        """Build from (mh, mw) bits instead of packed words, reading the value ``source``."""
        return cls(name, (source,), pack_bits(weight_bits), int(weight_bits.shape[1]))

    def output_shape(self, input_shape: Shape) -> Shape:
        """(1, 1, mh); NetworkError where the input does not have mw elements."""
        check_inputs(self.where, self.mw, input_shape)
        return (1, 1, self.mh)


def check_inputs(where: str, mw: int, input_shape: Shape) -> None:
    """NetworkError where the input does not have ``mw`` elements."""
    elements = int(np.prod(input_shape))
    if elements != mw:
        raise NetworkError(f"{where}: mw ({mw}) must be the number of inputs, {input_shape} has {elements}")
