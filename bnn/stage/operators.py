"""Epilogues that can be written down: the very operations of a model, for files that others read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Operator:
    """One float32 operation on each number alone.

    Attributes:
        op: ONNX's name: Mul, Add, Sub, Relu, LeakyRelu or PRelu.
        role: what it does in the model, such as ``batchnorm_mul``.
        constant: its second operand, () or one a channel (C,); None where it has none.
        attributes: ONNX's, such as LeakyRelu's alpha.
    """

    op: str
    role: str
    constant: NDArray[np.float32] | None = None
    attributes: dict[str, float] = field(default_factory=dict)


@runtime_checkable
class Written(Protocol):
    """An epilogue that tells its operations.

    Attributes:
        operators: all of ``Logits``; of ``Sign`` those in front of the sign itself (x >= 0); of ``Quantize`` those in
            front of floor(x * 2^f + 0.5) / 2^f and its saturation; of ``AveragePool`` those between a window's sum
            and that rounding.
    """

    @property
    def operators(self) -> tuple[Operator, ...]:
        """See above."""

    def __call__(self, numbers: NDArray[np.float32], /) -> NDArray[np.float32]:
        """As ``Epilogue``."""
