"""Absorption of small graphs written by hand. Oracle: what the epilogue gives at every integer that can reach it."""

import numpy as np
import pytest

from bnn.nodes import Encode, Grid, Scores
from bnn.stage import Add, AveragePool, GlobalSum, Logits, Matrix, MaxPool, ModelGraph, Quantize, Sign
from bnn.values import Bits, Integers
from hw.simulator.reference import walk
from onnx_export.absorb import AbsorptionError, absorb

PIXELS = Encode((1, 1, 2), np.arange(256, dtype=np.int16) // 8 - 16, binary=False)  # -16..15


def sign(values):
    return np.where(values >= 0, np.float32(1), np.float32(-1))


def on_grid(function, fraction_bits=0, lowest=-100, highest=100, name="grid", source="input"):
    """A Quantize of a function of real numbers: rounded, saturated."""
    return Quantize(name, (source,), function, fraction_bits=fraction_bits, lowest=lowest, highest=highest)


def graph(*nodes, source=PIXELS, logits=lambda a: a):
    return ModelGraph((source, *nodes, Logits("logits", (nodes[-1].name,), logits)))


def node_of(network, name):
    return next(node for node in network.nodes if node.name == name)


def test_a_grid_that_rises_and_falls_is_refused_by_name_and_place():
    node = on_grid(lambda a: np.where([False, True], np.abs(a), a).astype(np.float32))
    with pytest.raises(
        AbsorptionError,
        match=r"layer grid channel 1: not monotonic, rises to accumulator 1 and falls to accumulator -15; .* alone",
    ):
        absorb(graph(node))


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 0.25, 200.0])
def test_what_is_off_the_grid_or_beyond_it_is_refused(wrong):
    node = on_grid(lambda a: np.where(a == 3, np.float32(wrong), a), fraction_bits=1, lowest=-40, highest=40)
    with pytest.raises(
        AbsorptionError, match=rf"layer grid channel 0: gives {wrong} at accumulator 3, must be a multiple of 2\^-1"
    ):
        absorb(graph(node))


def test_what_bends_has_no_line_and_is_refused():
    node = on_grid(lambda a: np.where([False, True], np.floor(np.where(a < 0, a / 4, a)), a).astype(np.float32))
    with pytest.raises(AbsorptionError, match=r"layer grid channel 1: no integers M .* 2\^-0 .* leaky ReLU, PReLU"):
        absorb(graph(node))


def test_values_on_a_grid_are_named_as_the_model_has_them():
    halves = on_grid(lambda a: a / 2, fraction_bits=1, name="halves")
    node = Sign("bits", ("halves",), lambda a: sign(np.abs(a) - 1.5))
    matrix = Matrix("fc", ("bits",), np.ones((2, 2), np.float32))
    with pytest.raises(
        AbsorptionError, match=r"layer bits channel 0: not monotonic, .* to -1 at value -1\.0 and .*1\.5"
    ):
        absorb(graph(halves, node, matrix))


def test_a_relu_is_a_saturation():
    network = absorb(graph(on_grid(lambda a: np.maximum(np.floor(a * np.float32(1.3)), np.float32(0)))))
    grid = node_of(network, "grid")
    assert isinstance(grid, Grid)
    assert (grid.lowest, grid.highest) == (0, 19)  # what is reached, not the model's bounds
    x = np.arange(-16, 16)[:, None]
    ours = np.clip((grid.multipliers * x + grid.offsets) >> grid.shift, grid.lowest, grid.highest)
    np.testing.assert_array_equal(ours[:, 0], np.maximum(np.floor(x[:, 0].astype(np.float32) * np.float32(1.3)), 0))


