"""The model's signs as thresholds of the network, whichever way each channel turns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bnn.chain import ACCUMULATOR
from bnn.nodes import Grid, MaxPool, Threshold
from bnn.stage import MaxPool as ModelMaxPool
from bnn.stage import Sign
from onnx_export.absorption.comparator import Turns, find_turns
from onnx_export.absorption.made import Builder, Made
from onnx_export.absorption.reach import AbsorptionError
from onnx_export.absorption.readers import Readers


class Signs:
    """Makes thresholds. A channel that falls (its output goes from +1 to -1) is turned round in one of three ways.

    - Its matrix's row is negated (row_flip), where nobody else sees that matrix's sums and no max pool stands between:
      that is done by then, and the source says so.
    - Its bit means the opposite, where only matrices read it: they negate its column.
    - Its integer is negated in front of the threshold, by a grid node of M = -1.
    """

    def __init__(self, readers: Readers, builder: Builder) -> None:
        """Start with nothing found."""
        self._readers = readers
        self._builder = builder
        self._turns: dict[str, Turns] = {}

    def turns(self, sign: Sign, source: Made) -> Turns:
        """Where each channel of a sign turns, whose integers are what ``source`` can be."""
        if sign.name not in self._turns:
            pool = self._readers.moved_pool(sign)
            self._turns[sign.name] = find_turns(_layer(sign, pool), sign.epilogue, source.integers)
        return self._turns[sign.name]

    def make(self, sign: Sign, source: Made) -> Made:
        """The threshold of a sign, and behind it the max pool that the model has in front of it.

        Args:
            sign: of the model.
            source: what it reads, or what the max pool reads.

        Raises:
            AbsorptionError: an epilogue that one threshold cannot compute, or that falls between two max pools behind a
                matrix.
        """
        pool = self._readers.moved_pool(sign)
        turns = self.turns(sign, source)
        waiting = turns.falling & ~source.inverted
        inverted = np.zeros(len(waiting), bool)
        if waiting.any():
            blocking = self._readers.pool_of_bits(sign.name)
            if blocking is None:
                inverted = waiting
            else:
                if pool is not None:
                    self._refuse_between(sign, pool, blocking, int(np.argmax(waiting)))
                    source, pool = self._pooled(pool, source), None
                source = self._negated(sign, source, waiting)
        thresholds = _thresholds(source, turns).astype(np.int32)
        if pool is None:
            self._builder.add(Threshold(sign.name, (source.name,), thresholds), inverted)
        else:
            bits = Threshold(self._builder.unique(_layer(sign, pool)), (source.name,), thresholds)
            window = {"kernel": pool.kernel, "stride": pool.stride}
            self._builder.add(bits)
            self._builder.add(MaxPool(sign.name, (bits.name,), **window, padding=pool.padding), inverted)
        return Made(sign.name, inverted)

    def _refuse_between(self, sign: Sign, pool: ModelMaxPool, blocking: ModelMaxPool, channel: int) -> None:
        """A matrix between max pools is a layer of a chain, which has bits alone between its matrices."""
        if self._readers.is_matrix(pool.inputs[0]):
            raise AbsorptionError(
                f"layer {_layer(sign, pool)} channel {channel}: falls between max pools {sign.name} and "
                f"{blocking.name}, so the second would be a minimum of bits; keep one of the two"
            )

    def _pooled(self, pool: ModelMaxPool, source: Made) -> Made:
        """The max pool where the model has it, in front of the threshold."""
        node = MaxPool(pool.name, (source.name,), kernel=pool.kernel, stride=pool.stride, padding=pool.padding)
        return Made(self._builder.add(node), source.inverted, source.reach, source.width)

    def _negated(self, sign: Sign, source: Made, channels: NDArray[np.bool_]) -> Made:
        reach = source.integers
        lowest, highest = source.counted(reach.lowest), source.counted(reach.highest)
        width = source.width or 0  # of a popcount: mw - P matches are not there
        lowest, highest = np.where(channels, width - highest, lowest), np.where(channels, width - lowest, highest)
        negation = Grid(
            self._builder.unique(f"{sign.name}.negated"),
            (source.name,),
            multipliers=np.where(channels, -1, 1),
            offsets=np.where(channels, width, 0),
            shift=0,
            lowest=int(lowest.min()),
            highest=int(highest.max()),
        )
        return Made(self._builder.add(negation, channels), channels, reach, source.width)


def _layer(sign: Sign, pool: ModelMaxPool | None) -> str:
    """What errors call the layer, and the network its bits in front of the max pool."""
    if pool is None:
        return sign.name
    source = pool.inputs[0]
    return source.removesuffix(ACCUMULATOR) if source.endswith(ACCUMULATOR) else f"{sign.name}.threshold"


def _thresholds(source: Made, turns: Turns) -> NDArray[np.int64]:
    """(C,) first integer of the network at which each bit is 1.

    With v the model's integer at which a falling channel turns to -1, it is +1 up to v - step: as a negative, from
    -(v - step) on.
    """
    reach = source.integers
    turning = reach.lowest + reach.step * turns.index
    never = reach.highest + source.spacing
    rising = np.where(turns.index < reach.counts, turning, never)
    return source.counted(np.where(source.inverted, reach.step - turning, rising))
