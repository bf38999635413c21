"""Compiled passes over channels-last activations: batch norm, sign and max pool together, forward and backward.

Arrays of activations are (n, h, w, c), float32, or bfloat16 as uint16 with the same bits. All arithmetic is in float32;
sums are float32 over one row of an image, and float64 beyond, so that statistics do not suffer from bfloat16.
``training.networks.fused`` hands these to PyTorch's autograd, and the plain layers are what they are tested against.
"""

from __future__ import annotations

import numpy as np

from training.networks.stored import Activations, Sums, Terms, compiled, load, rounded, sign


@compiled
def channel_moments(x: Activations, mean: Sums, variance: Sums) -> None:
    """Each channel's mean and biased variance over all that is in ``x``, into (c,) arrays."""
    images, height, width, channels = x.shape
    pivot = np.empty(channels, np.float32)  # near the mean, so that the squares do not cancel
    first, second = np.zeros(channels, np.float32), np.zeros(channels, np.float32)
    for c in range(channels):
        pivot[c] = load(x[0, 0, 0, c])
        mean[c] = 0.0
        variance[c] = 0.0
    for i in range(images):
        for row in range(height):
            for column in range(width):
                for c in range(channels):
                    value = load(x[i, row, column, c]) - pivot[c]
                    first[c] += value
                    second[c] += value * value
            for c in range(channels):
                mean[c] += first[c]
                variance[c] += second[c]
                first[c] = 0.0
                second[c] = 0.0
    count = images * height * width
    for c in range(channels):
        mean[c] /= count
        variance[c] = max(variance[c] / count - mean[c] * mean[c], 0.0)
        mean[c] += pivot[c]


@compiled
def normalized_signs(
    x: Activations, scale: Terms, offset: Terms, vertical: int, horizontal: int, y: Activations
) -> None:
    """``y`` = the maximum over windows of vertical x horizontal, side by side, of sign(x * scale + offset)."""
    images, height, width, channels = y.shape
    for i in range(images):
        for row in range(height):
            for column in range(width):
                for a in range(vertical):
                    for b in range(horizontal):
                        top, left = row * vertical + a, column * horizontal + b
                        if a + b == 0:
                            for c in range(channels):
                                fires = load(x[i, top, left, c]) * scale[c] + offset[c] >= np.float32(0.0)
                                y[i, row, column, c] = sign(y[i, row, column, c], fires)
                        else:
                            for c in range(channels):
                                before = y[i, row, column, c]
                                fires = load(x[i, top, left, c]) * scale[c] + offset[c] >= np.float32(0.0)
                                y[i, row, column, c] = sign(before, True) if fires else before


@compiled
def sign_gradients(
    x: Activations,
    dy: Activations,
    mean: Terms,
    scale: Terms,
    offset: Terms,
    is_polynomial: bool,
    half_width: float,
    vertical: int,
    horizontal: int,
    dz: Activations,
    sums: Sums,
) -> None:
    """Through pool and sign: ``dz``, the gradient at x * scale + offset, and ``sums`` (2, c) of dz and dz (x - mean).

    A window's gradient goes to its first +1, or to its first value where none fires, as PyTorch's max pool does it.
    The sign's derivative is 1 within +-``half_width``, or 2 - 2|z| / half_width where ``is_polynomial``.
    """
    reach, steepness = np.float32(half_width), np.float32(2.0 / half_width)
    images, height, width, channels = dy.shape
    owner = np.zeros(channels, np.int32)
    first, second = np.zeros(channels, np.float32), np.zeros(channels, np.float32)
    sums[:] = 0.0
    for i in range(images):
        for row in range(height):
            for column in range(width):
                if vertical * horizontal > 1:
                    owner[:] = 0
                    for place in range(vertical * horizontal - 1, -1, -1):
                        top, left = row * vertical + place // horizontal, column * horizontal + place % horizontal
                        for c in range(channels):
                            fires = load(x[i, top, left, c]) * scale[c] + offset[c] >= np.float32(0.0)
                            owner[c] = np.int32(place) if fires else owner[c]
                for place in range(vertical * horizontal):
                    top, left = row * vertical + place // horizontal, column * horizontal + place % horizontal
                    for c in range(channels):
                        value = load(x[i, top, left, c])
                        distance = abs(value * scale[c] + offset[c])
                        within = np.float32(1.0) if distance < reach else np.float32(0.0)
                        slope = np.float32(2.0) - steepness * distance if is_polynomial else np.float32(1.0)
                        arriving = load(dy[i, row, column, c]) if owner[c] == place else np.float32(0.0)
                        gradient = arriving * (slope * within)
                        dz[i, top, left, c] = rounded(dz[i, top, left, c], gradient)
                        first[c] += gradient
                        second[c] += gradient * (value - mean[c])
            for c in range(channels):
                sums[0, c] += first[c]
                sums[1, c] += second[c]
                first[c] = 0.0
                second[c] = 0.0


@compiled
def norm_gradients(x: Activations, dz: Activations, mean: Terms, scale: Terms, level: Terms, tilt: Terms) -> None:
    """Through the batch norm, in place: ``dz`` becomes scale * (dz - level - (x - mean) * tilt)."""
    images, height, width, channels = x.shape
    for i in range(images):
        for row in range(height):
            for column in range(width):
                for c in range(channels):
                    away = load(x[i, row, column, c]) - mean[c]
                    gradient = scale[c] * (load(dz[i, row, column, c]) - level[c] - away * tilt[c])
                    dz[i, row, column, c] = rounded(dz[i, row, column, c], gradient)
