"""Numbers as compiled passes find them in memory: float32, or bfloat16 as uint16 with the same bits."""

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


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """The function, compiled once for each combination of types and kept on disk."""
    # x * scale + offset may become one operation; nothing else about floats is relaxed, so results are reproducible
    return cast(Callable[P, R], njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})(function))


def _overloads(stub: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return cast(Callable[[Callable[..., Any]], Callable[..., Any]], overload(stub, strict=False))


def load(value: Any) -> Any:
    """A stored number as float32."""


def rounded(like: Any, value: Any) -> Any:
    """A float32 as ``like`` is stored, to the nearest, ties to even."""


def sign(like: Any, fires: Any) -> Any:
    """+1 where it fires, else -1, as ``like`` is stored."""


@_overloads(load)
def _load_kind(value: Any) -> Any:
    if value == types.uint16:
        return lambda value: np.uint32(np.uint32(value) << np.uint32(16)).view(np.float32)
    return lambda value: value


@_overloads(rounded)
def _rounded_kind(like: Any, value: Any) -> Any:
    if like == types.uint16:

        def to_bfloat16(like: Any, value: Any) -> Any:
            bits = np.float32(value).view(np.uint32)
            return np.uint16((bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16))

        return to_bfloat16
    return lambda like, value: np.float32(value)


@_overloads(sign)
def _sign_kind(like: Any, fires: Any) -> Any:
    if like == types.uint16:
        return lambda like, fires: np.uint16(_ONE) if fires else np.uint16(_MINUS_ONE)
    return lambda like, fires: np.float32(1.0) if fires else np.float32(-1.0)
