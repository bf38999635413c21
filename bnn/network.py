"""The integer network: integers and bits only. All hardware is held to the answers that it defines.

Conventions, defined once, here:

- A network is a graph: nodes in the order in which they are computed, each making one value of the values that it
  reads. What each kind of node needs, gives and means stands in its own file in ``bnn.nodes``.
- Bit 1 is +1, bit 0 is -1. Element 0 is the least significant bit of a packed word.
- Values are (H, W, C), channel last; flattening runs over (y, x, c). A convolution's matrix width runs over
  (ky, kx, c_in).
- A matrix of bits counts P = popcount(xnor(x, w)) in 0..mw; one of integers sums acc = sum of +-x.
- A threshold's bit is ``x >= threshold``, one threshold a channel: `>=` everywhere.
- The last node gives integer scores; the predicted class is the highest score, ties go to the lower index.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn.arrays import frozen
from bnn.graph import check_graph
from bnn.nodes import Encode, Matrix, Node, Scores, Source, Thermometer
from bnn.values import NetworkError, Value

__all__ = ["Network", "NetworkError", "Notes"]


@dataclass(frozen=True, eq=False)
class Notes:
    """What only a comparison with the trained model needs to know. Saved with the network, and no part of its hash.

    Attributes:
        inverted: by value, (C,) bool: channels that mean the opposite of what the trained model computes there (a bit
            the other bit, an integer its negative). The consumers already account for it.
    """

    inverted: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)


NO_NOTES = Notes()


@dataclass(frozen=True, eq=False)
class Network:
    """A graph of nodes, verified when made. Two networks compute the same when their hashes are equal.

    Attributes:
        nodes: in an order in which each reads only what is before it. The first is the one source, what a pixel
            becomes; the last gives the scores; every other value is read by somebody.
        notes: for comparisons with the trained model.
    """

    nodes: tuple[Node, ...]
    notes: Notes = NO_NOTES

    def __post_init__(self) -> None:
        object.__setattr__(self, "nodes", tuple(self.nodes))
        check_graph(self.nodes, "network", (Encode, Thermometer), Scores)
        assert self.values  # every node checks its inputs
        self._check_notes()

    @cached_property
    def values(self) -> dict[str, Value]:
        """Every value by the name of the node that makes it, in the order of the nodes."""
        values: dict[str, Value] = {}
        for node in self.nodes:
            values[node.name] = node.output(*(values[name] for name in node.inputs))
        return values

    def _check_notes(self) -> None:
        inverted = {}
        for name, channels in self.notes.inverted.items():
            where = f"notes: inverted channels of {name}"
            if name not in self.values:
                raise NetworkError(f"{where}: the network has no value of this name")
            inverted[name] = frozen(channels, np.bool_, where)
            if inverted[name].shape != (self.values[name].shape[2],):
                raise NetworkError(
                    f"{where}: shape {inverted[name].shape}, must be ({self.values[name].shape[2]},), one a channel"
                )
        object.__setattr__(self, "notes", Notes({name: mask for name, mask in inverted.items() if mask.any()}))

    @property
    def input(self) -> Source:
        """The first node: what a pixel becomes. Its ``shape`` is that of the images."""
        source = self.nodes[0]
        assert isinstance(source, Source)
        return source

    @property
    def output(self) -> Scores:
        """The last node."""
        last = self.nodes[-1]
        assert isinstance(last, Scores)
        return last

    @property
    def classes(self) -> int:
        """Number of scores."""
        return self.values[self.output.name].shape[2]

    @property
    def weight_bits(self) -> int:
        """Number of weights, each of which is one bit."""
        return sum(node.mh * node.mw for node in self.nodes if isinstance(node, Matrix))

    @cached_property
    def last_readers(self) -> dict[str, int]:
        """By value, the number of the last node that reads it: after that nobody needs it any more."""
        return {name: number for number, node in enumerate(self.nodes) for name in node.inputs}

    @cached_property
    def hash(self) -> str:
        """SHA-256 over the function that the network is, as 64 hexadecimal digits: names and notes are not in it.

        A node's hash is that of its kind, its attributes and its inputs' hashes; the network's is the last node's. So
        the order in which branches that do not depend on each other are listed makes no difference either.
        """
        digests: dict[str, str] = {}
        for node in self.nodes:
            digests[node.name] = _digest(node, [digests[name] for name in node.inputs])
        return digests[self.output.name]


def _digest(node: Node, inputs: Sequence[str]) -> str:
    plain, arrays = node.attributes()
    digest = hashlib.sha256()
    described = {"kind": node.kind, "inputs": list(inputs), "attributes": plain}
    digest.update(json.dumps(described, sort_keys=True, separators=(",", ":")).encode())
    for key in sorted(arrays):
        digest.update(array_bytes(key, arrays[key]))
    return digest.hexdigest()


def array_bytes(key: str, array: NDArray[Any]) -> bytes:
    """What a hash takes of an array: its key, type and shape, and its elements, little-endian."""
    little_endian = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    return f"{key}:{array.dtype.name}:{array.shape}".encode() + little_endian.tobytes()
