"""A study inside the report and on its own page: what it found in words, and its table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bnn.errors import UserError
from flow.report.tables import Table, number, percent, signed, table
from flow.run.figures.report_network import Place, ReportedStudy
from flow.run.figures.study import Point, StudySummary
from flow.run.folder import RunFolder
from training.config.load import load_config

SUMMARY = "summary.json"
TRAINED = "trained model"
HELD_OUT = "held-out"
PLAIN = "plain"  # the variant of a study that has none
TEST = "Test accuracy"
PLUS_ONE = "+1 by layer, %"


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
    leans = any(point.plus_one for point in shown)
    header += [PLUS_ONE] * leans
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
            *([_plus_one(point)] if leans else []),
            *([point.accuracy_of or "-"] if whose else []),
            *([signed(point.difference), _p(point)] if compared else []),
        )
        for point in shown
    ]


def _plus_one(point: Point) -> str:
    return "-" if not point.plus_one else " ".join(f"{100 * share:.0f}" for share in point.plus_one.values())


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
    text = f"{accuracy_on(study)} of {of}: mean and standard deviation over the seeds."
    if whose != {TRAINED}:
        text += " Mismatches: images whose classes the trained model orders otherwise."
    text += "".join(f" {PLUS_ONE}: {line}." for line in _layers(study))
    if any(point.is_reference for point in study.points):
        text += " Difference: from the reference, in percentage points, with its corrected p."
    if rows.done < rows.planned:
        failed = f", {rows.failed} failed" if rows.failed else ""
        text += f" Not finished: {rows.done} of {rows.planned} rows{failed}."
    return text


def accuracy_on(study: StudySummary) -> str:
    """Which images the accuracy is of, as the first words of a sentence."""
    images = {point.images_of for point in study.points}
    if images == {HELD_OUT}:
        return "Accuracy on held-out training images"
    return "Accuracy on test images, in some rows on held-out training images," if HELD_OUT in images else TEST


def _layers(study: StudySummary) -> list[str]:
    """The layers, in order, whose fractions of +1 the table has; where networks differ, with whose they are."""
    owners: dict[str, list[str]] = {}
    for point in study.points:
        if point.plus_one:
            owner = point.config if point.variant == PLAIN else f"{point.config} {point.variant}"
            owners.setdefault(", ".join(point.plus_one), []).append(owner)
    if len(owners) < 2:
        return list(owners)
    return [f"{layers} in {', '.join(dict.fromkeys(names))}" for layers, names in owners.items()]


def describe_this_run(study: StudySummary) -> str:
    """Which of the study's rows the run is; empty where it is none."""
    place = study.this_run if isinstance(study, ReportedStudy) else None
    if place is None:
        return ""
    point = study.points[place.point]
    parts = [part for part in (point.config, point.variant) if part != PLAIN]
    parts += [f"{key} {value}" for key, value in point.varied.items()]
    return f"This run is one of the study's rows: {', '.join(parts)}, seed {place.seed}."


def study_section(study: StudySummary) -> str:
    """Statement, method, description and table as Markdown, below whatever heading."""
    lines = [f"**{study.statement}**", study.method, describe_study(study), describe_this_run(study)]
    return "\n\n".join([line for line in lines if line] + [table(*study_table(study))])
