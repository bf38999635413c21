"""Compiled passes over channels-last activations: batch norm on a grid, plus a shortcut, and the sign of the sum.

Arrays are as in ``training.networks.kernels``; sums, shortcuts and their gradients are float32, because bfloat16 has
too few digits for them. An array that a call has no use for is a single number, and not looked at. ``grid`` is (3,):
how many steps make 1, the lowest and the highest step.
"""

from __future__ import annotations

import numpy as np

from training.networks.stored import Activations, Sums, Terms, compiled, load, rounded, sign


@compiled
def grid_sums(
    x: Activations,
    scale: Terms,
    offset: Terms,
    grid: Terms,
    shortcut: Activations,
    adds: bool,
    shift: Terms,
    signs: bool,
    total: Activations,
    y: Activations,
) -> None:
    """``total`` = x * scale + offset on the grid, plus the shortcut; ``y`` = sign(total - shift)."""
    images, height, width, channels = x.shape
    factor, lowest, highest = grid[0], grid[1], grid[2]
    step = np.float32(1.0) / factor
    for i in range(images):
        for row in range(height):
            for column in range(width):
                for c in range(channels):
                    z = load(x[i, row, column, c]) * scale[c] + offset[c]
                    steps = np.floor(z * factor + np.float32(0.5))
                    total[i, row, column, c] = min(max(steps, lowest), highest) * step
                if adds:
                    for c in range(channels):
                        total[i, row, column, c] += shortcut[i, row, column, c]
                if signs:
                    for c in range(channels):
                        fires = total[i, row, column, c] - shift[c] >= np.float32(0.0)
                        y[i, row, column, c] = sign(y[i, row, column, c], fires)


@compiled
def grid_gradients(
    x: Activations,
    mean: Terms,
    scale: Terms,
    offset: Terms,
    grid: Terms,
    total: Activations,
    dtotal: Activations,
    shift: Terms,
    signs: bool,
    dy: Activations,
    is_polynomial: bool,
    half_width: float,
    dshortcut: Activations,
    dz: Activations,
    sums: Sums,
) -> None:
    """Through sign and grid: ``dshortcut``, the gradient at the sum, and ``dz``, that at x * scale + offset.

    ``sums`` (3, c) is of dz, of dz (x - mean), and of the gradient at the sign's input. The sign's derivative is 1
    within +-``half_width`` of the shift, or 2 - 2|total - shift| / half_width where ``is_polynomial``; the grid's is 1
    where it does not saturate.
    """
    images, height, width, channels = x.shape
    factor, lowest, highest = grid[0], grid[1], grid[2]
    reach, steepness = np.float32(half_width), np.float32(2.0 / half_width)
    first, second = np.zeros(channels, np.float32), np.zeros(channels, np.float32)
    third = np.zeros(channels, np.float32)
    sums[:] = 0.0
    for i in range(images):
        for row in range(height):
            for column in range(width):
                if signs:
                    for c in range(channels):
                        distance = abs(total[i, row, column, c] - shift[c])
                        within = np.float32(1.0) if distance < reach else np.float32(0.0)
                        slope = np.float32(2.0) - steepness * distance if is_polynomial else np.float32(1.0)
                        gradient = load(dy[i, row, column, c]) * (slope * within)
                        third[c] += gradient
                        dshortcut[i, row, column, c] = dtotal[i, row, column, c] + gradient
                else:
                    for c in range(channels):
                        dshortcut[i, row, column, c] = dtotal[i, row, column, c]
                for c in range(channels):
                    value = load(x[i, row, column, c])
                    steps = np.floor((value * scale[c] + offset[c]) * factor + np.float32(0.5))
                    is_within = (steps >= lowest) & (steps <= highest)
                    gradient = dshortcut[i, row, column, c] if is_within else np.float32(0.0)
                    dz[i, row, column, c] = rounded(dz[i, row, column, c], gradient)
                    first[c] += gradient
                    second[c] += gradient * (value - mean[c])
            for c in range(channels):
                sums[0, c] += first[c]
                sums[1, c] += second[c]
                sums[2, c] += third[c]
                first[c] = 0.0
                second[c] = 0.0
                third[c] = 0.0
