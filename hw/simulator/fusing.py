"""Which nodes are computed together: what follows a matrix joins it where nobody else reads what is between them.

A task is a node, and those that go on with its integers while these are still in registers: after a matrix of bits, or
alone, a grid, an addition and a threshold, each where it is there, in this order. That a threshold follows a matrix is
one such pattern; that a residual block ends in a grid, an addition and the next block's threshold is another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from bnn import Bits, Network
from bnn.nodes import Add, Conv, Encode, Grid, Matrix, Node, Scores, Threshold
from bnn.values import LARGEST, Integers


@dataclass
class Task:
    """Nodes that are computed together.

    Attributes:
        nodes: the first makes integers (or whatever it makes, then alone); the others go on with them.
        reads: the values that are read from memory.
        makes: the values that are written to memory.
    """

    nodes: list[Node]
    reads: tuple[str, ...] = ()
    makes: tuple[str, ...] = ()

    @property
    def head(self) -> Node:
        """The first node."""
        return self.nodes[0]

    @property
    def grid(self) -> Grid | Scores | None:
        """The node that scales the integers; scores without a table do that too."""
        return next((node for node in self.nodes if is_scaling(node)), None)  # type: ignore[return-value]

    @property
    def add(self) -> Add | None:
        """The node that adds others to the integers."""
        return next((node for node in self.nodes if isinstance(node, Add)), None)

    @property
    def threshold(self) -> Threshold | None:
        """The node that makes bits of the integers."""
        return next((node for node in self.nodes if isinstance(node, Threshold)), None)

    @property
    def integers(self) -> str:
        """The name of the integers that come before the threshold: the task's own, or those that it reads."""
        threshold = self.threshold
        return threshold.inputs[0] if threshold else self.nodes[-1].name

    @property
    def summands(self) -> tuple[str, ...]:
        """What is added to the task's integers."""
        if self.add is None:
            return ()
        if self.add is self.head:
            return self.add.inputs[1:]
        own = self.nodes[self.nodes.index(self.add) - 1].name
        return tuple(name for name in self.add.inputs if name != own)


def is_scaling(node: Node) -> bool:
    """Whether the node multiplies, adds and shifts."""
    return isinstance(node, Grid) or (isinstance(node, Scores) and node.table is None)


def is_pointwise(node: Node) -> bool:
    """Whether the node computes with each integer alone."""
    return isinstance(node, Add | Threshold) or is_scaling(node)


def counts_bits(network: Network, node: Node) -> bool:
    """Whether the node is a matrix of bits, not in groups."""
    is_matrix = isinstance(node, Matrix) and isinstance(network.values[node.inputs[0]], Bits)
    return is_matrix and not (isinstance(node, Conv) and node.groups > 1)


def reads_pixels(network: Network, node: Node) -> bool:
    """Whether the node is a matrix of integers that are pixels: it then encodes them on its way."""
    source = network.input
    is_matrix = isinstance(node, Matrix) and not (isinstance(node, Conv) and node.groups > 1)
    return is_matrix and node.inputs[0] == source.name and isinstance(source, Encode) and not source.binary


def find_tasks(network: Network, kept: Collection[str] = ()) -> list[Task]:
    """The tasks in an order in which each reads only what is made before it.

    Args:
        network: to compute.
        kept: names of values that must be written to memory, whoever reads them.
    """
    finder = _Finder(network, kept)
    for node in network.nodes:
        finder.take(node)
    return finder.finished()


class _Finder:
    def __init__(self, network: Network, kept: Collection[str]) -> None:
        self.network = network
        self.kept = kept
        self.readers = Counter(name for node in network.nodes for name in node.inputs)
        self.tasks: list[Task] = []
        self.makers: dict[str, Task] = {}  # by value

    def take(self, node: Node) -> None:
        """Let the node join a task, or begin one."""
        task = self._joined(node)
        if task is None or isinstance(node, Add):
            # After all that the addition reads; until then nobody needed the task's integers.
            self.tasks = [other for other in self.tasks if other is not task]
            task = task or Task([])
            self.tasks.append(task)
        task.nodes.append(node)
        self.makers[node.name] = task

    def _joined(self, node: Node) -> Task | None:
        """The task that the node can go on with, a matrix's rather than another."""
        if not is_pointwise(node):
            return None
        found = [self.makers[name] for name in node.inputs if self._can_join(node, name)]
        return max(found, key=lambda task: counts_bits(self.network, task.head), default=None)

    def _can_join(self, node: Node, own: str) -> bool:
        """Whether the node can go on with the integers ``own`` in the task that makes them."""
        task = self.makers[own]
        if task.threshold or task.integers != own:
            return False
        is_alone = self.readers[own] == 1 and own not in self.kept
        if not (counts_bits(self.network, task.head) or is_pointwise(task.head)):
            return is_alone and isinstance(node, Threshold) and self._sums_can_start_low(task.head)
        if isinstance(node, Threshold):
            return True
        return is_alone and task.add is None and (isinstance(node, Add) or task.grid is None)

    def _sums_can_start_low(self, head: Node) -> bool:
        """Whether a matrix's sums of integers still fit 32 bits with a threshold subtracted."""
        if not isinstance(head, Matrix) or (isinstance(head, Conv) and head.groups > 1):
            return False
        value = self.network.values[head.name]
        assert isinstance(value, Integers)
        return 2 * max(-value.lowest, value.highest) + 1 <= LARGEST

    def finished(self) -> list[Task]:
        """The tasks, each with what it reads and makes; the source is left out where all read pixels."""
        tasks = []
        for task in self.tasks:
            head, threshold = task.head, task.threshold
            task.reads = head.inputs[:1] if is_pointwise(head) else head.inputs
            task.reads = (*(() if reads_pixels(self.network, head) else task.reads), *task.summands)
            made = []
            own = task.integers
            if own in {node.name for node in task.nodes}:
                elsewhere = sum(
                    own in node.inputs and node is not threshold and not reads_pixels(self.network, node)
                    for node in self.network.nodes
                )
                if elsewhere or own in self.kept or own == self.network.output.name:
                    made.append(own)
            if threshold:
                made.append(threshold.name)
            task.makes = tuple(made)
            if made:
                tasks.append(task)
        return tasks
