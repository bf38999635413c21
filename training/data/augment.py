"""Augmentation of whole batches: random shifts, flips, turns and zooms, on whatever device the images are."""

from __future__ import annotations

import math
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
        rotate: by how many degrees at most, either way, about the middle; every angle is equally likely.
        zoom: by which share at most, larger or smaller; every factor in 1 - zoom..1 + zoom is equally likely.
    """

    shift: int = 0
    flip: bool = False
    fill: int = 0
    rotate: float = 0.0
    zoom: float = 0.0

    def __post_init__(self) -> None:
        if self.shift < 0:
            raise UserError(f"augmentation: shift ({self.shift}) must be at least 0 pixels")
        if not 0 <= self.fill <= 255:
            raise UserError(f"augmentation: fill ({self.fill}) must be a pixel value, 0..255")
        if not 0.0 <= self.rotate <= 180.0:
            raise UserError(f"augmentation: rotate ({self.rotate}) must be 0..180 degrees")
        if not 0.0 <= self.zoom < 1.0:
            raise UserError(f"augmentation: zoom ({self.zoom}) must be at least 0 and below 1")

    def verify(self, height: int, width: int) -> None:
        """UserError where a shift could move an image of that size out of sight."""
        if self.shift >= min(height, width):
            raise UserError(
                f"augmentation: shift ({self.shift}) must be smaller than the image's height and width "
                f"({height} x {width})"
            )

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """Moves of ``count`` images, (count, 3) int64: rows down, columns right, and 1 for a flip.

        Where images turn or zoom, (count, 5) float64: the same, then the angle in radians, counterclockwise as
        seen, and the factor.
        """
        moves = torch.zeros((count, 3), dtype=torch.int64, device=generator.device)
        if self.shift:
            moves[:, :2] = torch.randint(
                -self.shift, self.shift + 1, (count, 2), generator=generator, device=generator.device
            )
        if self.flip:
            moves[:, 2] = torch.randint(0, 2, (count,), generator=generator, device=generator.device)
        if not self._is_resampled:
            return moves
        drawn = torch.rand((count, 2), generator=generator, device=generator.device, dtype=torch.float64) * 2.0 - 1.0
        ranges = torch.tensor([math.radians(self.rotate), self.zoom], dtype=torch.float64, device=generator.device)
        middle = torch.tensor([0.0, 1.0], dtype=torch.float64, device=generator.device)
        return torch.cat([moves.double(), drawn * ranges + middle], dim=1)

    def apply(self, images: Tensor, moves: Tensor) -> Tensor:
        """Flip, turn and zoom about the middle, then shift.

        Turned and zoomed pixels are interpolated between their four neighbours and rounded.

        Args:
            images: (n, C, H, W) pixel values, of any type.
            moves: as ``draw`` gives them, each shift at most ``shift``.

        Returns:
            (n, C, H, W) of the same type and on the same device.
        """
        if self._is_resampled:
            return self._resampled(images, moves.to(images.device))
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

    @property
    def _is_resampled(self) -> bool:
        return bool(self.rotate or self.zoom)

    def _resampled(self, images: Tensor, moves: Tensor) -> Tensor:
        """Each pixel of the result from where it was: undo the shift, the turn and zoom, then the flip."""
        count, _, height, width = images.shape
        down, right, flip, angle, zoom = moves.unbind(1)
        cosine, sine = torch.cos(angle) / zoom, torch.sin(angle) / zoom
        # Rows point down, so that (x, y) turned back by the angle is (x cos - y sin, x sin + y cos).
        # grid_sample measures in halves of the width and height, from the middle.
        from_x = [cosine, -sine * height / width, (sine * down - cosine * right) * 2.0 / width]
        from_y = [sine * width / height, cosine, (-sine * right - cosine * down) * 2.0 / height]
        rows = torch.stack([torch.stack(from_x, 1) * (1.0 - 2.0 * flip)[:, None], torch.stack(from_y, 1)], 1)
        grid = functional.affine_grid(rows.float(), [count, 1, height, width], align_corners=False)
        sampled = functional.grid_sample(images.float() - self.fill, grid, align_corners=False)
        return (sampled + self.fill).round_().to(images.dtype)
