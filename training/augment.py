"""Augmentation of whole batches: random shifts and horizontal flips, on whatever device the images are."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from bnn.errors import UserError


@dataclass(frozen=True)
class Augmentation:
    """How training images may move.

    Attributes:
        shift: by how many pixels at most, up, down, left or right; every distance is equally likely. It is the same
            as a random crop from an image padded by so many pixels.
        flip: mirror left and right, every second image on average.
        fill: the pixel value, 0..255, of what a shift uncovers.
    """

    shift: int = 0
    flip: bool = False
    fill: int = 0

    def __post_init__(self) -> None:
        if self.shift < 0:
            raise UserError(f"augmentation: shift ({self.shift}) must be at least 0 pixels")
        if not 0 <= self.fill <= 255:
            raise UserError(f"augmentation: fill ({self.fill}) must be a pixel value, 0..255")

    def verify(self, height: int, width: int) -> None:
        """UserError where a shift could move an image of that size out of sight."""
        if self.shift >= min(height, width):
            raise UserError(
                f"augmentation: shift ({self.shift}) must be smaller than the image's height and width "
                f"({height} x {width})"
            )

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """Moves of ``count`` images, (count, 3) int64: rows down, columns right, and 1 for a flip."""
        moves = torch.zeros((count, 3), dtype=torch.int64, device=generator.device)
        if self.shift:
            moves[:, :2] = torch.randint(
                -self.shift, self.shift + 1, (count, 2), generator=generator, device=generator.device
            )
        if self.flip:
            moves[:, 2] = torch.randint(0, 2, (count,), generator=generator, device=generator.device)
        return moves

    def apply(self, images: Tensor, moves: Tensor) -> Tensor:
        """Flip, then shift.

        Args:
            images: (n, C, H, W) pixel values, of any type.
            moves: (n, 3) as ``draw`` gives them, each shift at most ``shift``.

        Returns:
            (n, C, H, W) of the same type and on the same device.
        """
        if not self.shift and not self.flip:
            return images
        count, channels, height, width = images.shape
        moves = moves.to(images.device)
        padded = functional.pad(images, (self.shift,) * 4, value=self.fill)
        padded_width = width + 2 * self.shift
        # The pixel at row y of the result came from row y - down, which is row y - down + shift of the padded image.
        rows = torch.arange(height, device=images.device) + (self.shift - moves[:, 0:1])  # (n, H)
        columns = torch.arange(width, device=images.device) + (self.shift - moves[:, 1:2])  # (n, W)
        columns = torch.where(moves[:, 2:3] == 1, padded_width - 1 - columns, columns)
        positions = (rows[:, :, None] * padded_width + columns[:, None, :]).reshape(count, 1, height * width)
        taken = padded.reshape(count, channels, -1).gather(2, positions.expand(-1, channels, -1))
        return taken.reshape(images.shape)
