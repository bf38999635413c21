"""A study's plot: accuracy with error bars, on its own page and inside a report."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from flow.report.plots import WIDTH, label_rows
from flow.report.study import accuracy_on
from flow.report.svg import INK, PAPER, SERIES, draw, draw_file
from flow.report.tables import percent
from flow.run.figures.report_network import ReportedStudy
from flow.run.figures.study import Point, StudySummary

_LEGEND_CHARACTERS = 54  # that fit beside each other, with what stands between them
_TICKS = 7
_DASHES = ("-", "--", ":", "-.")  # once the colours are used up
_DODGE = 0.014  # of the axis' length, between the series


def plot_study(study: StudySummary, name: str) -> Markup:
    """Accuracy with error bars along the study's axis, a line or colour a series, as an element of a page.

    Args:
        study: as `read_study` gives it.
        name: an identifier, unique in the page.
    """
    return draw(name, _words(study), _size(study), lambda figure: _paint(figure, study, ""))


def plot_study_file(study: StudySummary) -> str:
    """The same as an SVG file."""
    width, height = _size(study)
    title = study.name
    return draw_file(title, _words(study), (width, height + 0.25), lambda figure: _paint(figure, study, title))


def _words(study: StudySummary) -> str:
    key = study.axis.key
    shown = [point for point in study.points if point.mean is not None]
    listed = "; ".join(
        f"{point.series}{', ' if point.series else ''}{point.value}: {percent(point.mean)}"
        + (f" +- {percent(point.deviation)}" if point.deviation is not None else "")
        for point in shown
    )
    of = f"{accuracy_on(study)} over {key} with standard deviation over the seeds"
    return f"{of}: {listed or 'no row has been done yet'}"


def _size(study: StudySummary) -> tuple[float, float]:
    legend = 0.22 * -(-len(_legend(study)) // _columns(study))
    if study.axis.numeric:
        return WIDTH, 3.0 + legend
    series, values = _series(study), _values(study)
    return WIDTH, 0.8 + legend + len(values) * max(0.3, 0.08 + 0.17 * len(series))


def _series(study: StudySummary) -> list[str]:
    return list(dict.fromkeys(point.series for point in study.points))


def _values(study: StudySummary) -> list[str]:
    return list(dict.fromkeys(str(point.value) for point in study.points))


def _paint(figure: Figure, study: StudySummary, title: str) -> None:
    axes = figure.add_subplot()
    numeric, series = study.axis.numeric, _series(study)
    numbers = [point.value for point in study.points] if numeric else []
    step = _DODGE * (max(numbers) - min(numbers)) if len(numbers) > 1 else 0.0
    if not numeric:
        step = 0.7 / max(1, len(series))
    this_run = study.this_run.point if isinstance(study, ReportedStudy) and study.this_run else None
    for index, point in enumerate(study.points):
        if point.mean is None:
            continue
        place = series.index(point.series)
        at = point.value if numeric else _values(study).index(str(point.value))
        _mark(axes, point, at + step * (place - (len(series) - 1) / 2), place, numeric, index == this_run)
    for place, name in enumerate(series) if numeric else ():
        line = [point for point in study.points if point.series == name and point.mean is not None]
        line.sort(key=lambda point: point.value)
        at = [point.value + step * (place - (len(series) - 1) / 2) for point in line]
        axes.plot(at, [100 * (point.mean or 0.0) for point in line], **_line(place), linewidth=1.2, zorder=1.5)
    if numeric:
        axes.set_xlabel(study.axis.key)
        axes.set_ylabel(_axis_label(study))
        axes.grid(visible=True)
        _label_values(axes, sorted(set(numbers)))
    else:
        label_rows(axes, _values(study))
        axes.set_xlabel(_axis_label(study))
    if title:
        axes.set_title(title)
    handles = _legend(study)
    if handles:
        figure.legend(handles=handles, loc="outside upper left", ncols=_columns(study), fontsize=8.5)


def _axis_label(study: StudySummary) -> str:
    text = accuracy_on(study)
    return f"{text[0].lower()}{text[1:].rstrip(',')}, %"


def _label_values(axes: Axes, values: list[float]) -> None:
    """Ticks at the study's own values, or at every second of them, where they do not stand too close."""
    shown = values if len(values) <= _TICKS else values[::2]
    gaps = [after - before for before, after in pairwise(shown)]
    if gaps and len(shown) <= _TICKS and min(gaps) * _TICKS >= values[-1] - values[0]:
        axes.set_xticks(shown)


def _mark(axes: Axes, point: Point, at: float, place: int, numeric: bool, this_run: bool) -> None:
    """A point: its seeds as dots, its deviation as a bar, its mean as a marker, a ring where the run is one of it."""
    colour, middle, half = _colour(place), 100 * (point.mean or 0.0), 100 * (point.deviation or 0)

    def plot(across: list[float], up: list[float], *style: Any, **options: Any) -> None:
        axes.plot(*((across, up) if numeric else (up, across)), *style, color=colour, **options)

    seeds = [100 * row.accuracy for row in point.rows]
    plot([at, at], [middle - half, middle + half], linewidth=3, alpha=0.4, solid_capstyle="butt", zorder=2)
    plot(
        [at] * len(seeds), seeds, linestyle="none", marker=".", markersize=4.5, alpha=0.9, markeredgewidth=0, zorder=2.5
    )
    face = PAPER if point.differs is False else colour
    marker, size = ("D", 5.5) if point.is_reference else ("o", 6.0)
    plot([at], [middle], marker=marker, markersize=size, markerfacecolor=face, markeredgewidth=1.4, zorder=3)
    if this_run:
        ring = {"markersize": 12, "markerfacecolor": "none", "markeredgecolor": INK}
        plot([at], [middle], marker="o", **ring, zorder=4)


def _legend(study: StudySummary) -> list[Line2D]:
    names = _series(study)
    handles = [Line2D([], [], **_line(place), linewidth=2, label=name) for place, name in enumerate(names)]
    if len(names) < 2:
        handles = []
    there = study.points
    meanings = (
        ("reference", "D", INK, 5.5, any(point.is_reference for point in there)),
        ("beyond seed noise", "o", INK, 6.0, any(point.differs for point in there)),
        ("within seed noise", "o", PAPER, 6.0, any(point.differs is False for point in there)),
        ("this run", "o", "none", 10.0, isinstance(study, ReportedStudy) and study.this_run is not None),
    )
    for label, marker, face, size, is_there in meanings:
        if is_there:
            style = {"marker": marker, "markerfacecolor": face, "markersize": size}
            handles.append(Line2D([], [], color=INK, linestyle="none", label=label, **style))  # type: ignore[arg-type]
    return handles


def _columns(study: StudySummary) -> int:
    labels = [str(handle.get_label()) for handle in _legend(study)]
    longest = max(map(len, labels), default=1) + 6
    return max(1, min(len(labels), _LEGEND_CHARACTERS // longest))


def _line(place: int) -> dict[str, Any]:
    """Colour and dashes of a series."""
    return {"color": _colour(place), "linestyle": _DASHES[place // len(SERIES) % len(_DASHES)]}


def _colour(place: int) -> str:
    return SERIES[place % len(SERIES)]
