"""A study's plot: accuracy over the setting that was varied, with error bars."""

from __future__ import annotations

import io
from itertools import groupby
from typing import Any

from matplotlib import rc_context
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from flow.study.plan import Study


def plot_accuracy(study: Study, points: list[dict[str, Any]]) -> str | None:
    """SVG of mean accuracy and standard deviation; None unless exactly one setting takes several numbers."""
    numeric = [
        key
        for key, values in study.vary.items()
        if len(values) > 1 and all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)
    ]
    if len(numeric) != 1:
        return None
    (key,) = numeric
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    shown = sorted((point for point in points if point["mean"] is not None), key=_line)
    for name, line in groupby(shown, key=_line):
        members = sorted(line, key=lambda point: point["varied"][key])
        axes.errorbar(
            [point["varied"][key] for point in members],
            [100 * point["mean"] for point in members],
            yerr=[100 * (point["deviation"] or 0) for point in members],
            marker="o",
            capsize=3,
            label=name,
        )
    axes.set_xlabel(key)
    axes.set_ylabel("test accuracy, %")
    axes.set_title(study.name)
    axes.grid(visible=True, alpha=0.3)
    if shown:
        axes.legend()
    drawn = io.StringIO()
    with rc_context({"svg.hashsalt": study.name}):  # so that the same figures give the same file
        FigureCanvasSVG(figure).print_svg(drawn, metadata={"Date": None})  # type: ignore[no-untyped-call]
    return drawn.getvalue()


def _line(point: dict[str, Any]) -> str:
    return " ".join(str(part) for part in (point["config"], point["variant"]) if part != "plain")
