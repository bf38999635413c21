"""More channels of one constant: a shortcut into a wider block without any weights."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from bnn.nodes.node import Node
from bnn.values import Bits, NetworkError, Value, integers


@dataclass(frozen=True, eq=False)
class PadChannels(Node):
    """Channels of a constant before and after the input's own.

    Attributes:
        before: channels in front, at least 0.
        after: channels behind, at least 0; one of the two at least 1.
        value: what every added element is: a bit where the input has bits, else an integer.
    """

    kind: ClassVar[str] = "pad_channels"
    needs: ClassVar[str] = "bits (value 0 or 1) or integers"
    gives: ClassVar[str] = "the same kind, (H, W, before + C + after); integers' bounds include value"
    meaning: ClassVar[str] = "the input's channels between added ones of value"

    before: int = field(kw_only=True)
    after: int = field(kw_only=True)
    value: int = field(kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.before, self.after) < 0 or self.before + self.after < 1:
            raise NetworkError(
                f"{self.where}: before ({self.before}) and after ({self.after}) must be at least 0, together at least 1"
            )

    def output(self, *values: Value) -> Value:
        """As ``Node.output``."""
        value = values[0]
        shape = (*value.shape[:2], self.before + value.shape[2] + self.after)
        if isinstance(value, Bits):
            if self.value not in {0, 1}:
                raise NetworkError(f"{self.where}: value ({self.value}) must be 0 or 1, its input has {value}")
            return Bits(shape)
        return integers(self.where, shape, min(value.lowest, self.value), max(value.highest, self.value))
