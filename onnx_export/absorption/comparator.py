"""Where a channel's output turns: the one integer that becomes its threshold, found at every reachable accumulator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnn.stage import Epilogue
from onnx_export.absorption.reach import AbsorptionError, Reach

ELEMENTS_AT_ONCE = 2**20  # accumulators in one call of an epilogue: bounds the memory, few calls


@dataclass(frozen=True, eq=False)
class Turns:
    """What each channel's epilogue does from its lowest to its highest accumulator.

    Attributes:
        index: (mh,) int64, number of the first accumulator from which on the output is the other one: +1 for a
            rising channel (0: always +1; ``reach.counts``: never), -1 for a falling one.
        falling: (mh,) bool, the output goes from +1 to -1.
    """

    index: NDArray[np.int64]
    falling: NDArray[np.bool_]


def find_turns(name: str, epilogue: Epilogue, reach: Reach) -> Turns:
    """Evaluate an epilogue at every reachable accumulator of every channel, in bounded memory.

    Raises:
        AbsorptionError: an output that is not -1 or +1, or turns more than once.
    """
    rows = max(1, ELEMENTS_AT_ONCE // reach.channels)
    turned_at = np.full(reach.channels, -1, np.int64)
    first = last = np.empty(0, bool)
    for start in range(0, reach.count, rows):
        accumulators = reach.accumulators(start, min(start + rows, reach.count))
        outputs = evaluate(epilogue, accumulators)
        plus = outputs > 0
        wrong = np.abs(outputs) != 1  # true for NaN
        if wrong.any():
            row, channel = np.argwhere(wrong)[0]
            raise AbsorptionError(
                f"layer {name} channel {channel}: gives {outputs[row, channel]} at "
                f"{reach.place(start + int(row), int(channel))}, a hidden layer must give -1 or +1"
            )
        if start == 0:
            first = last = plus[0]
        changed = plus != np.concatenate([last[None], plus[:-1]])
        if changed.any():
            _note_turns(name, reach, start, changed, turned_at, first)
        last = plus[-1]
    turns = turned_at >= 0
    return Turns(np.where(turns, turned_at, np.where(first, 0, reach.counts)), turns & first)


def evaluate(epilogue: Epilogue, accumulators: NDArray[np.float32]) -> NDArray[np.float32]:
    """The epilogue's (n, mh) answer to (n, mh) accumulators."""
    outputs = epilogue(accumulators)
    assert outputs.dtype == np.float32
    assert outputs.shape == accumulators.shape, (outputs.shape, accumulators.shape)
    return outputs


def _note_turns(
    name: str,
    reach: Reach,
    start: int,
    changed: NDArray[np.bool_],
    turned_at: NDArray[np.int64],
    first: NDArray[np.bool_],
) -> None:
    for row, channel in np.argwhere(changed):
        index = start + int(row)
        if turned_at[channel] >= 0:
            away, back = ("-1", "+1") if first[channel] else ("+1", "-1")
            raise AbsorptionError(
                f"layer {name} channel {channel}: not monotonic, the output turns to {away} at "
                f"{reach.place(int(turned_at[channel]), int(channel))} and back to {back} at "
                f"{reach.at(index, int(channel))}; one threshold cannot compute that, use a monotonic activation"
            )
        turned_at[channel] = index
