"""Weights, thresholds and score tables as ``$readmemh`` files: one word a line, in the order in which they are used."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bnn import MatrixLayer
from bnn.folding import LoopOrder
from hw.units.units import Matrix, ScoreMap


def hex_words(bits: NDArray[np.uint8]) -> str:
    """Bits (words, width), bit 0 lowest, as one hexadecimal number a line."""
    octets = np.packbits(bits, axis=1, bitorder="little")[:, ::-1]
    digits = -(-bits.shape[1] // 4)
    return "".join(row.tobytes().hex()[-digits:] + "\n" for row in np.ascontiguousarray(octets))


def field_bits(values: NDArray[np.int64], width: int) -> NDArray[np.uint8]:
    """Integers (words, fields) as bits (words, fields * width), two's complement, field 0 lowest."""
    bits = (values[:, :, None] >> np.arange(width)) & 1  # (words, fields, width)
    return bits.reshape(len(values), -1).astype(np.uint8)


def weight_words(layer: MatrixLayer, unit: Matrix) -> NDArray[np.uint8]:
    """(SF * NF, PE * SIMD) bits: bit pe * SIMD + s is the weight of output nf * PE + pe for input sf * SIMD + s."""
    pe, simd = unit.output.lanes, unit.input.lanes
    folded = layer.weight_bits.reshape(unit.neuron_fold, pe, unit.synapse_fold, simd)
    order = (0, 2, 1, 3) if unit.order is LoopOrder.REPLAY else (2, 0, 1, 3)
    return np.ascontiguousarray(folded.transpose(order)).reshape(-1, pe * simd)


def start_words(layer: MatrixLayer, unit: Matrix, value_range: tuple[int, int] | None) -> NDArray[np.uint8]:
    """(NF, PE * ACC_W) bits: what each accumulator starts from.

    Minus its threshold, so that the comparison is with 0; before a score table minus its lowest sum, so that it ends
    as the table's index. The unit for integers sums ~x where the weight is -1, and -x = ~x + 1: those ones are here.
    """
    start = np.zeros(layer.mh, np.int64)
    if layer.thresholds is not None:
        start -= layer.thresholds
    elif layer.score_table is not None:
        start -= layer.accumulator_range(value_range)[0]
    if value_range is not None:
        start += layer.mw - layer.weight_bits.sum(axis=1, dtype=np.int64)
    return field_bits(start.reshape(unit.neuron_fold, unit.output.lanes), unit.accumulator_bits)


def score_words(layer: MatrixLayer, unit: ScoreMap) -> NDArray[np.uint8]:
    """(NF * ENTRIES, PE * SCORE_W) bits: word nf * ENTRIES + a holds the scores of accumulator a."""
    assert layer.score_table is not None
    table = layer.score_table.astype(np.int64).reshape(unit.input.beats, unit.input.lanes, unit.entries)
    return field_bits(table.transpose(0, 2, 1).reshape(-1, unit.input.lanes), unit.output.bits)
