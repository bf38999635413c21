"""What flows in a trained model. Shapes are (H, W, C), channel last, whatever the model's own layout is."""

from __future__ import annotations

from dataclasses import dataclass

from bnn.values import Bits, Shape


@dataclass(frozen=True)
class OnGrid:
    """Numbers ``integer * 2^-fraction_bits``, each exact in float32.

    Attributes:
        shape: (H, W, C).
        lowest: the lowest integer (not number) that an element can be.
        highest: the highest.
        fraction_bits: f, at least 0.
    """

    shape: Shape
    lowest: int
    highest: int
    fraction_bits: int

    def __str__(self) -> str:
        grid = f" on a grid of 2^-{self.fraction_bits}" if self.fraction_bits else ""
        return f"integers {self.shape} of {self.lowest}..{self.highest}{grid}"


@dataclass(frozen=True)
class Floats:
    """Any float32 numbers: the logits, and nothing else."""

    shape: Shape


ModelValue = Bits | OnGrid | Floats
