"""Where the nodes of a graph stand in a drawing: rows from top to bottom, branches in columns beside each other.

The longest way down from each node stays in its column. What a node reads from farther up passes beside the column, in
a lane of its own, so that no line crosses a node.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """A node's row, from 0 at the top, and column, from 0 at the left."""

    row: int
    column: int


@dataclass(frozen=True)
class Edge:
    """A node reads another's value.

    Attributes:
        source: whose value.
        target: who reads it.
        lane: which of the lanes left of ``column`` it passes in, from 0 beside the nodes; None where it goes straight.
        column: of the lane.
    """

    source: str
    target: str
    lane: int | None = None
    column: int = 0


@dataclass(frozen=True)
class Arrangement:
    """Where everything stands.

    Attributes:
        places: by node.
        edges: in the order of the targets.
        lanes: by column, how many lanes are left of it.
    """

    places: Mapping[str, Place]
    edges: Sequence[Edge]
    lanes: Sequence[int]


def arrange(inputs: Mapping[str, Sequence[str]]) -> Arrangement:
    """Place nodes, given in an order in which each reads only what is before it, with what each reads."""
    rows: dict[str, int] = {}
    for name, read in inputs.items():
        rows[name] = 1 + max((rows[source] for source in read), default=-1)
    columns = _columns(inputs, rows)
    places = {name: Place(rows[name], columns[name]) for name in inputs}
    edges, lanes = _route(inputs, places)
    return Arrangement(places, edges, lanes)


def _columns(inputs: Mapping[str, Sequence[str]], rows: Mapping[str, int]) -> dict[str, int]:
    """Every node's column: paths straight down, each in the first column that is free from its reader's row on."""
    taken: list[list[tuple[int, int]]] = []
    columns: dict[str, int] = {}
    readers = _readers(inputs)
    for path in _paths(inputs, rows):
        parents = [rows[source] for source in inputs[path[0]]]
        ends = [rows[reader] for reader in readers[path[-1]]]
        span = (max(parents, default=-1) + 1, max([rows[path[-1]], *(end - 1 for end in ends)]))
        free = (
            number
            for number, spans in enumerate(taken)
            if all(span[1] < first or last < span[0] for first, last in spans)
        )
        column = next(free, len(taken))
        if column == len(taken):
            taken.append([])
        taken[column].append(span)
        columns.update(dict.fromkeys(path, column))
    return columns


def _paths(inputs: Mapping[str, Sequence[str]], rows: Mapping[str, int]) -> list[list[str]]:
    """The nodes in paths of single steps: each goes on to the reader in the next row from which the path is longest."""
    readers, heights = _readers(inputs), dict.fromkeys(inputs, 0)
    main = {name: max(read, key=rows.__getitem__) for name, read in inputs.items() if read}
    for name in reversed(list(main)):
        heights[main[name]] = max(heights[main[name]], heights[name] + 1)
    following: dict[str, str] = {}
    for name in inputs:
        nearest = [reader for reader in readers[name] if main[reader] == name]
        if nearest:
            following[name] = max(nearest, key=heights.__getitem__)
    paths = []
    for name in inputs:
        if name in main and following[main[name]] == name:
            continue
        path = [name]
        while path[-1] in following:
            path.append(following[path[-1]])
        paths.append(path)
    return paths


def _readers(inputs: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    readers: dict[str, list[str]] = {name: [] for name in inputs}
    for name, read in inputs.items():
        for source in dict.fromkeys(read):
            readers[source].append(name)
    return readers


def _route(inputs: Mapping[str, Sequence[str]], places: Mapping[str, Place]) -> tuple[list[Edge], list[int]]:
    """The edges, and how many lanes each column has: lines of one value share a lane, others at one height do not."""
    farthest: dict[tuple[str, int], int] = {}
    for target, read in inputs.items():
        for source in read:
            if not _is_straight(places, source, places[target]):
                key = (source, max(places[source].column, places[target].column))
                farthest[key] = max(farthest.get(key, 0), places[target].row)
    lanes: dict[tuple[str, int], int] = {}
    taken: list[list[int]] = [[] for _ in range(1 + max(place.column for place in places.values()))]
    for (source, column), last in sorted(farthest.items(), key=lambda item: places[item[0][0]].row):
        ends = taken[column]
        first = places[source].row
        lane = next((number for number, end in enumerate(ends) if end <= first), len(ends))
        ends[lane : lane + 1] = [last]
        lanes[source, column] = lane
    edges = []
    for target, read in inputs.items():
        for source in read:
            column = max(places[source].column, places[target].column)
            lane_of = None if _is_straight(places, source, places[target]) else lanes[source, column]
            edges.append(Edge(source, target, lane_of, column))
    return edges, [len(ends) for ends in taken]


def _is_straight(places: Mapping[str, Place], source: str, target: Place) -> bool:
    """Whether a line down the source's column, and to the target in the last gap, meets no other node."""
    start = places[source]
    between = range(start.row + 1, target.row)
    return not any(place.column == start.column and place.row in between for place in places.values())
