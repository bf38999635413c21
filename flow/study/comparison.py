"""What a study's points are compared along, and which of them differ beyond what their seeds do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import mean, variance
from typing import Any, NamedTuple

from scipy.special import stdtr, stdtrit

from flow.report.study import is_number
from flow.report.tables import signed
from flow.run.figures.study import Axis, GroupedRows, Point
from flow.study.plan import Study

LEVEL = 0.05
NAMED = 6  # points that differ which the statement names, the largest difference first
CONFIG, VARIANT = "config", "variant"


class Finding(NamedTuple):
    """What a study found, and how that was decided, in words."""

    statement: str
    method: str


def find_axis(study: Study) -> Axis:
    """What the points stand along: a setting of several numbers, else the variants, else any setting, else the configs.

    The reference is 0 where there is one and else the first value, None for configs. Each combination of what else is
    varied is a series of its own.
    """
    choices: dict[str, Sequence[Any]] = {CONFIG: study.configs, VARIANT: [one.name for one in study.variants]}
    choices = {key: values for key, values in (choices | study.vary).items() if len(values) > 1}
    numeric = [key for key, values in choices.items() if all(map(is_number, values))]
    settings = [key for key in choices if key not in {CONFIG, VARIANT}]
    if numeric:
        key = max(numeric, key=lambda key: len(choices[key]))
    else:
        key = VARIANT if VARIANT in choices else settings[0] if settings else CONFIG
    values = choices.get(key, [])
    zero = [value for value in values if is_number(value) and value == 0]
    return Axis(
        key=key,
        numeric=key in numeric,
        reference=None if key == CONFIG else (zero or list(values))[0],
        others=[other for other in choices if other != key],
    )


def compare_points(points: list[GroupedRows], axis: Axis) -> list[Point]:
    """Every point with the outcome of its comparison with its series' reference.

    Welch's t-test (1947) of the seeds' accuracies, its p-values corrected by Holm's method (1979) over all comparisons
    of the study: seldom more than one study in twenty then calls anything different that is not. Nothing can be said
    without a reference, of fewer than two seeds, or of seeds that do not deviate at all.

    Args:
        points: rows that differ in their seed alone.
        axis: as `find_axis` gives it.
    """
    references = {
        _series(point, axis): point
        for point in points
        if axis.key != CONFIG and repr(_on(point, axis.key)) == repr(axis.reference)
    }
    tests: list[_Test | None] = []
    for point in points:
        reference = references.get(_series(point, axis))
        tested = None if reference is None or reference is point else _welch(_accuracies(point), _accuracies(reference))
        tests.append(tested)
    corrected = holm({index: one.p_value for index, one in enumerate(tests) if one is not None})
    return [
        Point(
            **dict(point),
            value=_on(point, axis.key),
            series=_series(point, axis),
            is_reference=references.get(_series(point, axis)) is point,
            difference=one.difference if one else None,
            interval=one.interval if one else None,
            p_value=one.p_value if one else None,
            p_corrected=corrected.get(index),
            differs=corrected[index] < LEVEL if index in corrected else None,
        )
        for index, (point, one) in enumerate(zip(points, tests, strict=True))
    ]


class _Test(NamedTuple):
    """Welch's test of a point and its reference."""

    difference: float
    interval: list[float]
    p_value: float


def _series(point: GroupedRows, axis: Axis) -> str:
    """The name of the point's series; empty where there is only one."""
    return ", ".join(
        str(_on(point, key)) if key in {CONFIG, VARIANT} else _named(key, _on(point, key)) for key in axis.others
    )


def holm(p_values: dict[int, float]) -> dict[int, float]:
    """Holm's correction: the i-th smallest of m p-values times m - i + 1, at most 1, and never below the one before."""
    corrected: dict[int, float] = {}
    highest = 0.0
    for place, index in enumerate(sorted(p_values, key=lambda index: p_values[index])):
        highest = max(highest, min(1.0, (len(p_values) - place) * p_values[index]))
        corrected[index] = highest
    return corrected


