"""The model's matrices as the network's: rows negated of channels that fall, columns of inputs that are inverted."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn.encoding import pack_bits
from bnn.nodes import Conv, Dense, Node
from bnn.stage import Matrix
from bnn.values import Shape
from bnn.window import NO_PADDING
from onnx_export.absorption.made import Made
from onnx_export.absorption.reach import Reach


def matrix_reach(node: Matrix, shape: Shape, source: Made) -> Reach:
    """What the model's matrix can sum up to, padding included."""
    if source.reach is None:
        width = np.full(node.mh, node.mw, np.int64)
        return Reach(-width, width, 2)
    reach = source.reach
    lowest, highest, step = reach.lowest, reach.highest, reach.step
    if node.padding != NO_PADDING:
        step = int(np.gcd.reduce([step, *(node.pad_value - lowest)]))
        lowest, highest = np.minimum(lowest, node.pad_value), np.maximum(highest, node.pad_value)
    rows = _by_channel(node, shape)
    plus, minus = ((rows == sign).sum(axis=1, dtype=np.int64) for sign in (1, -1))  # (mh, c)
    low, high = _of_group(node, lowest), _of_group(node, highest)
    return Reach(
        (plus * low - minus * high).sum(axis=1),
        (plus * high - minus * low).sum(axis=1),
        max(1, step),
        reach.fraction_bits,
    )


def network_matrix(node: Matrix, shape: Shape, source: Made, flipped: NDArray[np.bool_]) -> Node:
    """The network's node.

    w x = (-w)(-x), so negating a column together with its input leaves every product, hence the sum and all that was
    found about it, as it was. Padding reads as if it were input, so its bit is negated along.

    Args:
        node: of the model.
        shape: (H, W, C) of its input.
        source: its input.
        flipped: (mh,) rows to negate.
    """
    columns = np.where(_of_group(node, source.inverted), -1, 1)[:, None, :]  # (mh, 1, c)
    rows = _by_channel(node, shape) * columns * np.where(flipped, -1, 1)[:, None, None]
    words = pack_bits(rows.reshape(node.mh, -1) > 0)
    if not node.is_convolution:
        return Dense(node.name, (source.name,), words, node.mw)
    return Conv(
        node.name,
        (source.name,),
        words,
        node.mw,
        kernel=node.kernel,
        stride=node.stride,
        padding=node.padding,
        pad_values=_pad_values(node, source),
        groups=node.groups,
    )


def _by_channel(node: Matrix, shape: Shape) -> NDArray[np.int8]:
    """(mh, positions, channels of the row's group) of -1 and +1."""
    return node.rows(shape).reshape(node.mh, -1, shape[2] // node.groups)


def _of_group(node: Matrix, channels: NDArray[Any]) -> NDArray[Any]:
    """(mh, channels of a group): of (C,) entries those that each row's group sees."""
    return np.repeat(channels.reshape(node.groups, -1), node.mh // node.groups, axis=0)


def _pad_values(node: Matrix, source: Made) -> NDArray[np.int32]:
    if node.padding == NO_PADDING:
        return np.zeros(len(source.inverted), np.int32)
    if source.reach is not None:
        return np.full(len(source.inverted), node.pad_value, np.int32)
    return ((node.pad_value > 0) ^ source.inverted).astype(np.int32)
