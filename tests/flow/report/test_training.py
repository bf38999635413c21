"""The training's curve. The oracle is the log as the training's own test reads it: rows of a CSV file."""

import re
from itertools import pairwise

import pytest

from flow.report.training import course_note, plot_course, training_course
from flow.run.folder import RunFolder


def run_with(tmp_path, log):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "metrics.csv").write_text(log)
    return RunFolder(tmp_path)


def curve_points(svg, colour):
    """Vertices of the line of that colour."""
    lines = re.findall(rf'<path d="([^"]*)"[^>]*style="[^"]*stroke: {colour}', svg)
    assert len(lines) == 1
    return [(float(x), float(y)) for x, y in re.findall(r"[ML] ([\d.]+) ([\d.]+)", lines[0])]


def test_loss_and_accuracy_are_drawn_as_the_log_says(tmp_path):
    log = "epoch,loss,test_accuracy,plus_one/fc1\n1,2.0,,0.5\n2,1.0,0.5,0.5\n3,0.5,0.75,0.5\n4,0.25,0.7,0.4\n"
    course = training_course(run_with(tmp_path, log))
    assert course.to_json() == {
        "epochs": [1, 2, 3, 4],
        "loss": [2.0, 1.0, 0.5, 0.25],
        "measured_on": "test images",
        "accuracy": [None, 0.5, 0.75, 0.7],
    }
    svg = plot_course(course)
    assert "Training of 4 epochs: loss 2.0000 to 0.2500; accuracy at last 70.00%" in svg
    losses = curve_points(svg, "#dd7e2b")
    assert len(losses) == 4
    falls = [later[1] - earlier[1] for earlier, later in pairwise(losses)]  # y points down
    assert falls == pytest.approx([falls[0], falls[0] / 2, falls[0] / 4], rel=1e-3)
    accuracies = curve_points(svg, "#3d85c6")
    assert len(accuracies) == 3, "the first epoch was not measured"
    rises = [earlier[1] - later[1] for earlier, later in pairwise(accuracies)]
    assert rises[1] / rises[0] == pytest.approx(-0.2, rel=1e-3)
    assert course_note(course).endswith(
        "on the test images after each epoch. The last epoch is kept, whatever they say."
    )


def test_held_out_images_are_said_to_be_that(tmp_path):
    course = training_course(run_with(tmp_path, "epoch,loss,validation_accuracy\n1,2.0,0.5\n"))
    assert course_note(course) == ("Accuracy of the integer network on the held-out training images after each epoch.")
    assert "<svg" in plot_course(course)


def test_a_log_without_accuracies_has_a_loss(tmp_path):
    course = training_course(run_with(tmp_path, "epoch,loss\n1,2.0\n2,1.5\n"))
    assert course.accuracy is None
    assert "accuracy" not in plot_course(course)
    assert course_note(course) == "No images were measured while it was trained."


@pytest.mark.parametrize("log", ["", "epoch,loss\n", "epoch,loss\none,2.0\n", "loss\n1.0\n", "epoch,loss\n1\n"])
def test_a_log_that_is_empty_or_damaged_is_left_out(tmp_path, log):
    assert training_course(run_with(tmp_path, log)) is None


def test_a_run_that_was_not_trained_has_none(tmp_path):
    assert training_course(RunFolder(tmp_path)) is None
