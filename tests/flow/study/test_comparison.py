"""Which points of a study differ. Oracles: SciPy's Welch test and interval, Holm's correction by hand, simulation."""

import numpy as np
import pytest
from scipy.stats import ttest_ind

from flow.run.figures.study import GroupedRows, Seed
from flow.study.comparison import compare_points, find_axis, holm, state
from flow.study.plan import Study


def _study(**settings):
    return Study.model_validate({"name": "s", "configs": ["digits"]} | settings)


def _point(config, variant, varied, accuracies):
    return GroupedRows(
        config=config,
        variant=variant,
        varied=varied,
        seeds=len(accuracies),
        failed=0,
        mean=None,
        deviation=None,
        mismatches=None,
        accuracy_of=None,
        rows=[Seed(seed=seed, config_hash="", accuracy=accuracy) for seed, accuracy in enumerate(accuracies)],
    )


def _points(key, accuracies):
    return [
        _point("digits", value if key == "variant" else "plain", {} if key == "variant" else {key: value}, seeds)
        for value, seeds in accuracies.items()
    ]


def _compared(accuracies):
    axis = find_axis(_study(vary={"activation.threshold_shift": list(accuracies)}))
    return compare_points(_points("activation.threshold_shift", accuracies), axis), axis


def test_differences_are_welchs():
    drawn = np.random.default_rng(0)
    accuracies = {
        -0.5: (0.93 + 0.01 * drawn.standard_normal(3)).tolist(),
        0.0: (0.95 + 0.002 * drawn.standard_normal(5)).tolist(),
        0.5: [0.97, 0.97],  # no deviation of its own: the reference's is enough
    }
    points, _ = _compared(accuracies)
    for point in points[::2]:
        expected = ttest_ind(accuracies[point.value], accuracies[0.0], equal_var=False) if point.value < 0 else None
        difference = np.mean(accuracies[point.value]) - np.mean(accuracies[0.0])
        assert point.difference == pytest.approx(difference)
        if expected is not None:
            low, high = expected.confidence_interval(0.95)
            assert point.p_value == pytest.approx(expected.pvalue, rel=1e-9)
            assert point.interval == pytest.approx([low, high], rel=1e-9)
    # by hand: t = difference / (s / sqrt(5)), 4 degrees of freedom
    from scipy.stats import t as student

    error = np.std(accuracies[0.0], ddof=1) / np.sqrt(5)
    assert points[2].p_value == pytest.approx(2 * student.sf(points[2].difference / error, 4))
    assert points[1].is_reference
    assert points[1].p_value is points[1].differs is None


def test_holm_by_hand():
    """0.01 * 4; 0.02 * 3; 0.03 * 2 equals the one before; 0.9 * 1. And ties, and what would pass 1."""
    assert holm({0: 0.03, 1: 0.9, 2: 0.01, 3: 0.02}) == pytest.approx({2: 0.04, 3: 0.06, 0: 0.06, 1: 0.9})
    assert holm({0: 0.6, 1: 0.5}) == {1: 1.0, 0: 1.0}
    assert holm({}) == {}


def test_noise_alone_is_seldom_called_a_difference():
    """400 studies of nine equal settings: about one in twenty at most may find anything."""
    drawn = np.random.default_rng(1)
    found = 0
    for _ in range(400):
        points, _ = _compared({shift: drawn.normal(0.95, 0.002, 3).tolist() for shift in np.arange(-4.0, 5.0)})
        found += any(point.differs for point in points)
    assert found / 400 < 0.08


@pytest.mark.parametrize(
    ("settings", "key", "reference", "others"),
    [
        ({"vary": {"activation.threshold_shift": [-1.0, 0.0, 1.0]}}, "activation.threshold_shift", 0.0, []),
        ({"vary": {"training.learning_rate": [0.1, 0.2]}}, "training.learning_rate", 0.1, []),
        (
            {"vary": {"activation.ste": ["approx_sign", "clipped_identity"], "activation.threshold_shift": [1, 0]}},
            "activation.threshold_shift",
            0,
            ["activation.ste"],
        ),
        (
            {"vary": {"training.epochs": [1, 2], "activation.threshold_shift": [0.0, 0.5, 1.0]}, "configs": ["a", "b"]},
            "activation.threshold_shift",
            0.0,
            ["config", "training.epochs"],
        ),
        ({"variants": [{"name": "x"}, {"name": "y"}]}, "variant", "x", []),
        ({"vary": {"activation.threshold_shift": ["learned", 0.0]}}, "activation.threshold_shift", 0.0, []),
        ({"configs": ["a", "b"]}, "config", None, []),
        ({}, "config", None, []),
    ],
)
def test_the_axis_and_what_is_compared_with(settings, key, reference, others):
    axis = find_axis(_study(**settings))
    assert (axis.key, axis.reference, axis.others) == (key, reference, others)
    assert axis.numeric == (key not in {"variant", "config"} and "learned" not in settings["vary"][key])


def test_every_series_has_its_own_reference():
    study = _study(vary={"activation.ste": ["a", "b"]}, variants=[{"name": "x"}, {"name": "y"}])
    points = []
    for variant, shift in (("x", 0.0), ("y", 0.1)):
        for ste, level in (("a", 0.5), ("b", 0.8)):
            seeds = [level + shift + 0.001 * seed for seed in range(3)]
            points.append(_point("c", variant, {"activation.ste": ste}, seeds))
    compared = compare_points(points, find_axis(study))
    assert [point.series for point in compared] == ["ste a", "ste b", "ste a", "ste b"]
    assert [point.difference for point in compared] == [None, None, pytest.approx(0.1), pytest.approx(0.1)]
    said = state(compared, find_axis(study)).statement
    assert said.startswith("2 of 2 settings differ from variant x of the same ste beyond seed noise")
    assert "variant y with ste a (+10.00, corrected p < 0.0001)" in said


def test_words():
    quiet, axis = _compared({-0.5: [0.90, 0.92, 0.94], 0.0: [0.91, 0.93, 0.92], 0.5: [0.5]})
    said = state(quiet, axis)
    low, high = ttest_ind([0.90, 0.92, 0.94], [0.91, 0.93, 0.92], equal_var=False).confidence_interval(0.95)
    assert said.statement == (
        "No setting differs from threshold_shift 0.0 beyond seed noise. The largest difference is +0.00 percentage "
        "points, at threshold_shift -0.5 (corrected p = 1; "
        f"95 % interval of it alone {100 * low:+.2f} to {100 * high:+.2f}). "
        "1 to 3 seeds a setting."
    )
    assert said.method.endswith("over 1 comparison. 1 could not be tested.")
    single, axis = _compared({0.0: [0.9], 0.5: [0.8]})
    assert "cannot be said. 1 seed a setting." in state(single, axis).statement
    alike, axis = _compared({0.0: [0.9, 0.9], 0.5: [0.8, 0.8]})
    assert "cannot be said. 2 seeds a setting." in state(alike, axis).statement
    no_reference, axis = _compared({0.0: [], 0.5: [0.8, 0.9]})
    assert "cannot be said" in state(no_reference, axis).statement
    axis = find_axis(_study(configs=["a", "b"]))
    assert state(compare_points([], axis), axis).statement == "No row has been done yet."
