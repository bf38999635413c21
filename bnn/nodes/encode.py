"""Pixels to bits or integers by a table: how most networks begin."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from bnn.arrays import frozen
from bnn.nodes.node import Node
from bnn.values import Bits, Integers, NetworkError, Shape, Value, check_shape


@dataclass(frozen=True, eq=False)
class Encode(Node):
    """What an 8-bit pixel becomes before the first matrix: a bit, or an integer of at most 9 bits.

    Attributes:
        shape: (H, W, C) of the uint8 images.
        table: (256,) int16; entry p is what pixel value p becomes. Bits 0 and 1 when ``binary``. Where the channels
            differ, (C, 256), one row a channel; rows that are all alike are kept as one.
        binary: the entries are bits (meaning -1 and +1), not integers.
    """

    kind: ClassVar[str] = "encode"
    arity: ClassVar[int | None] = 0
    needs: ClassVar[str] = "nothing: images (H, W, C) of 8-bit pixels"
    gives: ClassVar[str] = "bits, or integers of the table's lowest..highest, (H, W, C)"
    meaning: ClassVar[str] = "table[pixel], or table[channel, pixel]"

    name: str = field(default="input", kw_only=True)
    inputs: tuple[str, ...] = field(default=(), init=False)
    shape: Shape
    table: NDArray[np.int16]
    binary: bool

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "table", frozen(self.table, np.int16, f"{self.name}: table"))
        check_shape(self.shape, self.name)
        if self.table.shape not in {(256,), (self.shape[2], 256)}:
            raise NetworkError(
                f"{self.name}: table has shape {self.table.shape}, must be (256,), one entry a pixel value, "
                f"or ({self.shape[2]}, 256), such a row a channel"
            )
        if self.table.ndim == 2 and (self.table == self.table[0]).all():  # one function has one hash
            object.__setattr__(self, "table", self.table[0])
        if self.binary and not np.isin(self.table, (0, 1)).all():
            raise NetworkError(f"{self.name}: a binary table may hold 0 and 1 only")
        if not self.binary and (self.table.min() < -256 or self.table.max() > 255):
            raise NetworkError(f"{self.name}: table entries must lie in -256..255")

    @classmethod
    def threshold(cls, shape: Shape, pixel: int) -> Encode:
        """Binary input: bit = pixel value >= ``pixel`` (0..256)."""
        return cls(shape, (np.arange(256) >= pixel).astype(np.int16), binary=True)

    @classmethod
    def pixels(cls, shape: Shape) -> Encode:
        """Integer input: the pixel values 0..255 themselves."""
        return cls(shape, np.arange(256, dtype=np.int16), binary=False)

    @property
    def per_channel(self) -> bool:
        """The channels differ: the table has a row for each."""
        return self.table.ndim == 2

    def encode(self, images: NDArray[np.uint8]) -> NDArray[np.int16]:
        """What (n, H, W, C) pixels become, of the same shape."""
        encoded: NDArray[np.int16] = (
            self.table[np.arange(self.shape[2]), images] if self.per_channel else self.table[images]
        )
        return encoded

    def shared_table(self, what: str) -> NDArray[np.int16]:
        """The (256,) table of all channels; NetworkError where they differ.

        Args:
            what: that reads it and holds one table only, for the message.
        """
        if self.per_channel:
            channel = int((self.table != self.table[0]).any(axis=1).argmax())
            raise NetworkError(
                f"{self.name}: channels 0 and {channel} have tables of their own, {what} has one for all channels; "
                "train with the same mean and std for all channels"
            )
        return self.table

    @property
    def range(self) -> tuple[int, int]:
        """Lowest and highest value that the table can give."""
        return int(self.table.min()), int(self.table.max())

    def output(self, *values: Value) -> Value:
        """As ``Node.output``."""
        return Bits(self.shape) if self.binary else Integers(self.shape, *self.range)
