"""The model's rounding onto a grid as (M x + B) >> s: the table of integers, the search, the proof by enumeration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnn.nodes import Grid
from bnn.stage import Epilogue
from onnx_export.absorption.bounds import Int64s, Table
from onnx_export.absorption.comparator import ELEMENTS_AT_ONCE, evaluate
from onnx_export.absorption.grid_search import WIDE_MULTIPLIER_BITS, find_affine
from onnx_export.absorption.made import Made
from onnx_export.absorption.reach import AbsorptionError, Reach


@dataclass(frozen=True)
class Target:
    """What a grid node's integers are to the model: number * 2^fraction_bits, in lowest..highest."""

    fraction_bits: int
    lowest: int
    highest: int


def fit_grid(name: str, epilogue: Epilogue, source: Made, target: Target) -> tuple[Grid, Reach]:
    """The grid node that gives what the model's epilogue gives, for every integer that its input can be.

    It saturates at the lowest and the highest integer that any channel reaches, which may be closer together than the
    model's bounds: fewer bits to carry, and no other answer.

    Args:
        name: of the layer, and of the node.
        epilogue: of the model, from numbers to multiples of 2^-fraction_bits.
        source: what the epilogue takes.
        target: what it gives.

    Returns:
        The node, and what its value can be.

    Raises:
        AbsorptionError: NaN, what is off the grid or beyond its bounds, what rises and falls, or has no M, B and s.
    """
    reach = source.integers
    lowest, highest = _ends(name, epilogue, reach, target)
    low, high = int(lowest.min()), int(highest.max())
    table: Table | None = None
    for integers, values, reached in _chunks(name, epilogue, reach, target):
        part = Table.of(source.counted(integers), values, low, high, reached)
        table = part if table is None else table.joined(part)
    assert table is not None
    affine, in_the_way = find_affine(table)
    if affine is None:
        channel, others = int(in_the_way[0]), len(in_the_way) - 1
        raise AbsorptionError(
            f"layer {name} channel {channel}{f' and {others} more' if others else ''}: no integers M of "
            f"{WIDE_MULTIPLIER_BITS} bits, B and s give the values on the grid of 2^-{target.fraction_bits} as "
            "(M x + B) >> s; keep leaky ReLU, PReLU and the like out of what is put on the grid. Where it is a batch "
            "norm alone, float32's rounding has bent its line: take fewer fraction bits, or change its bias a little"
        )
    for integers, values, reached in _chunks(name, epilogue, reach, target):  # the proof
        assert ((affine.at(source.counted(integers), low, high) == values) | ~reached).all()
    node = Grid(
        name,
        (source.name,),
        multipliers=affine.multiplier,
        offsets=affine.offset,
        shift=affine.shift,
        lowest=low,
        highest=high,
    )
    return node, Reach(lowest, highest, 1, target.fraction_bits)


def _chunks(
    name: str, epilogue: Epilogue, reach: Reach, target: Target
) -> Iterator[tuple[Int64s, Int64s, NDArray[np.bool_]]]:
    """(n, C) integers of the model, rising, what becomes of them, and whether the channel has that many."""
    rows = max(1, ELEMENTS_AT_ONCE // reach.channels)
    for start in range(0, reach.count, rows):
        integers = reach.integers(start, min(start + rows, reach.count))
        given = evaluate(epilogue, reach.floats(integers))
        with np.errstate(over="ignore", invalid="ignore"):
            scaled = np.ldexp(given.astype(np.float64), target.fraction_bits)
        wrong = ~((scaled == np.rint(scaled)) & (scaled >= target.lowest) & (scaled <= target.highest))
        if wrong.any():
            row, channel = np.argwhere(wrong)[0]
            raise AbsorptionError(
                f"layer {name} channel {channel}: gives {given[row, channel]} at "
                f"{reach.place(start + int(row), int(channel))}, must be a multiple of 2^-{target.fraction_bits} of "
                f"{target.lowest}..{target.highest} such steps; round and saturate it in the model"
            )
        numbers = start + np.arange(len(integers))[:, None]
        yield integers, scaled.astype(np.int64), numbers < reach.counts


def _ends(name: str, epilogue: Epilogue, reach: Reach, target: Target) -> tuple[Int64s, Int64s]:
    """(C,) lowest and highest that each channel gives; AbsorptionError where one rises and falls."""
    lowest, highest = np.full(reach.channels, target.highest), np.full(reach.channels, target.lowest)
    rise, fall = np.full(reach.channels, -1), np.full(reach.channels, -1)  # number of the first integer that does so
    start, previous = 0, np.empty((0, reach.channels), np.int64)
    for _, values, _ in _chunks(name, epilogue, reach, target):  # past the end of a channel its last value stays
        lowest, highest = np.minimum(lowest, values.min(axis=0)), np.maximum(highest, values.max(axis=0))
        steps = np.diff(values, axis=0, prepend=previous if start else values[:1])
        for turned, first in ((steps > 0, rise), (steps < 0, fall)):
            new = (first < 0) & turned.any(axis=0)
            first[new] = start + turned.argmax(axis=0)[new]
        start, previous = start + len(values), values[-1:]
        both = (rise >= 0) & (fall >= 0)
        if both.any():
            channel = int(np.argmax(both))
            raise AbsorptionError(
                f"layer {name} channel {channel}: not monotonic, rises to {reach.place(int(rise[channel]), channel)} "
                f"and falls to {reach.place(int(fall[channel]), channel)}; (M x + B) >> s cannot compute that, use a "
                "batch norm alone in front of the grid"
            )
    return lowest, highest
