"""`askew diff` points at the damage. Oracle: the place that the test itself damaged."""

import dataclasses

import numpy as np
import pytest

from bnn import Chain, ConvLayer, DenseLayer, Encode, MaxPoolLayer, Network, UserError
from bnn.encoding import pack_bits
from bnn.nodes import Threshold
from flow.ladder.climb import climb
from flow.ladder.compare import Comparison, accuracy, dense_ranks
from flow.ladder.diff import diff_rungs, first_difference
from flow.ladder.rungs import IntegerRung
from flow.run.folder import Golden
from hw.simulator import Backend, simulate
from tests.support.graph_oracle import images_for
from tests.support.graphs import random_graph

RNG = np.random.default_rng(7)
IMAGES = RNG.integers(0, 256, (100, 6, 6, 2), np.uint8)


def network():
    rng = np.random.default_rng(3)
    conv_bits = pack_bits(rng.integers(0, 2, (5, 18)))
    conv = ConvLayer("conv1", conv_bits, 18, rng.integers(7, 12, 5), kernel=(3, 3), pad_values=np.zeros(2))
    fc1 = DenseLayer.from_bits("fc1", rng.integers(0, 2, (9, 20)), rng.integers(8, 13, 9))
    fc2 = DenseLayer.from_bits("fc2", rng.integers(0, 2, (4, 9)), None)
    return Chain(Encode.threshold((6, 6, 2), 128), (conv, MaxPoolLayer("pool1", (2, 2), (2, 2)), fc1, fc2))


def replaced(index, **changes):
    whole = network()
    layers = list(whole.layers)
    layers[index] = dataclasses.replace(layers[index], **changes)
    return Chain(whole.input, tuple(layers))


def flip_weight_bit(index, channel, bit):
    weights = network().layers[index].weights.copy()
    weights[channel, 0] ^= 1 << bit
    return replaced(index, weights=weights)


def move_threshold(index, channel, by):
    thresholds = network().layers[index].thresholds.copy()
    thresholds[channel] += by
    return replaced(index, thresholds=thresholds)


def reverse_bit_order(index):
    return replaced(index, weights=pack_bits(network().layers[index].weight_bits[:, ::-1]))


def difference(damaged):
    rungs = [IntegerRung(one.network(), Backend.NUMPY) for one in (network(), damaged)]
    return diff_rungs(*rungs, IMAGES)


@pytest.mark.parametrize(
    ("damaged", "layer", "channels"),
    [
        (flip_weight_bit(0, 3, 4), "conv1.accumulator", (3,)),
        (flip_weight_bit(2, 6, 0), "fc1.accumulator", (6,)),
        (move_threshold(0, 1, 1), "conv1", (1,)),
        (move_threshold(2, 8, -1), "fc1", (8,)),
    ],
)
def test_one_damaged_bit_or_threshold_is_located(damaged, layer, channels):
    found = difference(damaged)
    assert (found.node, found.channels, found.channel) == (layer, channels, channels[0])
    assert f"node {layer}, frame {found.frame}, y {found.y}, x {found.x}, channel {channels[0]}: " in str(found)
    assert abs(found.values[0] - found.values[1]) == 1
    assert layer.endswith(".accumulator") or sorted(found.values) == [0, 1]


@pytest.mark.parametrize(("index", "layer"), [(0, "conv1.accumulator"), (2, "fc1.accumulator")])
def test_a_wrong_bit_order_is_located(index, layer):
    assert difference(reverse_bit_order(index)).node == layer


def test_the_last_layer_is_compared_by_the_order_of_its_scores():
    traces = [IntegerRung(one.network(), Backend.NUMPY).trace(IMAGES) for one in (network(), flip_weight_bit(3, 2, 1))]
    found = first_difference(*({"fc2": trace["fc2"]} for trace in traces))
    assert found.node == "fc2"
    logits = {"fc2": np.array([[0.1, -3.5, 0.1]])}
    assert first_difference(logits, {"fc2": np.array([[7, -1, 7]])}) is None
    assert first_difference(logits, {"fc2": np.array([[8, -1, 7]])}).node == "fc2"


