"""Pixels to several bits each: how networks of bits alone read more than one bit of a pixel."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from bnn.arrays import frozen
from bnn.nodes.node import Node
from bnn.values import Bits, NetworkError, Shape, Value, check_shape


@dataclass(frozen=True, eq=False)
class Thermometer(Node):
    """An 8-bit pixel becomes n bits; bit k says whether the pixel reaches threshold k.

    Attributes:
        shape: (H, W, C) of the uint8 images.
        thresholds: (n,) int16 in 0..256, for all channels; or (C, n), where they differ. Rows that are all alike are
            kept as one.
    """

    kind: ClassVar[str] = "thermometer"
    arity: ClassVar[int | None] = 0
    needs: ClassVar[str] = "nothing: images (H, W, C) of 8-bit pixels"
    gives: ClassVar[str] = "bits, (H, W, C n); channel c n + k is bit k of pixel channel c"
    meaning: ClassVar[str] = "pixel >= thresholds[k], or pixel >= thresholds[channel, k]"

    name: str = field(default="input", kw_only=True)
    inputs: tuple[str, ...] = field(default=(), init=False)
    shape: Shape
    thresholds: NDArray[np.int16]

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "thresholds", frozen(self.thresholds, np.int16, f"{self.name}: thresholds"))
        check_shape(self.shape, self.name)
        channels, found = self.shape[2], self.thresholds.shape
        if len(found) not in {1, 2} or found[-1] < 1 or (len(found) == 2 and found[0] != channels):
            raise NetworkError(
                f"{self.name}: thresholds have shape {found}, must be (n,), or ({channels}, n), such a row a channel"
            )
        if self.thresholds.min() < 0 or self.thresholds.max() > 256:
            raise NetworkError(f"{self.name}: thresholds must lie in 0..256")
        if self.thresholds.ndim == 2 and (self.thresholds == self.thresholds[0]).all():  # one function has one hash
            object.__setattr__(self, "thresholds", self.thresholds[0])

    @property
    def levels(self) -> int:
        """Bits a pixel, n."""
        return int(self.thresholds.shape[-1])

    def encode(self, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The bits (n, H, W, C levels) of (n, H, W, C) pixels."""
        reached = images[..., None] >= self.thresholds  # (n, H, W, C, levels)
        return reached.astype(np.uint8).reshape(*images.shape[:3], self.shape[2] * self.levels)

    def output(self, *values: Value) -> Value:
        """As ``Node.output``."""
        return Bits((*self.shape[:2], self.shape[2] * self.levels))