def test_the_mean_of_four_is_one_shift():
    source = Encode((2, 2, 3), np.arange(256, dtype=np.int16) - 128, binary=False)
    mean = AveragePool("mean", ("input",), kernel=(2, 2), stride=(2, 2), epilogue=lambda a: np.floor(a / 4 + 0.5))
    network = absorb(graph(mean, source=source))
    grid = node_of(network, "mean")
    assert isinstance(grid, Grid)
    sums = np.arange(-512, 509)[:, None]
    ours = (grid.multipliers * sums + grid.offsets) >> grid.shift
    np.testing.assert_array_equal(ours, np.repeat((sums + 2) >> 2, 3, axis=1))
    assert grid.shift == 2


def test_sums_of_popcounts_are_added_as_they_are():
    source = Encode.threshold((1, 1, 5), 128)
    matrices = [Matrix(name, ("input",), np.ones((3, 5), np.float32)) for name in "ab"]
    network = absorb(graph(*matrices, Add("sum", ("a", "b")), source=source))
    assert [node.kind for node in network.nodes] == ["encode", "dense", "dense", "add", "scores"]
    assert network.values["sum"] == Integers((1, 1, 3), 0, 10)
    scores = network.output
    assert scores.multipliers is not None
    assert scores.multipliers.tolist() == [2, 2, 2]
    assert scores.offsets.tolist() == [-10, -10, -10]


def test_a_maximum_in_front_of_the_logits_and_falling_logits():
    source = Encode((2, 2, 2), np.arange(256, dtype=np.int16) - 128, binary=False)
    pool = MaxPool("pool", ("input",), kernel=(2, 2), stride=(2, 2))
    network = absorb(graph(pool, source=source, logits=lambda a: np.float32(3) - a))
    assert isinstance(network.output, Scores)
    assert network.output.multipliers.tolist() == [-1, -1]


def test_logits_that_differ_get_a_table_over_what_they_reach():
    logits = np.array([[0.5, -0.25]], np.float32)
    network = absorb(graph(on_grid(lambda a: a / 4, fraction_bits=2), logits=lambda a: a * logits))
    table = network.output.table
    x = np.arange(-16, 16)
    expected = np.stack([x / 4 * 0.5, x / 4 * -0.25])
    np.testing.assert_array_equal(table, np.searchsorted(np.unique(expected), expected))


def test_a_falling_sign_between_pools_of_a_sum_negates_the_integers():
    source = Encode((3, 3, 2), np.arange(256, dtype=np.int16) // 8 - 16, binary=False)
    nodes = [
        Add("sum", ("input", "input")),
        MaxPool("max", ("sum",), kernel=(2, 2), stride=(1, 1)),
        Sign("bits", ("max",), lambda a: sign(np.where([True, False], 3 - a, a))),
        MaxPool("or", ("bits",), kernel=(2, 2), stride=(1, 1)),
        Matrix("fc", ("or",), np.ones((2, 2), np.float32)),
    ]
    network = absorb(graph(*nodes, source=source))
    images = np.random.default_rng(0).integers(0, 256, (50, 3, 3, 2), dtype=np.uint8)
    ours = {node.name: value for node, value in walk(network, images)}
    doubled = 2 * (images.astype(int) // 8 - 16)
    windows = np.lib.stride_tricks.sliding_window_view(doubled, (2, 2), axis=(1, 2)).max(axis=(4, 5))
    bits = np.stack([3 - windows[..., 0] >= 0, windows[..., 1] >= 0], axis=-1)
    np.testing.assert_array_equal(ours["bits"], bits)
    np.testing.assert_array_equal(ours["or"][:, 0, 0], bits.any(axis=(1, 2)))
    assert isinstance(network.values["or"], Bits)


def test_a_global_sum_is_one_window():
    source = Encode((4, 3, 2), np.arange(256, dtype=np.int16) - 128, binary=False)
    network = absorb(graph(GlobalSum("total", ("input",)), source=source))
    images = np.random.default_rng(1).integers(0, 256, (5, 4, 3, 2), dtype=np.uint8)
    total = next(value for node, value in walk(network, images) if node.name == "total")
    np.testing.assert_array_equal(total[:, 0, 0], (images.astype(int) - 128).sum(axis=(1, 2)))
