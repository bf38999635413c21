"""A study's tables: every row, and the rows that differ in their seed alone taken together.

Times stand in the rows' own files and not here, so that a study that was killed gives the same tables as one that was
left alone.
"""

from __future__ import annotations

from itertools import groupby
from math import prod
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import pandas as pd

from bnn.files import atomic_path, write_text
from bnn.version import VERSION
from flow.report.study import SUMMARY, study_section
from flow.report.study_plot import plot_study_file
from flow.run.figures.study import GroupedRows, RowFigures, Rows, Seed, StudySummary
from flow.study.comparison import compare_points, find_axis, state
from flow.study.plan import Study, StudyRow
from flow.study.row import DONE, INTEGER, REFERENCE

Result = tuple[StudyRow, RowFigures]
FIGURES = (
    "status",
    "kind",
    "images_of",
    "accuracy",
    "reference_accuracy",
    "mismatches",
    "frames",
    "epochs",
    "final_loss",
    "network_hash",
)
WHOSE = {INTEGER: "integer network", REFERENCE: "trained model"}


def write_tables(study: Study, results: list[Result], out: Path) -> None:
    """``rows.csv``, ``rows.parquet``, ``summary.json``, ``summary.md`` and ``accuracy.svg`` of what there is so far."""
    frame = as_frame(results)
    with atomic_path(out / "rows.csv") as temporary:
        frame.to_csv(temporary, index=False)
    with atomic_path(out / "rows.parquet") as temporary:
        frame.to_parquet(temporary, index=False)
    found = summarize(study, results)
    found.write(out / SUMMARY)
    question = f"{study.question}\n\n" if study.question else ""
    write_text(out / "summary.md", f"# {study.name}\n\n{question}{study_section(found)}")
    write_text(out / "accuracy.svg", plot_study_file(found))


def as_frame(results: list[Result]) -> pd.DataFrame:
    """A line a row; lists are written as text, so that a column has one type."""
    lines = []
    for row, figures in results:
        line: dict[str, Any] = {"id": row.id, "config": row.config_name, "variant": row.variant}
        line |= {key: value if isinstance(value, (int, float)) else str(value) for key, value in row.varied.items()}
        line |= {"seed": row.seed} | {key: getattr(figures, key) for key in FIGURES}
        line |= {f"plus_one/{name}": share for name, share in (figures.plus_one or {}).items()}
        lines.append(line | {"error": figures.error})
    frame = pd.DataFrame(lines)
    for key in {key for row, _ in results for key in row.varied}:
        if frame[key].map(type).nunique() > 1:
            frame[key] = frame[key].map(str)
    return frame


def points(results: list[Result]) -> list[GroupedRows]:
    """The rows that differ in their seed alone, taken together: mean and standard deviation of the accuracy."""
    grouped = []
    for _, group in groupby(results, key=lambda result: result[0].point):
        members = list(group)
        first = members[0][0]
        seeds = [
            Seed(seed=row.seed, config_hash=row.config.hash, accuracy=figures.accuracy)
            for row, figures in members
            if figures.status == DONE and figures.accuracy is not None
        ]
        done = [figures for _, figures in members if figures.status == DONE]
        accuracies = [seed.accuracy for seed in seeds]
        counted = [figures.mismatches for figures in done if figures.mismatches is not None]
        kinds = {figures.kind or INTEGER for figures in done}
        grouped.append(
            GroupedRows(
                config=first.config_name,
                variant=first.variant,
                varied=first.varied,
                seeds=len(accuracies),
                failed=len(members) - len(accuracies),
                mean=mean(accuracies) if accuracies else None,
                deviation=stdev(accuracies) if len(accuracies) > 1 else None,
                mismatches=sum(counted) if counted else None,
                accuracy_of=WHOSE[kinds.pop()] if len(kinds) == 1 else None,
                images_of=done[0].images_of if done else "test",
                plus_one=_plus_one([figures.plus_one for figures in done if figures.plus_one]),
                rows=seeds,
            )
        )
    return grouped


def _plus_one(of_seeds: list[dict[str, float]]) -> dict[str, float] | None:
    """Layer to its fraction of +1, mean over the seeds; None where no row has it."""
    return {name: mean(one[name] for one in of_seeds) for name in of_seeds[0]} if of_seeds else None


def summarize(study: Study, results: list[Result]) -> StudySummary:
    """What ``summary.json`` holds, and what the study's page, plot and section of a report are made from."""
    axis = find_axis(study)
    compared = compare_points(points(results), axis)
    settings = prod(len(values) for values in study.vary.values())
    found = state(compared, axis)
    return StudySummary(
        askew_version=VERSION,
        name=study.name,
        question=study.question,
        rows=Rows(
            planned=len(study.configs) * len(study.variants) * settings * len(study.seeds),
            done=sum(point.seeds for point in compared),
            failed=sum(point.failed for point in compared),
        ),
        axis=axis,
        points=compared,
        statement=found.statement,
        method=found.method,
    )
