"""What a pixel value is as a file's input: x = (pixel * scale - mean) / std, as torchvision's Normalize has it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from bnn.errors import UserError

Number = str | float | Fraction
Numbers = Number | Sequence[Number]

UNIT_SCALE = Fraction(1, 255)  # the convention of training code: pixels from 0 to 1
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,2})?"
_FRACTION = re.compile(rf"({_NUMBER})(?:/({_NUMBER}))?")
LONGEST_TEXT = 60  # of one number


@dataclass(frozen=True)
class PixelMeaning:
    """x = (pixel * scale - mean) / std.

    Attributes:
        scale: above 0.
        mean: one number, or one a channel of the image.
        std: likewise, each above 0.
    """

    scale: Fraction
    mean: tuple[Fraction, ...] = (Fraction(0),)
    std: tuple[Fraction, ...] = (Fraction(1),)

    def __post_init__(self) -> None:
        for name, numbers in (("scale", (self.scale,)), ("std", self.std)):
            for number in numbers:
                if not 0 < np.float32(float(number)) < np.inf:
                    raise UserError(f"input {name} {float(number)}, must be a number above 0")
        if len(self.mean) > 1 and len(self.std) > 1 and len(self.mean) != len(self.std):
            raise UserError(
                f"input mean has {len(self.mean)} numbers and input std {len(self.std)}; give one, or one a channel"
            )

    @property
    def channels(self) -> int:
        """For how many channels it tells numbers; 1 where all channels have the same."""
        return max(len(self.mean), len(self.std))

    def values(self) -> NDArray[np.float32]:
        """(256, channels) x of each pixel value.

        In float32 as PyTorch computes it: the scaled pixel is rounded, then the difference, then the quotient.
        """
        exact = np.array([[float(pixel * self.scale)] for pixel in range(256)])
        values: NDArray[np.float32] = exact.astype(np.float32)
        if any(self.mean):
            values = np.subtract(values, np.array([float(number) for number in self.mean]).astype(np.float32))
        if any(number != 1 for number in self.std):
            values = np.divide(values, np.array([float(number) for number in self.std]).astype(np.float32))
        return values

    def lines(self) -> tuple[tuple[Fraction, ...], tuple[Fraction, ...]]:
        """Slope and offset of every channel, exact: x = slope * pixel + offset."""
        pairs = [
            (self.mean[channel % len(self.mean)], self.std[channel % len(self.std)]) for channel in range(self.channels)
        ]
        return tuple(self.scale / std for _, std in pairs), tuple(-mean / std for mean, std in pairs)


def parse_numbers(name: str, given: Numbers) -> tuple[Fraction, ...]:
    """Numbers as exact fractions.

    Args:
        name: of the quantity, for the message.
        given: a number; text such as ``0.1307``, ``1/255`` or, for several, ``0.49,0.48,0.45``; or a sequence of such.

    Raises:
        UserError: something else.
    """
    if isinstance(given, str):
        return tuple(_parse(name, part.strip()) for part in given.split(","))
    if isinstance(given, float | int | Fraction):
        given = [given]
    if not given:
        raise UserError(f"input {name}: no number given")
    return tuple(_parse(name, number) for number in given)


def parse_number(name: str, given: Number) -> Fraction:
    """One number, as ``parse_numbers`` reads it."""
    numbers = parse_numbers(name, given)
    if len(numbers) != 1:
        raise UserError(f"input {name} {given}: {len(numbers)} numbers, must be one for all channels")
    return numbers[0]


def _parse(name: str, given: Number) -> Fraction:
    if not isinstance(given, str):
        if not np.isfinite(float(given)):
            raise UserError(f"input {name} {given}, must be a number{' above 0' if name != 'mean' else ''}")
        return Fraction(given)
    matched = _FRACTION.fullmatch(given) if len(given) <= LONGEST_TEXT else None
    if matched is None or (matched[2] is not None and not Fraction(matched[2])):
        raise UserError(
            f"input {name} {given[:LONGEST_TEXT]!r}: not a number; write it as 0.1307 or 1/255"
            + ("" if name == "scale" else ", with commas between the channels'")
        )
    return Fraction(matched[1]) / Fraction(matched[2] or 1)
