"""The integer network computed with NumPy: short, and the answer that every other backend must give.

Only integers and bits are used. A value is freed after the last node that reads it, and all arrays together stay below
``MEMORY_LIMIT_BYTES`` for batches of ``Reference.frames_per_batch`` frames.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn import Bits, Network, Value
from bnn.nodes import Matrix, Node
from hw.simulator.meaning import BLOCK_BYTES, compute, compute_source

MEMORY_LIMIT_BYTES = 64 * 2**20
INTEGER_BYTES = 4


@dataclass(frozen=True, eq=False)
class Reference:
    """A network that NumPy computes."""

    network: Network

    @cached_property
    def frames_per_batch(self) -> int:
        """Frames whose arrays together stay below ``MEMORY_LIMIT_BYTES``, at least 1."""
        values, last_readers = self.network.values, self.network.last_readers
        frame_bytes = 1
        alive: dict[str, int] = {}
        for number, node in enumerate(self.network.nodes):
            alive[node.name] = _bytes(values[node.name])
            frame_bytes = max(frame_bytes, sum(alive.values()) + self._temporary_bytes(node))
            alive = {name: size for name, size in alive.items() if last_readers.get(name, number) > number}
        return max(1, (MEMORY_LIMIT_BYTES - 2 * BLOCK_BYTES) // frame_bytes)

    def _temporary_bytes(self, node: Node) -> int:
        """What computing a node takes beside its inputs and its value."""
        values = self.network.values
        padded = sum(_bytes(values[name]) for name in node.inputs)
        if not isinstance(node, Matrix):
            return padded + 2 * _bytes(values[node.name]) + 16 * prod(values[node.name].shape)
        rows = prod(values[node.name].shape[:2])
        # The windows, their bit planes one after the other, packed; the accumulators and counts.
        is_binary = isinstance(values[node.inputs[0]], Bits)
        return padded + rows * node.mw * (2 if is_binary else 17) + rows * node.mh * (5 if is_binary else 6)

    def scores(self, images: NDArray[np.uint8], out: NDArray[np.int32] | None = None) -> NDArray[np.int32]:
        """As ``Engine.scores``; n at most ``frames_per_batch`` where memory matters."""
        last = self.network.output.name
        scores: NDArray[np.int32] = self.trace(images, (last,))[last]
        if out is None:
            return scores
        out[...] = scores
        return out

    def trace(self, images: NDArray[np.uint8], names: Collection[str]) -> dict[str, NDArray[Any]]:
        """The values of these names, as ``hw.simulator.trace`` gives them."""
        return {node.name: array for node, array in walk(self.network, images) if node.name in names}


def walk(network: Network, images: NDArray[np.uint8]) -> Iterator[tuple[Node, NDArray[Any]]]:
    """Every node in turn with its value for images (n, H, W, C).

    Yields:
        The node, and its value (n, H, W, C): bits are uint8, integers int32; the scores are (n, classes).
    """
    alive: dict[str, NDArray[Any]] = {}
    for number, node in enumerate(network.nodes):
        if node is network.input:
            result = compute_source(network.input, images)
        else:
            entering = network.values[node.inputs[0]]
            result = compute(node, entering, *(alive[name] for name in node.inputs))
        for name in set(node.inputs):
            if network.last_readers[name] == number:
                del alive[name]
        if node is network.output:
            result = result.reshape(len(images), network.classes)
        alive[node.name] = result
        yield node, result


def _bytes(value: Value) -> int:
    return prod(value.shape) * (1 if isinstance(value, Bits) else INTEGER_BYTES)
