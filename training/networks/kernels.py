"""Compiled passes over channels-last activations: batch norm, sign and max pool together, forward and backward.

Arrays of activations are (n, h, w, c), float32, or bfloat16 as uint16 with the same bits. All arithmetic is in float32;
sums are float32 over one row of an image, and float64 beyond, so that statistics do not suffer from bfloat16.
``training.networks.fused`` hands these to PyTorch's autograd, and the plain layers are what they are tested against.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numpy as np
from numba import njit, types
from numba.extending import overload
from numpy.typing import NDArray

P = ParamSpec("P")
R = TypeVar("R")
Activations = NDArray[np.float32] | NDArray[np.uint16]
Terms = NDArray[np.float32]
Sums = NDArray[np.float64]

_ONE, _MINUS_ONE = 0x3F80, 0xBF80  # +1 and -1 in bfloat16


def _compiled(function: Callable[P, R]) -> Callable[P, R]:
    # x * scale + offset may become one operation; nothing else about floats is relaxed, so results are reproducible
    return cast(Callable[P, R], njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})(function))


def _overloads(stub: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return cast(Callable[[Callable[..., Any]], Callable[..., Any]], overload(stub, strict=False))


def _load(value: Any) -> Any:
    """A stored number as float32."""


def _rounded(like: Any, value: Any) -> Any:
    """A float32 as ``like`` is stored, to the nearest, ties to even."""


def _sign(like: Any, fires: Any) -> Any:
    """+1 where it fires, else -1, as ``like`` is stored."""


@_overloads(_load)
def _load_kind(value: Any) -> Any:
    if value == types.uint16:
        return lambda value: np.uint32(np.uint32(value) << np.uint32(16)).view(np.float32)
    return lambda value: value


@_overloads(_rounded)
def _rounded_kind(like: Any, value: Any) -> Any:
    if like == types.uint16:

        def to_bfloat16(like: Any, value: Any) -> Any:
            bits = np.float32(value).view(np.uint32)
            return np.uint16((bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16))

        return to_bfloat16
    return lambda like, value: np.float32(value)


@_overloads(_sign)
def _sign_kind(like: Any, fires: Any) -> Any:
    if like == types.uint16:
        return lambda like, fires: np.uint16(_ONE) if fires else np.uint16(_MINUS_ONE)
    return lambda like, fires: np.float32(1.0) if fires else np.float32(-1.0)


@_compiled
def channel_moments(x: Activations, mean: Sums, variance: Sums) -> None:
    """Each channel's mean and biased variance over all that is in ``x``, into (c,) arrays."""
    images, height, width, channels = x.shape
    pivot = np.empty(channels, np.float32)  # near the mean, so that the squares do not cancel
    first, second = np.zeros(channels, np.float32), np.zeros(channels, np.float32)
    for c in range(channels):
        pivot[c] = _load(x[0, 0, 0, c])
        mean[c] = 0.0
        variance[c] = 0.0
    for i in range(images):
        for row in range(height):
            for column in range(width):
                for c in range(channels):
                    value = _load(x[i, row, column, c]) - pivot[c]
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


@_compiled
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
                                fires = _load(x[i, top, left, c]) * scale[c] + offset[c] >= np.float32(0.0)
                                y[i, row, column, c] = _sign(y[i, row, column, c], fires)
                        else:
                            for c in range(channels):
                                before = y[i, row, column, c]
                                fires = _load(x[i, top, left, c]) * scale[c] + offset[c] >= np.float32(0.0)
                                y[i, row, column, c] = _sign(before, True) if fires else before


@_compiled
def sign_gradients(
    x: Activations,
    dy: Activations,
    mean: Terms,
    scale: Terms,
    offset: Terms,
    is_polynomial: bool,
    vertical: int,
    horizontal: int,
    dz: Activations,
    sums: Sums,
) -> None:
    """Through pool and sign: ``dz``, the gradient at x * scale + offset, and ``sums`` (2, c) of dz and dz (x - mean).

    A window's gradient goes to its first +1, or to its first value where none fires, as PyTorch's max pool does it.
    The sign's derivative is 1 within +-1, or 2 - 2|z| where ``is_polynomial``.
    """
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
                            fires = _load(x[i, top, left, c]) * scale[c] + offset[c] >= np.float32(0.0)
                            owner[c] = np.int32(place) if fires else owner[c]
                for place in range(vertical * horizontal):
                    top, left = row * vertical + place // horizontal, column * horizontal + place % horizontal
                    for c in range(channels):
                        value = _load(x[i, top, left, c])
                        distance = abs(value * scale[c] + offset[c])
                        within = np.float32(1.0) if distance < np.float32(1.0) else np.float32(0.0)
                        slope = np.float32(2.0) - np.float32(2.0) * distance if is_polynomial else np.float32(1.0)
                        arriving = _load(dy[i, row, column, c]) if owner[c] == place else np.float32(0.0)
                        gradient = arriving * (slope * within)
                        dz[i, top, left, c] = _rounded(dz[i, top, left, c], gradient)
                        first[c] += gradient
                        second[c] += gradient * (value - mean[c])
            for c in range(channels):
                sums[0, c] += first[c]
                sums[1, c] += second[c]
                first[c] = 0.0
                second[c] = 0.0


@_compiled
def norm_gradients(x: Activations, dz: Activations, mean: Terms, scale: Terms, level: Terms, tilt: Terms) -> None:
    """Through the batch norm, in place: ``dz`` becomes scale * (dz - level - (x - mean) * tilt)."""
    images, height, width, channels = x.shape
    for i in range(images):
        for row in range(height):
            for column in range(width):
                for c in range(channels):
                    away = _load(x[i, row, column, c]) - mean[c]
                    gradient = scale[c] * (_load(dz[i, row, column, c]) - level[c] - away * tilt[c])
                    dz[i, row, column, c] = _rounded(dz[i, row, column, c], gradient)
