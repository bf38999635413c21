"""A study's tables: every row, and the rows that differ in their seed alone taken together.

Times stand in the rows' own files and not here, so that a study that was killed gives the same tables as one that was
left alone.
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import pandas as pd

from bnn.files import atomic_path, write_text
from flow.report.tables import percent, table
from flow.study.plan import Study, StudyRow
from flow.study.plot import plot_accuracy
from flow.study.row import DONE

Result = tuple[StudyRow, dict[str, Any]]
FIGURES = (
    "status",
    "kind",
    "accuracy",
    "reference_accuracy",
    "mismatches",
    "frames",
    "epochs",
    "final_loss",
    "network_hash",
)


def write_tables(study: Study, results: list[Result], out: Path) -> None:
    """``rows.csv``, ``rows.parquet`` and ``summary.md`` of what there is so far."""
    frame = as_frame(results)
    with atomic_path(out / "rows.csv") as temporary:
        frame.to_csv(temporary, index=False)
    with atomic_path(out / "rows.parquet") as temporary:
        frame.to_parquet(temporary, index=False)
    write_text(out / "summary.md", summary(study, results))
    plot = plot_accuracy(study, points(results))
    if plot is not None:
        write_text(out / "accuracy.svg", plot)


def as_frame(results: list[Result]) -> pd.DataFrame:
    """A line a row; lists are written as text, so that a column has one type."""
    lines = []
    for row, figures in results:
        line: dict[str, Any] = {"id": row.id, "config": row.config_name, "variant": row.variant}
        line |= {key: value if isinstance(value, (int, float)) else str(value) for key, value in row.varied.items()}
        line |= {"seed": row.seed} | {key: figures.get(key) for key in FIGURES}
        line |= {f"plus_one/{name}": share for name, share in (figures.get("plus_one") or {}).items()}
        lines.append(line | {"error": figures.get("error")})
    frame = pd.DataFrame(lines)
    for key in {key for row, _ in results for key in row.varied}:
        if frame[key].map(type).nunique() > 1:
            frame[key] = frame[key].map(str)
    return frame


def points(results: list[Result]) -> list[dict[str, Any]]:
    """The rows that differ in their seed alone, taken together: mean and standard deviation of the accuracy."""
    grouped = []
    for _, group in groupby(results, key=lambda result: result[0].point):
        members = list(group)
        first = members[0][0]
        accuracies = [figures["accuracy"] for _, figures in members if figures["status"] == DONE]
        grouped.append(
            {
                "config": first.config_name,
                "variant": first.variant,
                "varied": first.varied,
                "seeds": len(accuracies),
                "failed": len(members) - len(accuracies),
                "mean": mean(accuracies) if accuracies else None,
                "deviation": stdev(accuracies) if len(accuracies) > 1 else None,
                "mismatches": sum(figures["mismatches"] or 0 for _, figures in members if figures["status"] == DONE),
            }
        )
    return grouped


def summary(study: Study, results: list[Result]) -> str:
    """The points as Markdown."""
    varied = list(study.vary)
    rows = [
        (
            point["config"],
            point["variant"],
            *(str(point["varied"][key]) for key in varied),
            percent(point["mean"]),
            percent(point["deviation"]),
            point["seeds"],
            point["failed"],
            point["mismatches"],
        )
        for point in points(results)
    ]
    header = ("config", "variant", *varied, "accuracy", "deviation", "seeds", "failed", "mismatches")
    text = f"# {study.name}\n\n{study.question}\n\n" if study.question else f"# {study.name}\n\n"
    return (
        text
        + "Test accuracy of the integer network: mean and standard deviation over the seeds. Mismatches: test images "
        "whose classes the trained model orders otherwise.\n\n" + table(header, rows)
    )