def state(points: list[Point], axis: Axis) -> Finding:
    """Whether any point differs from the reference beyond seed noise, and how that was decided.

    Args:
        points: as `compare_points` gives them.
        axis: as `find_axis` gives it.
    """
    if axis.key == CONFIG:
        return Finding(_seeds(points), "The configs are networks of their own: none is compared.")
    reference = _named(axis.key, axis.reference)
    if axis.others:
        reference += f" of the same {' and '.join(_short(key) for key in axis.others)}"
    tested = sorted(
        (point for point in points if point.p_corrected is not None), key=lambda one: -abs(one.difference or 0.0)
    )
    if not tested:
        unknown = f"Whether a setting differs from {reference} beyond seed noise cannot be said."
        return Finding(f"{unknown} {_seeds(points)}", "It takes two seeds of each that are not all alike.")
    differing = [point for point in tested if point.differs]
    if differing:
        count = f"{len(differing)} of {len(tested)} settings {'differs' if len(differing) == 1 else 'differ'}"
        named = [f"{_label(one, axis)} ({signed(one.difference)}, {_p(one)})" for one in differing[:NAMED]]
        rest = f" and {len(differing) - NAMED} more" if len(differing) > NAMED else ""
        found = f"{count} from {reference} beyond seed noise, in percentage points: {', '.join(named)}{rest}."
    else:
        largest = tested[0]
        assert largest.interval is not None
        low, high = largest.interval
        found = (
            f"No setting differs from {reference} beyond seed noise. The largest difference is "
            f"{signed(largest.difference)} percentage points, at {_label(largest, axis)} ({_p(largest)}; "
            f"95 % interval of it alone {signed(low)} to {signed(high)})."
        )
    untested = sum(not point.is_reference for point in points) - len(tested)
    left_out = f" {untested} could not be tested." if untested else ""
    over = f"over {len(tested)} comparison{'s' if len(tested) > 1 else ''}"
    return Finding(
        f"{found} {_seeds(points)}",
        f"Welch's t-test at the {100 * LEVEL:.0f} % level, p corrected by Holm's method {over}.{left_out}",
    )


def _welch(ours: list[float], theirs: list[float]) -> _Test | None:
    """Difference of the means, its 95 % interval, and the two-sided p-value; None where there is nothing to test."""
    if min(len(ours), len(theirs)) < 2:
        return None
    parts = [variance(side) / len(side) for side in (ours, theirs)]
    if not sum(parts):
        return None
    difference, error = mean(ours) - mean(theirs), math.sqrt(sum(parts))
    # Welch and Satterthwaite: (a + b)^2 / (a^2 / (n - 1) + b^2 / (m - 1))
    degrees = sum(parts) ** 2 / sum(part**2 / (len(side) - 1) for part, side in zip(parts, (ours, theirs), strict=True))
    half = float(stdtrit(degrees, 0.975)) * error
    p_value = 2 * float(stdtr(degrees, -abs(difference) / error))
    return _Test(difference, [difference - half, difference + half], p_value)


def _accuracies(point: GroupedRows) -> list[float]:
    return [row.accuracy for row in point.rows]


def _on(point: GroupedRows, key: str) -> Any:
    return getattr(point, key) if key in {CONFIG, VARIANT} else point.varied[key]


def _short(key: str) -> str:
    return key.rsplit(".", 1)[-1]


def _named(key: str, value: Any) -> str:
    return f"{_short(key)} {value}"


def _label(point: Point, axis: Axis) -> str:
    name = _named(axis.key, point.value)
    return f"{name} with {point.series}" if point.series else name


def _p(point: Point) -> str:
    p = point.p_corrected
    assert p is not None
    return "corrected p < 0.0001" if p < 1e-4 else f"corrected p = {p:.2g}"


def _seeds(points: list[Point]) -> str:
    counts = sorted({point.seeds for point in points})
    if not counts:
        return "No row has been done yet."
    least, most = counts[0], counts[-1]
    return (
        f"{most} seed{'' if most == 1 else 's'} a setting." if least == most else f"{least} to {most} seeds a setting."
    )
