"""``rows/ID.json`` and ``summary.json`` of a study."""

from __future__ import annotations

from typing import Any, Literal

from finn_build.results.form import Count, Number, Part, Real, Share, says

Images = Literal["test", "held-out"]


class RowFigures(Part):
    """``rows/ID.json`` of a study: one training."""

    status: Literal["done", "failed"] = says("failed rows are computed again")
    config_hash: str = says("of the row's whole configuration")
    askew_version: str | None = says("version that computed it", default=None)
    seed: Count | None = says("of the training", default=None)
    kind: str | None = says("whose accuracy it is: integer (network) or reference (model)", default=None)
    images_of: Images = says("which images are measured: test, or held-out (of the training images)", default="test")
    accuracy: Share | None = says("on these images", "0..1", default=None)
    reference_accuracy: Share | None = says("of the trained model on these images", "0..1", default=None)
    mismatches: Count | None = says("of these images, whose classes the two order otherwise", "frames", default=None)
    frames: Count | None = says("how many images", "frames", default=None)
    epochs: Count | None = says("of the training", "epochs", default=None)
    images: str | None = says("in words, what was done to the images of a folder", default=None)
    final_loss: Real | None = says("of the last epoch", default=None)
    plus_one: dict[str, Share] | None = says("layer to its fraction of +1", "0..1", default=None)
    network_hash: str | None = says("of the integer network", default=None)
    error: str | None = says("why it failed", default=None)
    seconds: Number | None = says("that it took", "s", default=None)
    cpu_seconds: Number | None = says("that it took of the CPU", "s", default=None)


class Seed(Part):
    """One row of a point."""

    seed: Count = says("of the training")
    config_hash: str = says("of the row's whole configuration")
    accuracy: Share = says("on the images that are measured", "0..1")


class GroupedRows(Part):
    """The rows of a study that differ in their seed alone."""

    config: str = says("the training config's name")
    variant: str = says("the group of settings")
    varied: dict[str, Any] = says("dotted key to its value")
    seeds: Count = says("rows that are done")
    failed: Count = says("rows that failed")
    mean: Share | None = says("accuracy over the seeds", "0..1")
    deviation: Number | None = says("standard deviation of the accuracy over the seeds", "0..1")
    mismatches: Count | None = says("over the seeds", "frames")
    accuracy_of: str | None = says("whose accuracy it is: integer network or trained model")
    images_of: Images = says("which images are measured: test, or held-out (of the training images)", default="test")
    plus_one: dict[str, Share] | None = says("layer to its fraction of +1, over the seeds", "0..1", default=None)
    rows: list[Seed] = says("those that are done")


class Point(GroupedRows):
    """Grouped rows on the study's axis, compared with the reference of their series."""

    series: str = says("what else is varied; empty where nothing is")
    value: Any = says("on the axis")
    is_reference: bool = says("whether the others of its series are compared with it")
    differs: bool | None = says("beyond seed noise; null where nothing can be said")
    difference: Real | None = says("from the reference's mean accuracy", "0..1")
    interval: list[Real] | None = says("95 %, of the difference alone", "0..1", default=None)
    p_value: Share | None = says("of Welch's t-test", "0..1", default=None)
    p_corrected: Share | None = says("the same by Holm's method over all comparisons", "0..1")


class Axis(Part):
    """What a study's points stand along."""

    key: str = says("a dotted key, variant or config")
    numeric: bool = says("whether all its values are numbers")
    reference: Any = says("the value that the others are compared with; null for configs", default=None)
    others: list[str] = says("what else is varied")


class Rows(Part):
    """How much of a study has been done."""

    planned: Count = says("trainings")
    done: Count = says("trainings")
    failed: Count = says("trainings")


class StudySummary(Part):
    """``summary.json`` of a study: what it found."""

    askew_version: str | None = says("version that wrote the file", default=None)
    name: str = says("of the study")
    question: str = says("what it asks; may be empty")
    statement: str = says("whether anything differs beyond seed noise, in words")
    method: str = says("how that was decided, in words")
    rows: Rows = says("how much has been done")
    axis: Axis = says("what the points stand along")
    points: list[Point] = says("in the study's order")