def test_frame_and_position_are_the_first():
    ours = {"conv1": np.zeros((3, 2, 4, 5), np.uint8), "fc1": np.zeros((3, 2))}
    theirs = {"conv1": ours["conv1"].copy(), "fc1": ours["fc1"]}
    theirs["conv1"][1, 1, 2, 4] = 1
    theirs["conv1"][2, 0, 0, 0] = 1
    found = first_difference(ours, theirs, first_frame=10)
    assert (found.frame, found.y, found.x, found.channel, found.values) == (11, 1, 2, 4, (0, 1))
    assert found.differing == (1, 40)


def test_equal_networks_do_not_differ():
    assert difference(network()) is None


def test_traces_that_cannot_be_compared():
    with pytest.raises(UserError, match="no node in common"):
        first_difference({"a": np.zeros((1, 1))}, {"b": np.zeros((1, 1))})
    with pytest.raises(UserError, match=r"node a: shapes \(1, 1, 2\) and \(1, 1, 3\) must be equal"):
        first_difference(
            {"a": np.zeros((1, 1, 1, 2)), "b": np.zeros((1, 1))}, {"a": np.zeros((1, 1, 1, 3)), "b": np.zeros((1, 1))}
        )


def naive_ranks(row):
    return [sorted(set(row)).index(value) for value in row]


def test_ranks_are_the_order_with_ties():
    scores = np.random.default_rng(0).integers(-3, 4, (200, 6))
    assert dense_ranks(scores).tolist() == [naive_ranks(row) for row in scores.tolist()]
    assert Comparison.ORDER.mismatching_frames(scores * 0.5 - 1.0, scores).size == 0
    other = np.where(np.arange(200)[:, None] == 17, -scores, scores)
    assert Comparison.ORDER.mismatching_frames(other, scores).tolist() == [17]
    assert Comparison.SCORES.mismatching_frames(scores + 1, scores).size == 200


def test_a_damaged_rung_is_counted():
    scores = simulate(network().network(), IMAGES, backend=Backend.NUMPY)
    golden = Golden(IMAGES, scores.argmax(axis=1), scores)
    assert accuracy(scores, golden.labels) == 1.0
    sound = climb(IntegerRung(network().network(), Backend.NUMPY), golden)
    assert sound == {"frames": 100, "mismatches": 0, "first_mismatch": None, "accuracy": 1.0, "compared": "scores"}
    damaged = flip_weight_bit(0, 3, 4)
    expected = [
        frame
        for frame, (ours, theirs) in enumerate(
            zip(scores.tolist(), simulate(damaged.network(), IMAGES, backend=Backend.NUMPY).tolist(), strict=True)
        )
        if ours != theirs
    ]
    found = climb(IntegerRung(damaged.network(), Backend.NUMPY), golden)
    assert expected
    assert (found["mismatches"], found["first_mismatch"]) == (len(expected), expected[0])


@pytest.mark.parametrize("backends", [(Backend.NUMPY, Backend.NUMBA), (Backend.NUMBA, Backend.NUMPY)])
def test_graphs_are_compared_node_by_node(backends):
    # One comparator of the graph is damaged so that it never fires; every node before it is the same.
    whole = random_graph(9)
    images = images_for(whole, 9, 40)
    one, other = (IntegerRung(whole, backend) for backend in backends)
    assert diff_rungs(one, other, images) is None
    node = next(node for node in whole.nodes if isinstance(node, Threshold))
    traced = one.trace(images)[node.name]
    frame, y, x, channel = map(int, np.argwhere(traced == 1)[0])
    value = whole.values[node.inputs[0]]
    never = np.where(np.arange(len(node.thresholds)) == channel, value.highest + 1, node.thresholds)
    damaged = [dataclasses.replace(one, thresholds=never) if one is node else one for one in whole.nodes]
    found = diff_rungs(one, IntegerRung(Network(tuple(damaged)), backends[1]), images)
    assert (found.node, found.frame, found.y, found.x, found.channel) == (node.name, frame, y, x, channel)
    assert found.values == (1, 0)
