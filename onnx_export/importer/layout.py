"""Which element of an activation stands where in an ONNX tensor, however it was reshaped and transposed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn.values import Shape
from onnx_export.importer.graph import ImportRefusedError, Node
from onnx_export.importer.onnx_file import finite_size

MAX_ELEMENTS = 1 << 26  # of one activation


@dataclass(frozen=True, eq=False)
class Layout:
    """A tensor and the activation whose elements it holds.

    Attributes:
        shape: (H, W, C) of the activation.
        places: of the tensor's shape, a batch of 1 in front; the number of the element in the activation's (y, x, c).
    """

    shape: Shape
    places: NDArray[np.int64]

    @classmethod
    def nchw(cls, shape: Shape) -> Layout:
        """(1, C, H, W)."""
        return cls(shape, _numbered(shape).transpose(2, 0, 1)[None])

    @classmethod
    def nhwc(cls, shape: Shape) -> Layout:
        """(1, H, W, C)."""
        return cls(shape, _numbered(shape)[None])

    @classmethod
    def vector(cls, size: int, tensor_shape: tuple[int, ...]) -> Layout:
        """A vector in a tensor of that shape, all but its last size 1."""
        return cls((1, 1, size), np.arange(size).reshape(tensor_shape))

    @property
    def is_nchw(self) -> bool:
        """The tensor is the activation, channel first."""
        return np.array_equal(self.places, Layout.nchw(self.shape).places)

    @property
    def is_nhwc(self) -> bool:
        """The tensor is the activation, channel last."""
        return np.array_equal(self.places, Layout.nhwc(self.shape).places)

    def moved(self, node: Node, constants: list[NDArray[Any] | None]) -> Layout:
        """The layout behind a node that only moves elements; ``constants`` are its inputs but the first."""
        return Layout(self.shape, _move(node, self.places, constants))

    def per_channel(self, node: Node, constant: NDArray[Any]) -> NDArray[np.float32]:
        """A constant that broadcasts over the tensor, as one value (1,) or one value a channel (C,).

        Refused where it would enlarge the tensor, or differs between positions of one channel.
        """
        if constant.dtype != np.float32:
            raise node.refuse(f"a constant of type {constant.dtype}, must be float32")
        try:
            spread = np.broadcast_to(constant, self.places.shape)
        except ValueError:
            raise node.refuse(
                f"a constant of shape {constant.shape} does not broadcast over its input {self.places.shape}"
            ) from None
        if constant.size and np.all(constant == constant.reshape(-1)[0]):
            return constant.reshape(-1)[:1]
        channel = self.places % self.shape[2]
        values = np.empty(self.shape[2], np.float32)
        values[channel] = spread
        if not np.array_equal(values[channel], spread):
            raise node.refuse(f"a constant of shape {constant.shape} differs between positions of one channel")
        return values


def _numbered(shape: Shape) -> NDArray[np.int64]:
    if not finite_size(shape, MAX_ELEMENTS):
        raise ImportRefusedError(f"an activation of {' x '.join(map(str, shape))} values, may be {MAX_ELEMENTS:,}")
    return np.arange(int(np.prod(shape)), dtype=np.int64).reshape(shape)


MOVES = {"Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze"}


def _move(node: Node, places: NDArray[np.int64], constants: list[NDArray[Any] | None]) -> NDArray[np.int64]:
    try:
        match node.op:
            case "Transpose":
                return places.transpose(node.attributes.get("perm"))
            case "Flatten":
                axis = int(node.attributes.get("axis", 1)) % (places.ndim + 1)
                return places.reshape(int(np.prod(places.shape[:axis], dtype=np.int64)), -1)
            case "Reshape":
                return places.reshape(_target(node, places.shape, constants[0]))
        given = constants[0].tolist() if constants and constants[0] is not None else None
        axes = node.attributes.get("axes", given)
        if node.op == "Squeeze":
            return places.squeeze(None if axes is None else tuple(axes))
        return np.expand_dims(places, tuple(axes or ()))
    except (ValueError, TypeError, IndexError) as error:
        raise node.refuse(f"does not fit its input of shape {places.shape} ({error})") from error


def _target(node: Node, shape: tuple[int, ...], target: NDArray[Any] | None) -> tuple[int, ...]:
    if target is None:
        raise node.refuse("its shape is not a constant")
    keep_zero = bool(node.attributes.get("allowzero", 0))
    return tuple(
        shape[axis] if size == 0 and not keep_zero and axis < len(shape) else int(size)
        for axis, size in enumerate(target.tolist())
    )
