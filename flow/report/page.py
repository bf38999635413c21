"""What the template of report.html is given, part by part."""

from __future__ import annotations

from typing import NamedTuple

from markupsafe import Markup

from flow.report.tables import Table


class Cell(NamedTuple):
    """A cell of the confusion matrix: how many frames, and how dark."""

    frames: int
    right: bool
    shade: float


class Shown(NamedTuple):
    """What the page shows of the golden answers."""

    words: str
    matrix: list[tuple[str, list[Cell]]] | None
    pairs: Table


class Picture(NamedTuple):
    """A mistake: the image, and what stands below it."""

    png: str | None
    label: str
    answer: str
    frame: str
    scores: str
    alternative: str


class ShownStudy(NamedTuple):
    """A study's section."""

    name: str
    heading: str
    title: str
    statement: str
    method: str
    this_run: str
    description: str
    table: Table
    plot: Markup


class Plots(NamedTuple):
    """The page's plots; None where there is nothing to draw."""

    network: Markup | None
    accuracy: Markup | None
    course: Markup | None
    plus_fractions: Markup | None
    thresholds: list[Markup]
    first_frame: Markup | None
    steady: Markup | None
    resources: Markup | None
