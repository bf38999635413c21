"""Where two rungs part: the first node, frame, position and channel at which they differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn.errors import UserError
from flow.ladder.compare import dense_ranks
from flow.ladder.rungs import Rung, Trace

TRACE_BATCH = 64


@dataclass(frozen=True)
class Difference:
    """The first place at which two rungs differ.

    Attributes:
        node: its name.
        frame, y, x, channel: the first differing element; for the last node the channel is the class.
        values: what either rung has there: bits, integers, or of logits the rank of the class.
        differing: elements of this node's value and frame that differ, and how many there are.
        channels: the channels of this value and frame that differ.
    """

    node: str
    frame: int
    y: int
    x: int
    channel: int
    values: tuple[int, int]
    differing: tuple[int, int]
    channels: tuple[int, ...]

    def __str__(self) -> str:
        shown = ", ".join(map(str, self.channels[:8])) + (", ..." if len(self.channels) > 8 else "")
        return (
            f"node {self.node}, frame {self.frame}, y {self.y}, x {self.x}, channel {self.channel}: "
            f"{self.values[0]} and {self.values[1]}; {self.differing[0]} of {self.differing[1]} elements differ, "
            f"in channels {shown}"
        )


def first_difference(one: Trace, other: Trace, first_frame: int = 0) -> Difference | None:
    """Compare two traces node by node, in the order of the first; None where they agree on all that both have.

    Bits and integers are compared as they are; logits by their order, because they and integer scores agree in nothing
    else.
    """
    common = [name for name in one if name in other]
    if not common:
        raise UserError("diff: the two rungs have no node in common")
    last = list(one)[-1]
    for name in common:
        ours, theirs = one[name], other[name]
        if name == last:
            if ours.dtype.kind == "f" or theirs.dtype.kind == "f":
                ours, theirs = dense_ranks(ours), dense_ranks(theirs)
            ours, theirs = ours[:, None, None, :], theirs[:, None, None, :]
        if ours.shape != theirs.shape:
            raise UserError(f"node {name}: shapes {ours.shape[1:]} and {theirs.shape[1:]} must be equal")
        difference = _locate(name, ours, theirs, first_frame)
        if difference:
            return difference
    return None


def _locate(name: str, ours: NDArray[Any], theirs: NDArray[Any], first_frame: int) -> Difference | None:
    where = ours != theirs
    if not where.any():
        return None
    frame, y, x, channel = (int(index) for index in np.argwhere(where)[0])
    return Difference(
        name,
        first_frame + frame,
        y,
        x,
        channel,
        (int(ours[frame, y, x, channel]), int(theirs[frame, y, x, channel])),
        (int(where[frame].sum()), int(where[frame].size)),
        tuple(int(index) for index in np.flatnonzero(where[frame].any(axis=(0, 1)))),
    )


def diff_rungs(one: Rung, other: Rung, images: NDArray[np.uint8], first_frame: int = 0) -> Difference | None:
    """The first difference of two rungs on (n, H, W, C) images: of the earliest frames that differ, in batches."""
    for start in range(0, len(images), TRACE_BATCH):
        batch = images[start : start + TRACE_BATCH]
        difference = first_difference(one.trace(batch), other.trace(batch), first_frame + start)
        if difference:
            return difference
    return None
