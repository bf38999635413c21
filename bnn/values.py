"""What flows between the nodes of a network: bits, or integers of a known range. Shapes are (H, W, C), channel last."""

from __future__ import annotations

from dataclasses import dataclass

from bnn.errors import UserError

Shape = tuple[int, int, int]  # (H, W, C)

LARGEST = 2**31 - 2
"""Every integer of a network lies in -LARGEST..LARGEST, so that it, and one more than it, fits 32 bits."""


class NetworkError(UserError):
    """A network that contradicts itself: the message names the node, both quantities and the rule."""


@dataclass(frozen=True)
class Bits:
    """Bits: 1 means +1, 0 means -1."""

    shape: Shape

    def __str__(self) -> str:
        return f"bits {self.shape}"


@dataclass(frozen=True)
class Integers:
    """Integers.

    Attributes:
        shape: (H, W, C).
        lowest: no integer of the value is lower, in whatever channel.
        highest: none is higher.
    """

    shape: Shape
    lowest: int
    highest: int

    def __str__(self) -> str:
        return f"integers {self.shape} of {self.lowest}..{self.highest}"


Value = Bits | Integers


def bit_width(value: Value) -> int:
    """Bits that hold an element: 1 of bits; integers are two's complement where they can be negative, else unsigned."""
    if isinstance(value, Bits):
        return 1
    if value.lowest >= 0:
        return max(1, value.highest.bit_length())
    return 1 + max((-value.lowest - 1).bit_length(), value.highest.bit_length() if value.highest > 0 else 0)


def check_shape(shape: Shape, where: str) -> None:
    """NetworkError unless ``shape`` is (H, W, C) of positive sizes."""
    if len(shape) != 3 or any(size < 1 for size in shape):
        raise NetworkError(f"{where}: shape {shape} must be (H, W, C), each at least 1")


def integers(where: str, shape: Shape, lowest: int, highest: int) -> Integers:
    """The value of these bounds; NetworkError where they do not fit 32 bits."""
    if max(-lowest, highest) > LARGEST:
        raise NetworkError(f"{where}: integers reach {lowest}..{highest}, must stay within 32 bits ({LARGEST})")
    return Integers(shape, lowest, highest)
