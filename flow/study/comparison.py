"""What a study's points are compared along, and which of them differ beyond what their seeds do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import mean, variance
from typing import Any

from scipy.special import stdtr, stdtrit

from flow.report.study import is_number
from flow.report.tables import signed
from flow.study.plan import Study

LEVEL = 0.05
NAMED = 6  # points that differ which the statement names, the largest difference first
CONFIG, VARIANT = "config", "variant"


def find_axis(study: Study) -> dict[str, Any]:
    """What the points stand along: a setting of several numbers, else the variants, else any setting, else the configs.

    Returns:
        ``key``: a dotted key, "variant" or "config"; ``numeric``; ``reference``: the value that the others are compared
        with, which is 0 where there is one and else the first, None for configs; ``others``: what else is varied, each
        combination of which is a series of its own.
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
    return {
        "key": key,
        "numeric": key in numeric,
        "reference": None if key == CONFIG else (zero or list(values))[0],
        "others": [other for other in choices if other != key],
    }


def compare_points(points: list[dict[str, Any]], axis: dict[str, Any]) -> list[dict[str, Any]]:
    """Every point with the outcome of its comparison with its series' reference.

    Welch's t-test (1947) of the seeds' accuracies, its p-values corrected by Holm's method (1979) over all comparisons
    of the study: seldom more than one study in twenty then calls anything different that is not.

    Args:
        points: ``config``, ``variant``, ``varied`` and ``rows``, each with an ``accuracy``.
        axis: as `find_axis` gives it.

    Returns:
        The points, each with ``value`` (on the axis), ``series`` (its name, "" where there is only one),
        ``is_reference``, ``difference`` of the means, ``interval`` (95 %, of the difference alone), ``p_value``,
        ``p_corrected`` and ``differs``; None where nothing can be said: no reference, fewer than two seeds, or seeds
        that do not deviate at all.
    """
    placed = [
        point
        | {
            "value": _on(point, axis["key"]),
            "series": ", ".join(
                str(_on(point, key)) if key in {CONFIG, VARIANT} else _named(key, _on(point, key))
                for key in axis["others"]
            ),
        }
        for point in points
    ]
    references = {
        point["series"]: point
        for point in placed
        if axis["key"] != CONFIG and repr(point["value"]) == repr(axis["reference"])
    }
    compared = []
    for point in placed:
        reference = references.get(point["series"])
        is_reference = reference is not None and repr(point["value"]) == repr(reference["value"])
        found = None if reference is None or is_reference else _welch(_accuracies(point), _accuracies(reference))
        difference, interval, p_value = found or (None, None, None)
        outcome = {"is_reference": is_reference, "difference": difference, "interval": interval, "p_value": p_value}
        compared.append(point | outcome)
    corrected = holm({index: one["p_value"] for index, one in enumerate(compared) if one["p_value"] is not None})
    return [
        point
        | {"p_corrected": corrected.get(index), "differs": corrected[index] < LEVEL if index in corrected else None}
        for index, point in enumerate(compared)
    ]


def holm(p_values: dict[int, float]) -> dict[int, float]:
    """Holm's correction: the i-th smallest of m p-values times m - i + 1, at most 1, and never below the one before."""
    corrected: dict[int, float] = {}
    highest = 0.0
    for place, index in enumerate(sorted(p_values, key=lambda index: p_values[index])):
        highest = max(highest, min(1.0, (len(p_values) - place) * p_values[index]))
        corrected[index] = highest
    return corrected


def state(points: list[dict[str, Any]], axis: dict[str, Any]) -> dict[str, str]:
    """``statement``: whether any point differs from the reference beyond seed noise; ``method``: how that was decided.

    Args:
        points: as `compare_points` gives them.
        axis: as `find_axis` gives it.
    """
    if axis["key"] == CONFIG:
        return {"statement": _seeds(points), "method": "The configs are networks of their own: none is compared."}
    reference = _named(axis["key"], axis["reference"])
    if axis["others"]:
        reference += f" of the same {' and '.join(_short(key) for key in axis['others'])}"
    tested = sorted(
        (point for point in points if point["p_corrected"] is not None), key=lambda one: -abs(one["difference"])
    )
    if not tested:
        unknown = f"Whether a setting differs from {reference} beyond seed noise cannot be said."
        return {
            "statement": f"{unknown} {_seeds(points)}",
            "method": "It takes two seeds of each that are not all alike.",
        }
    differing = [point for point in tested if point["differs"]]
    if differing:
        count = f"{len(differing)} of {len(tested)} settings {'differs' if len(differing) == 1 else 'differ'}"
        named = [f"{_label(one, axis)} ({signed(one['difference'])}, {_p(one)})" for one in differing[:NAMED]]
        rest = f" and {len(differing) - NAMED} more" if len(differing) > NAMED else ""
        found = f"{count} from {reference} beyond seed noise, in percentage points: {', '.join(named)}{rest}."
    else:
        largest = tested[0]
        low, high = largest["interval"]
        found = (
            f"No setting differs from {reference} beyond seed noise. The largest difference is "
            f"{signed(largest['difference'])} percentage points, at {_label(largest, axis)} ({_p(largest)}; "
            f"95 % interval of it alone {signed(low)} to {signed(high)})."
        )
    untested = sum(not point["is_reference"] for point in points) - len(tested)
    left_out = f" {untested} could not be tested." if untested else ""
    over = f"over {len(tested)} comparison{'s' if len(tested) > 1 else ''}"
    return {
        "statement": f"{found} {_seeds(points)}",
        "method": f"Welch's t-test at the {100 * LEVEL:.0f} % level, p corrected by Holm's method {over}.{left_out}",
    }


def _welch(ours: list[float], theirs: list[float]) -> tuple[float, list[float], float] | None:
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
    return difference, [difference - half, difference + half], 2 * float(stdtr(degrees, -abs(difference) / error))


def _accuracies(point: dict[str, Any]) -> list[float]:
    return [row["accuracy"] for row in point["rows"]]


def _on(point: dict[str, Any], key: str) -> Any:
    return point[key] if key in {CONFIG, VARIANT} else point["varied"][key]


def _short(key: str) -> str:
    return key.rsplit(".", 1)[-1]


def _named(key: str, value: Any) -> str:
    return f"{_short(key)} {value}"


def _label(point: dict[str, Any], axis: dict[str, Any]) -> str:
    name = _named(axis["key"], point["value"])
    return f"{name} with {point['series']}" if point["series"] else name


def _p(point: dict[str, Any]) -> str:
    p = point["p_corrected"]
    return "corrected p < 0.0001" if p < 1e-4 else f"corrected p = {p:.2g}"


def _seeds(points: list[dict[str, Any]]) -> str:
    counts = sorted({point["seeds"] for point in points})
    if not counts:
        return "No row has been done yet."
    least, most = counts[0], counts[-1]
    return (
        f"{most} seed{'' if most == 1 else 's'} a setting." if least == most else f"{least} to {most} seeds a setting."
    )
