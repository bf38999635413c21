"""The Gantt charts: which layer is at work when."""

from __future__ import annotations

from itertools import groupby

from markupsafe import Markup
from matplotlib.figure import Figure

from flow.report.plots import WIDTH
from flow.report.svg import BLUE, GREEN, draw
from flow.run.figures.report_hardware import Span

SHADES = 8


def spans(edges: list[int], busy: list[int]) -> list[tuple[int, int, float]]:
    """(start, end, share at work) of the stretches in which a layer works, the share rounded up to eighths.

    Args:
        edges: (steps + 1,) cycles, ascending.
        busy: (steps,) cycles at work in each step.
    """
    shades = [-(-cycles * SHADES // (edges[step + 1] - edges[step])) for step, cycles in enumerate(busy)]
    found = []
    for shade, steps in groupby(range(len(busy)), key=lambda step: shades[step]):
        members = list(steps)
        if shade:
            found.append((edges[members[0]], edges[members[-1] + 1], shade / SHADES))
    return found


def first_and_last(part: Span, layer: str) -> tuple[int, int]:
    """The cycles between which the layer works: exact where a step is a cycle, else to a step's width."""
    worked = spans(part.edges, part.layers[layer].busy)
    return (worked[0][0], worked[-1][1]) if worked else (0, 0)


def plot_gantt(name: str, part: Span) -> Markup:
    """One row a layer, darker where it works in more of the cycles.

    Args:
        name: ``first_frame`` or ``steady``.
        part: that part of the report's ``timeline``.
    """
    first = name == "first_frame"
    layers = list(part.layers)

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        for row, layer in enumerate(layers):
            worked = spans(part.edges, part.layers[layer].busy)
            for shade in sorted({share for _, _, share in worked}):
                axes.broken_barh(
                    [(start, end - start) for start, end, share in worked if share == shade],
                    (row - 0.36, 0.72),
                    color=BLUE if first else GREEN,
                    alpha=0.15 + 0.85 * shade,
                    linewidth=0,
                )
        axes.set_yticks(range(len(layers)), layers)
        axes.set_ylim(len(layers) - 0.5, -0.5)
        axes.set_xlim(0, part.edges[-1])
        axes.locator_params(axis="x", nbins=5, integer=True)
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=True, axis="x")
        axes.set_xlabel("cycles since the first beat" if first else "cycles of one steady frame interval")

    if first:
        stated = (f"{layer} {start:,} to {end:,}" for layer in layers for start, end in [first_and_last(part, layer)])
        words = f"One frame, cycles from each layer's first to its last work: {', '.join(stated)}"
    else:
        length = part.edges[-1]
        shares = (f"{layer} {sum(part.layers[layer].busy) / length:.0%}" for layer in layers)
        words = f"Steady state, share of the cycles in which each layer works: {', '.join(shares)}"
    return draw(name.replace("_", "-"), words, (WIDTH, 0.75 + 0.26 * len(layers)), paint)
