"""Which values count. Oracle: the bipolar sums themselves, of every combination of input bits."""

import itertools

import numpy as np

from bnn.counts import count_widths
from bnn.network import Network
from bnn.nodes import Add, Concatenate, Dense, Encode, Grid, MaxPool, PadChannels, Scores, SumPool
from bnn.nodes.threshold import Threshold
from hw.simulator.reference import walk


def test_counts_read_as_sums_of_bipolar_bits_whatever_joins_them():
    weights = np.array([[1, 0, 1, 1], [0, 0, 1, 0]])
    one = (1, 1)
    nodes = [
        Encode.threshold((2, 2, 1), 128),
        Dense.from_bits("a", "input", weights),
        Dense.from_bits("b", "input", 1 - weights[::-1]),
        Add("sum", ("a", "b")),
        MaxPool("max", ("sum",), kernel=one, stride=one),
        SumPool("total", ("max",), kernel=one, stride=one),
        PadChannels("padded", ("total",), before=1, after=0, value=4),
        Concatenate("both", ("a", "b")),
        Concatenate("unlike", ("padded", "both")),
        Grid("grid", ("unlike",), multipliers=[1] * 7, offsets=[0] * 7, shift=0, lowest=0, highest=9),
        Threshold("bits", ("grid",), [1] * 7),
        Dense.from_bits("c", "bits", np.ones((2, 7), int)),
        Scores.of_integers("scores", "c", 2),
    ]
    network = Network(tuple(nodes))
    widths = count_widths(network)
    assert widths == {"a": 4, "b": 4, "sum": 8, "max": 8, "total": 8, "padded": 8, "both": 4, "c": 7}
    images = np.array(list(itertools.product([0, 255], repeat=4)), np.uint8).reshape(-1, 2, 2, 1)
    values = {node.name: value.reshape(len(images), -1).astype(int) for node, value in walk(network, images)}
    bits = 2 * (images.reshape(-1, 4) > 0) - 1
    a, b = bits @ (2 * weights - 1).T, bits @ (1 - 2 * weights[::-1]).T
    for name, sums in {"a": a, "b": b, "sum": a + b, "total": a + b, "both": np.hstack([a, b])}.items():
        np.testing.assert_array_equal(2 * values[name] - widths[name], sums)
