"""The network as an SVG picture, from the graph itself: a box a node, and on each value its shape, bits and range."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from markupsafe import Markup, escape

from flow.report.arrange import Arrangement, Edge, arrange
from flow.report.svg import BLUE, GREEN, GREY, ORANGE, PURPLE
from flow.run.figures.report_network import ReportedNode

HEIGHT, GAP, LANE, MARGIN = 26, 30, 14, 10  # of a box, between boxes, of a lane, around everything; in CSS pixels
BESIDE = 34  # between columns
PORT = 16  # where lines leave and enter a box, from its left edge
LETTER, SMALL = 6.9, 5.7  # about as wide as a letter is, at 12 and 10.5 pixels
LONGEST = 34  # letters of a node's details; the rest is in its tooltip
COLOURS = {
    "dense": BLUE,
    "conv": BLUE,
    "threshold": ORANGE,
    "grid": ORANGE,
    "add": GREEN,
    "concatenate": GREEN,
    "max_pool": PURPLE,
    "sum_pool": PURPLE,
}


def draw_network(nodes: Sequence[ReportedNode]) -> Markup:
    """The graph as an ``<svg>`` element of a page that has the palette's colours, from top to bottom.

    Args:
        nodes: in an order in which each reads only what is before it.
    """
    return Markup(_Drawing(nodes).svg())


def value_text(node: ReportedNode) -> str:
    """Shape, bits and range of a node's value, as its line bears them."""
    shape = "\u00d7".join(map(str, node.shape))
    if node.lowest is None or node.highest is None:
        return f"{shape}, bits"
    return f"{shape}, {node.bits} bits: {_signed(node.lowest)}..{_signed(node.highest)}"


def _signed(number: int) -> str:
    return f"{number:,}".replace("-", "\u2212")


class _Drawing:
    """One picture while it is made."""

    def __init__(self, nodes: Sequence[ReportedNode]) -> None:
        self._nodes = {node.name: node for node in nodes}
        self._arranged: Arrangement = arrange({node.name: node.inputs for node in nodes})
        columns = range(len(self._arranged.lanes))
        self._widths = [max(_width(node) for node in nodes if self._column(node.name) == column) for column in columns]
        lanes = [count * LANE for count in self._arranged.lanes]
        steps = [width + BESIDE + after for width, after in zip(self._widths, [*lanes[1:], 0], strict=True)]
        self._lefts = list(accumulate(steps, initial=MARGIN + lanes[0]))
        rows = 1 + max(place.row for place in self._arranged.places.values())
        self._repeats = dict.fromkeys(self._nodes, 0)  # lines of a value to one reader, beside the first
        for edge, index in self._edges():
            self._repeats[edge.source] = max(self._repeats[edge.source], index)
        self._size = (self._lefts[-1] - BESIDE + MARGIN, rows * (HEIGHT + GAP) + 2 * MARGIN)

    def svg(self) -> str:
        width, height = (round(size) for size in self._size)
        count = len(self._nodes)
        words = f"The network, {count} nodes: " + "; ".join(_in_words(node) for node in self._nodes.values())
        lines = [self._line(edge, index) for edge, index in self._edges()]
        boxes = [self._box(node) for node in self._nodes.values()]
        return (
            f'<svg class="network" role="img" aria-label="{escape(words)}" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}">\n' + "\n".join([*lines, *boxes]) + "\n</svg>"
        )

    def _edges(self) -> list[tuple[Edge, int]]:
        """Each edge, and the how manieth it is of its source and target."""
        seen: dict[tuple[str, str], int] = {}
        numbered = []
        for edge in self._arranged.edges:
            ends = edge.source, edge.target
            numbered.append((edge, seen.get(ends, 0)))
            seen[ends] = seen.get(ends, 0) + 1
        return numbered

    def _column(self, name: str) -> int:
        return self._arranged.places[name].column

    def _top(self, name: str) -> float:
        return MARGIN + self._arranged.places[name].row * (HEIGHT + GAP)

    def _left(self, name: str) -> float:
        return self._lefts[self._column(name)]

    def _line(self, edge: Edge, index: int) -> str:
        """A line from the bottom of one box to the top of another, and its head."""
        source, target = edge.source, edge.target
        ours, theirs = self._column(source), self._column(target)
        start, end = self._top(source) + HEIGHT, self._top(target)
        x = self._left(source) + PORT + 7 * index
        to = self._left(target) + PORT + 7 * index
        if theirs > ours:
            x = self._left(source) + self._widths[ours] - PORT
        if theirs < ours:
            to = self._left(target) + self._widths[theirs] - PORT - 7 * index
        path = [f"M{x:.1f} {start:.1f}"]
        if edge.lane is not None:
            lane = self._lefts[edge.column] - (edge.lane + 1) * LANE + LANE / 2 - 4
            path += [_bend(x, start, lane, start + GAP), f"V{end - GAP:.1f}"]
            to = to - 9 if ours == theirs else to
            path.append(_bend(lane, end - GAP, to, end - 4))
        elif x != to:
            path += [f"V{end - GAP:.1f}", _bend(x, end - GAP, to, end - 4)]
        else:
            path.append(f"V{end - 4:.1f}")
        is_bits = self._nodes[source].lowest is None
        kind = "bits" if is_bits else "integers"
        head = f'<path class="head" d="M{to - 3.5:.1f} {end - 6:.1f}l3.5 6 3.5 -6z"/>'
        return f'<path class="{kind}" d="{"".join(path)}"/>{head}'

    def _box(self, node: ReportedNode) -> str:
        left, top, width = self._left(node.name), self._top(node.name), self._widths[self._column(node.name)]
        colour = COLOURS.get(node.kind, GREY)
        title = f"{_in_words(node)}. {node.details}" if node.details else _in_words(node)
        return (
            f'<g class="node"><title>{escape(title)}</title>'
            f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{HEIGHT}" rx="5"/>'
            f'<rect class="kind" x="{left:.1f}" y="{top:.1f}" width="5" height="{HEIGHT}" rx="2" fill="{colour}"/>'
            f'<text x="{left + 12:.1f}" y="{top + 17:.1f}"><tspan class="name">{escape(node.name)}</tspan> '
            f'<tspan class="what">{escape(_what(node))}</tspan></text>'
            f'<text class="value" x="{left + PORT + 9 + 7 * self._repeats[node.name]:.1f}" y="{top + HEIGHT + 18:.1f}">'
            f"{escape(value_text(node))}</text>"
            "</g>"
        )


def _bend(x: float, y: float, to_x: float, to_y: float) -> str:
    """A curve that leaves and arrives upright."""
    middle = (y + to_y) / 2
    return f"C{x:.1f} {middle:.1f} {to_x:.1f} {middle:.1f} {to_x:.1f} {to_y:.1f}"


def _what(node: ReportedNode) -> str:
    kind = node.kind.replace("_", " ")
    details = node.details.removeprefix(f"{kind}s ")
    if len(details) > LONGEST:
        details = details[: LONGEST - 1].rstrip(", ") + "\u2026"
    return f"{kind} {details}".rstrip()


def _width(node: ReportedNode) -> float:
    box = 24 + LETTER * (len(node.name) + 1) + SMALL * len(_what(node))
    return max(box, PORT + 20 + SMALL * len(value_text(node)))


def _in_words(node: ReportedNode) -> str:
    read = f" of {', '.join(node.inputs)}" if node.inputs else ""
    return f"{node.name}: {node.kind.replace('_', ' ')}{read}, {value_text(node)}"
