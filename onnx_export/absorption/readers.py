"""Who reads a value of the model, and what that allows: rows to negate, pools to move, bits to invert."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from bnn.stage import Concatenate, Matrix, MaxPool, ModelGraph, ModelNode, PadChannels, Sign


@dataclass(frozen=True, eq=False)
class Readers:
    """The readers of every value of a model."""

    model: ModelGraph

    @cached_property
    def _by_value(self) -> dict[str, list[ModelNode]]:
        readers: dict[str, list[ModelNode]] = {name: [] for name in self.model.values}
        for node in self.model.steps:
            for name in node.inputs:
                readers[name].append(node)
        return readers

    @cached_property
    def _makers(self) -> dict[str, ModelNode]:
        return {node.name: node for node in self.model.steps}

    def of(self, name: str) -> list[ModelNode]:
        """The nodes that read a value, one that reads it twice twice."""
        return self._by_value[name]

    def only(self, name: str) -> ModelNode | None:
        """The one node that reads it, None where there are several."""
        readers = self._by_value[name]
        return readers[0] if len(readers) == 1 else None

    def is_matrix(self, name: str) -> bool:
        """The value is that of a matrix."""
        return isinstance(self._makers.get(name), Matrix)

    def moved_pool(self, sign: Sign) -> MaxPool | None:
        """The max pool in front of a sign that nobody else reads: it may as well pool the bits.

        The maximum reaches a threshold where any of the integers does, so the bit of the maximum is the OR of the bits.
        """
        pool = self._makers.get(sign.inputs[0])
        return pool if isinstance(pool, MaxPool) and self.only(pool.name) is sign else None

    def pool_of_bits(self, name: str) -> MaxPool | None:
        """A max pool that bits come to, through concatenations too; None where all that read them are matrices.

        A matrix can take inverted bits: it negates their columns. A max pool cannot, it would be a minimum.
        """
        for reader in self._by_value[name]:
            if isinstance(reader, MaxPool):
                return reader
            if isinstance(reader, Concatenate | PadChannels):
                pool = self.pool_of_bits(reader.name)
                if pool is not None:
                    return pool
        return None
