"""Where the model's float32 arithmetic stands: everything between a sum and the next bits, grid or logits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from bnn.stage.model_node import Epilogue, ModelNode
from bnn.stage.model_values import Floats, ModelValue, OnGrid
from bnn.values import Bits, NetworkError


@dataclass(frozen=True, eq=False)
class Sign(ModelNode):
    """Numbers to bits: scale, bias, batch norm, activation, threshold shift and the sign itself.

    Attributes:
        epilogue: gives -1 or +1 for the numbers of its input.
    """

    kind: ClassVar[str] = "sign"

    epilogue: Epilogue

    def output(self, *values: ModelValue) -> Bits:
        """As ``ModelNode.output``."""
        return Bits(self.on_grid(values[0]).shape)


@dataclass(frozen=True, eq=False)
class Quantize(ModelNode):
    """Numbers onto a grid of their own: scale, bias, batch norm, then rounded to multiples of 2^-f and saturated.

    Attributes:
        epilogue: gives multiples of 2^-fraction_bits, saturated already, for the numbers of its input.
        fraction_bits: f, at least 0.
        lowest: the lowest integer that it can give; the number is lowest * 2^-f.
        highest: the highest.
    """

    kind: ClassVar[str] = "quantize"

    epilogue: Epilogue
    fraction_bits: int = field(kw_only=True)
    lowest: int = field(kw_only=True)
    highest: int = field(kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.fraction_bits < 0:
            raise NetworkError(f"{self.where}: fraction_bits ({self.fraction_bits}) must be at least 0")
        if self.lowest > self.highest:
            raise NetworkError(f"{self.where}: lowest ({self.lowest}) must not be above highest ({self.highest})")

    def output(self, *values: ModelValue) -> OnGrid:
        """As ``ModelNode.output``."""
        shape = self.on_grid(values[0]).shape
        return self.exact(shape, self.lowest, self.highest, self.fraction_bits)


@dataclass(frozen=True, eq=False)
class Logits(ModelNode):
    """The last node: what the model does from numbers to logits, whose order alone counts.

    Attributes:
        epilogue: gives float32 logits for the numbers of its input.
    """

    kind: ClassVar[str] = "logits"

    epilogue: Epilogue

    def output(self, *values: ModelValue) -> Floats:
        """As ``ModelNode.output``."""
        value = self.on_grid(values[0])
        if value.shape[:2] != (1, 1):
            raise NetworkError(f"{self.where}: needs a 1 x 1 input, this one has {value.shape}")
        return Floats(value.shape)
