"""The course of the training: what it measured after each epoch, read from its log, and the curve."""

from __future__ import annotations

import csv
import math

from markupsafe import Markup
from matplotlib.figure import Figure

from flow.report.svg import BLUE, ORANGE, draw
from flow.report.tables import percent
from flow.run.figures.report_network import Course
from flow.run.folder import RunFolder

MEASURED = {"validation_accuracy": "held-out training images", "test_accuracy": "test images"}


def training_course(run: RunFolder) -> Course | None:
    """Loss, and accuracy where it was measured, epoch by epoch; None without a whole log.

    An accuracy is None for an epoch of a version that did not measure it.
    """
    try:
        with (run.path / "logs" / "metrics.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        epochs, loss = [int(row["epoch"]) for row in rows], [float(row["loss"]) for row in rows]
        measured_on, accuracy = None, None
        for column, images in MEASURED.items():
            if any(row.get(column) for row in rows):
                measured_on = images
                accuracy = [float(row[column]) if row[column] else None for row in rows]
        course = Course(epochs=epochs, loss=loss, measured_on=measured_on, accuracy=accuracy)
    except (OSError, UnicodeDecodeError, KeyError, TypeError, ValueError):
        return None
    return course if rows else None


def plot_course(course: Course) -> Markup:
    """Loss, and accuracy where it was measured, over the epochs."""
    accuracy = course.accuracy

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        marker = "o" if len(course.epochs) == 1 else None
        axes.plot(course.epochs, course.loss, color=ORANGE, linewidth=1.4, marker=marker)
        axes.set_ylabel("training loss", color=ORANGE)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("epoch")
        axes.locator_params(axis="x", integer=True)
        if accuracy is not None:
            beside = axes.twinx()
            values = [math.nan if value is None else 100 * value for value in accuracy]
            beside.plot(course.epochs, values, color=BLUE, linewidth=1.4, marker=marker)
            beside.set_ylabel("accuracy, %", color=BLUE)
            beside.spines["right"].set_visible(True)

    words = f"Training of {len(course.epochs)} epochs: loss {course.loss[0]:.4f} to {course.loss[-1]:.4f}"
    if accuracy is not None:
        words += f"; accuracy at last {percent(accuracy[-1])}"
    return draw("course", words, (4.6, 2.6), paint)


def course_note(course: Course) -> str:
    """On which images the accuracy is, in a sentence."""
    if course.accuracy is None:
        return "No images were measured while it was trained."
    chosen = "" if course.measured_on != MEASURED["test_accuracy"] else " The last epoch is kept, whatever they say."
    return f"Accuracy of the integer network on the {course.measured_on} after each epoch.{chosen}"
