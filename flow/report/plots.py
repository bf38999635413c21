"""The report's plots of accuracy, bits and resources. Each takes a part of the report and gives an SVG element."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from flow.report.comparison import SOURCES
from flow.report.svg import BLUE, GREEN, GREY, INK, ORANGE, PAPER, PURPLE, RED, draw
from flow.report.tables import number, percent
from flow.run.figures.report import ReportFigures
from flow.run.figures.report_network import ReportedLayer, ReportedRung, Thresholds

WIDTH = 4.6  # inches
FRACTION_BINS = 25
FAINT = 0.55  # of an area


def plot_accuracy(rungs: Mapping[str, ReportedRung]) -> Markup:
    """Accuracy of each rung with its 95 % interval; red where an answer differs from golden. All need labels."""

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        for row, rung in enumerate(rungs.values()):
            assert rung.accuracy is not None
            assert rung.accuracy_interval is not None
            accuracy, (low, high) = 100 * rung.accuracy, (100 * bound for bound in rung.accuracy_interval)
            colour = RED if rung.mismatches else BLUE
            axes.plot([low, high], [row, row], color=colour, linewidth=3, alpha=0.4, solid_capstyle="butt")
            axes.plot([accuracy], [row], "o", color=colour)
        label_rows(axes, list(rungs))
        axes.set_xlabel("accuracy on the frames that the rung was given, %")

    words = ", ".join(f"{name} {percent(rung.accuracy)}" for name, rung in rungs.items())
    return draw("accuracy", f"Accuracy at each rung: {words}", (WIDTH, 0.9 + 0.28 * len(rungs)), paint)


def plot_plus_fractions(layers: Mapping[str, ReportedLayer]) -> Markup:
    """How the fraction of +1 is spread over each layer's channels; below it, in grey, before the shift where known.

    Args:
        layers: name to a layer, or the input, whose fraction was measured.
    """
    shifted = any(layer.before_shift for layer in layers.values())

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        axes.axvline(0.5, color=INK, linewidth=0.8, linestyle=":")
        for row, layer in enumerate(layers.values()):
            _spread(axes, layer.plus_fraction, layer.plus_fraction_channels, row, -1.0, ORANGE)
            if layer.before_shift:
                before = layer.before_shift
                _spread(axes, before.plus_fraction, before.plus_fraction_channels, row, 1.0, GREY)
        label_rows(axes, list(layers))
        axes.set_ylim(len(layers) - (0.45 if shifted else 0.85), -0.6)
        axes.grid(visible=False, axis="y")
        axes.set_xlim(-0.01, 1.01)
        axes.set_xlabel("fraction of +1: channels (areas), layer (diamond)")
        if shifted:
            figure.legend(
                handles=[
                    Patch(color=ORANGE, alpha=FAINT, label="with the shift"),
                    Patch(color=GREY, alpha=FAINT, label="without it"),
                ],
                loc="outside upper right",
                ncols=2,
            )

    words = ", ".join(_in_words(name, layer) for name, layer in layers.items())
    size = (WIDTH, 0.7 + (1.05 if shifted else 0.6) * len(layers))
    return draw("plus-fraction", f"Fraction of +1 in each layer: {words}", size, paint)


def _spread(
    axes: Axes, fraction: float | None, channels: list[float] | None, row: int, way: float, colour: str
) -> None:
    """A histogram of the channels standing on the row's line, or hanging from it, and the layer's own fraction."""
    if channels and len(channels) > 1:
        counts, edges = np.histogram(channels, FRACTION_BINS, (0.0, 1.0))
        heights = row + way * 0.42 * counts / counts.max()
        axes.stairs(heights, edges, baseline=row, fill=True, color=colour, alpha=FAINT)
        axes.stairs(heights, edges, baseline=row, color=colour, linewidth=0.8)
    assert fraction is not None
    axes.plot([fraction], [row + way * 0.08], "D", color=colour, markersize=5, markeredgecolor=PAPER)


def _in_words(name: str, layer: ReportedLayer) -> str:
    before = f" (before the shift {percent(layer.before_shift.plus_fraction)})" if layer.before_shift else ""
    return f"{name} {percent(layer.plus_fraction)}{before}"


def plot_thresholds(name: str, index: int, thresholds: Thresholds) -> Markup:
    """How many channels of a layer have which threshold; a dotted line in the middle of the legal ones."""
    assert thresholds.histogram is not None
    assert thresholds.legal is not None
    edges, counts = thresholds.histogram.edges, thresholds.histogram.counts
    low, high = thresholds.legal
    middle = (low + high) / 2  # accumulators are low .. high - 1: as many lie below as do not

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        axes.stairs(counts, edges, fill=True, color=PURPLE, alpha=0.85)
        if edges[0] <= middle <= edges[-1]:
            axes.axvline(middle, color=INK, linewidth=1.4, linestyle=":")
        axes.set_title(name)
        axes.set_ylim(bottom=0)
        axes.locator_params(integer=True, nbins=4)

    words = f"Thresholds of {name}: {thresholds.min} to {thresholds.max}, median {number(thresholds.median)}"
    return draw(f"thresholds-{index}", words, (2.2, 1.5), paint)


def resource_shares(report: ReportFigures) -> list[tuple[str, str, int, int]]:
    """(resource, source, taken, offered) of everything that a source states and the board's budget has."""
    offered = report.budget
    if offered is None or report.comparison is None:
        return []
    whole, folding = report.comparison.whole, report.hardware.folding
    room = {"LUTs": offered.luts, "FF": offered.ffs, "BRAM18": offered.bram18}
    taken = {
        "LUTs": {source: whole[source].luts for source in SOURCES},
        "FF": {"askew_model": folding.ffs if folding else None},
        "BRAM18": {source: whole[source].bram18 for source in SOURCES},
    }
    return [
        (resource, SOURCES[source], count, room[resource])
        for resource, by_source in taken.items()
        for source, count in by_source.items()
        if count is not None
    ]


def plot_resources(board: str, shares: list[tuple[str, str, int, int]]) -> Markup:
    """What each source says is taken of the board."""
    colours = {"LUTs": BLUE, "FF": GREEN, "BRAM18": ORANGE}

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        longest = max([100.0, *(100 * taken / offered for _, _, taken, offered in shares if offered)])
        for row, (resource, _, taken, offered) in enumerate(shares):
            share = 100 * taken / offered if offered else 0.0
            axes.barh(row, share, 0.6, color=RED if taken > offered else colours[resource])
        label_rows(axes, [f"{resource}: {source}" for resource, source, _, _ in shares])
        numbers = axes.twinx()
        label_rows(numbers, [f"{taken:,} of {offered:,}" for _, _, taken, offered in shares])
        if longest > 100:
            axes.axvline(100, color=RED, linewidth=1)
        axes.set_xlim(0, longest * 1.01)
        axes.set_xlabel(f"% of {board}")

    words = "; ".join(f"{resource}, {source}: {taken:,} of {offered:,}" for resource, source, taken, offered in shares)
    return draw("resources", f"Resources of {board}: {words}", (WIDTH, 0.8 + 0.28 * len(shares)), paint)


def label_rows(axes: Axes, names: list[str]) -> None:
    """One row a name, the first on top."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=True, axis="x")
