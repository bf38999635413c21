"""What every graph is held to, that of a network and that of a trained model: names, order, nothing idle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from bnn.values import NetworkError


@dataclass(frozen=True, eq=False)
class Operation:
    """A node of a graph: it reads values by name, and makes one of its own name.

    Attributes:
        name: unique within the graph, not empty; also the name of the value that the node makes.
        inputs: names of the values that it reads, in order.
        kind: what errors and files call such nodes.
        arity: how many inputs it reads; None for two or more.
    """

    kind: ClassVar[str]
    arity: ClassVar[int | None] = 1

    name: str
    inputs: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "inputs", tuple(self.inputs))
        if not self.name.isprintable():
            raise NetworkError(f"{self.kind} {self.name!r}: a name must be printable, in one line")
        arity = self.arity
        if len(self.inputs) < 2 if arity is None else len(self.inputs) != arity:
            wanted = "two or more" if arity is None else str(arity)
            raise NetworkError(f"{self.where}: reads {len(self.inputs)} values, must read {wanted}")

    @property
    def where(self) -> str:
        """How errors call the node."""
        return f"{self.kind} {self.name}"


def check_graph(
    nodes: Sequence[Operation], graph: str, sources: tuple[type[Operation], ...], last: type[Operation]
) -> None:
    """NetworkError unless the nodes are a graph of one source and one result, in an order to compute them in.

    Args:
        nodes: to check; the first must be one of ``sources`` and the last of type ``last``, all others neither.
        graph: what it is, for messages about the whole.
        sources: what a graph can begin with.
        last: what it must end with.
    """
    _check_names(nodes, graph)
    _check_order(nodes, graph)
    read = {name for node in nodes for name in node.inputs}
    begins = " or ".join(source.kind for source in sources)
    for number, node in enumerate(nodes):
        is_last = number == len(nodes) - 1
        if isinstance(node, sources) != (number == 0):
            raise NetworkError(f"{node.where}: is node {number}; the first node, and no other, must be {begins}")
        if isinstance(node, last) != is_last:
            raise NetworkError(f"{node.where}: is node {number}; the last node, and no other, must be {last.kind}")
        if not is_last and node.name not in read:
            raise NetworkError(f"{node.where}: is a dead node, nobody reads its value; remove it, or read it")


def _check_names(nodes: Sequence[Operation], graph: str) -> None:
    if not nodes:
        raise NetworkError(f"{graph}: has no nodes, needs at least the first and the last")
    makers: dict[str, int] = {}
    for number, node in enumerate(nodes):
        if not node.name:
            raise NetworkError(f"{graph}: node {number} ({node.kind}) has no name; give it one")
        if node.name in makers:
            raise NetworkError(
                f"{graph}: value {node.name} has two producers, nodes {makers[node.name]} and {number}; "
                "names must be unique"
            )
        makers[node.name] = number


def _check_order(nodes: Sequence[Operation], graph: str) -> None:
    numbers = {node.name: number for number, node in enumerate(nodes)}
    for number, node in enumerate(nodes):
        for name in node.inputs:
            if name not in numbers:
                raise NetworkError(f"{node.where}: reads {name!r}, which no node makes")
            if numbers[name] >= number:
                cycle = _cycle_through(node.name, {other.name: other for other in nodes})
                if cycle:
                    raise NetworkError(f"{graph}: a cycle, {' -> '.join(cycle)}; a node cannot read what it leads to")
                raise NetworkError(f"{node.where}: reads {name}, which is made after it; list {name} before")


def _cycle_through(start: str, nodes: Mapping[str, Operation]) -> list[str]:
    """The names on a way along the values from ``start`` back to ``start``; none where there is no such way."""
    readers: dict[str, str] = {}  # by name, who reads it on the way back to start
    waiting = [start]
    while waiting:
        reader = waiting.pop()
        for name in nodes[reader].inputs if reader in nodes else ():
            if name == start:
                path = [start, reader]
                while path[-1] != start:
                    path.append(readers[path[-1]])
                return path
            if name not in readers:
                readers[name] = reader
                waiting.append(name)
    return []
