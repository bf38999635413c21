"""A study inside the report and on its own page: what it found in words, its table and its plot."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bnn.errors import UserError
from flow.report.plots import WIDTH, label_rows
from flow.report.svg import INK, PAPER, SERIES, draw, draw_file
from flow.report.tables import Table, number, percent, signed, table
from flow.run.figures.report_network import Place, ReportedStudy
from flow.run.figures.study import Point, StudySummary
from flow.run.folder import RunFolder
from training.config.load import load_config

SUMMARY = "summary.json"
TRAINED = "trained model"
_LEGEND_CHARACTERS = 54  # that fit beside each other, with what stands between them
_TICKS = 7
_DASHES = ("-", "--", ":", "-.")  # once the colours are used up
_DODGE = 0.014  # of the axis' length, between the series


def read_study(folder: Path, run: RunFolder) -> ReportedStudy:
    """What `askew study` wrote into its folder, and which of its rows the run is.

    Raises:
        UserError: the folder holds no study's results.
    """
    file = folder / SUMMARY
    if not file.exists():
        raise UserError(
            f"--study {folder}: no {SUMMARY} there; run `askew study --config STUDY --out {folder}`, again if it is an "
            "older one: rows that are done stay"
        )
    study = StudySummary.read(file, "it is not one that `askew study` writes; run the study again")
    axis, points = study.axis, study.points
    if axis.numeric and not all(is_number(point.value) for point in points):
        raise UserError(f"{file}: damaged (axis {axis.key} is numeric, its values are not); run the study again")
    if any(point.varied.keys() != points[0].varied.keys() for point in points):
        raise UserError(f"{file}: damaged (its points vary different settings); run the study again")
    return ReportedStudy.model_validate(study.to_json() | {"this_run": _place_of(run, study)})


def is_number(value: Any) -> bool:
    """A number, not a boolean."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _place_of(run: RunFolder, study: StudySummary) -> Place | None:
    try:
        ours = load_config(run.config).hash
    except UserError:  # a damaged config is for `train` and `export` to report
        return None
    for index, point in enumerate(study.points):
        for row in point.rows:
            if row.config_hash == ours:
                return Place(point=index, seed=row.seed)
    return None


def study_table(study: StudySummary) -> Table:
    """Header and rows, a point each; config and variant stand there where the study has several."""
    shown, columns = study.points, [*study.axis.others, study.axis.key]
    keys = [key for key in ("config", "variant") if key in columns or not shown]
    varied = list(shown[0].varied) if shown else []
    header = [*keys, *varied, "accuracy", "deviation", "seeds", "failed", "mismatches"]
    whose = any(point.accuracy_of == TRAINED for point in shown)
    compared = any(point.is_reference for point in shown)
    header += ["accuracy of"] * whose + ["difference, points", "p"] * compared
    return header, [
        (
            *(str(getattr(point, key)) for key in keys),
            *(str(point.varied[key]) for key in varied),
            percent(point.mean),
            percent(point.deviation),
            number(point.seeds),
            number(point.failed),
            number(point.mismatches),
            *([point.accuracy_of or "-"] if whose else []),
            *([signed(point.difference), _p(point)] if compared else []),
        )
        for point in shown
    ]


def _p(point: Point) -> str:
    return "-" if point.p_corrected is None else f"{point.p_corrected:.4f}"


def describe_study(study: StudySummary) -> str:
    """What the accuracy is of, and how much of the study has been done."""
    whose = {point.accuracy_of for point in study.points} - {None}
    if whose == {TRAINED}:
        of = "the trained model, which the integer network cannot hold"
    elif TRAINED in whose:
        of = "the integer network, or of the trained model where the integer network cannot hold it"
    else:
        of = "the integer network"
    rows = study.rows
    text = f"Test accuracy of {of}: mean and standard deviation over the seeds."
    if whose != {TRAINED}:
        text += " Mismatches: test images whose classes the trained model orders otherwise."
    if any(point.is_reference for point in study.points):
        text += " Difference: from the reference, in percentage points, with its corrected p."
    if rows.done < rows.planned:
        failed = f", {rows.failed} failed" if rows.failed else ""
        text += f" Not finished: {rows.done} of {rows.planned} rows{failed}."
    return text


def describe_this_run(study: StudySummary) -> str:
    """Which of the study's rows the run is; empty where it is none."""
    place = study.this_run if isinstance(study, ReportedStudy) else None
    if place is None:
        return ""
    point = study.points[place.point]
    parts = [part for part in (point.config, point.variant) if part != "plain"]
    parts += [f"{key} {value}" for key, value in point.varied.items()]
    return f"This run is one of the study's rows: {', '.join(parts)}, seed {place.seed}."


def study_section(study: StudySummary) -> str:
    """Statement, method, description and table as Markdown, below whatever heading."""
    lines = [f"**{study.statement}**", study.method, describe_study(study), describe_this_run(study)]
    return "\n\n".join([line for line in lines if line] + [table(*study_table(study))])


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
    return f"Test accuracy over {key} with standard deviation over the seeds: {listed or 'no row has been done yet'}"


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
        axes.set_ylabel("test accuracy, %")
        axes.grid(visible=True)
        _label_values(axes, sorted(set(numbers)))
    else:
        label_rows(axes, _values(study))
        axes.set_xlabel("test accuracy, %")
    if title:
        axes.set_title(title)
    handles = _legend(study)
    if handles:
        figure.legend(handles=handles, loc="outside upper left", ncols=_columns(study), fontsize=8.5)


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
