"""The reference on graphs, node by node. Oracle: PyTorch in int64 and float64, which holds all these sums exactly."""

from __future__ import annotations

import tracemalloc

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from bnn import Bits, Encode, Network, UserError
from bnn.encoding import pack_bits
from bnn.nodes import KINDS, Add, Conv, Dense, Grid, MaxPool, Scores, SumPool, Threshold
from hw.simulator import Backend, prepare, simulate, trace
from tests.support.graph_oracle import images_for, torch_trace
from tests.support.graphs import random_graph


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 4))
def test_every_value_of_a_random_graph_equals_pytorch(seed, count):
    network = random_graph(seed)
    images = images_for(network, seed, count)
    expected = torch_trace(network, images)
    found = trace(network, images, backend=Backend.NUMPY)
    assert list(found) == list(expected)
    for name, values in expected.items():
        assert found[name].shape == values.shape, name
        np.testing.assert_array_equal(found[name], values, err_msg=name)
        meaning = network.values[name]
        if not isinstance(meaning, Bits):
            assert values.min() >= meaning.lowest
            assert values.max() <= meaning.highest
    np.testing.assert_array_equal(simulate(network, images, threads=1), expected[network.output.name])


def test_the_graphs_drawn_have_every_kind_and_reach_both_ends_of_grids():
    kinds, lowest, highest, branched = set(), 0, 0, 0
    for seed in range(60):
        network = random_graph(seed)
        kinds |= {node.kind for node in network.nodes}
        readers = [name for node in network.nodes for name in node.inputs]
        branched += len(readers) > len(set(readers))
        traced = trace(network, images_for(network, seed, 3), backend=Backend.NUMPY)
        for node in network.nodes:
            if isinstance(node, Grid) and node.lowest < node.highest:
                lowest += bool((traced[node.name] == node.lowest).any())
                highest += bool((traced[node.name] == node.highest).any())
    assert kinds == set(KINDS)
    assert min(lowest, highest) > 30
    assert branched > 30


def wide_graph(side=32, channels=64, depth=6):
    """Residual blocks one after the other on an image of bits: whole traces would take much memory."""
    rng = np.random.default_rng(1)

    def conv(name, source, c_in):
        bits = pack_bits(rng.integers(0, 2, (channels, 9 * c_in)))
        window = {"kernel": (3, 3), "padding": (1, 1, 1, 1)}
        return Conv(name, (source,), bits, 9 * c_in, **window, pad_values=np.zeros(c_in))

    nodes = [Encode.threshold((side, side, 3), 128), conv("sum0", "input", 3)]
    for block in range(1, depth + 1):
        before = nodes[-1].name
        bits = Threshold(f"bits{block}", (before,), np.full(channels, 14))
        factors = {"multipliers": np.full(channels, 3), "offsets": np.full(channels, -9), "shift": 4}
        grid = Grid(f"grid{block}", (f"conv{block}",), **factors, lowest=-99, highest=99)
        nodes += [bits, conv(f"conv{block}", bits.name, channels), grid, Add(f"sum{block}", (grid.name, before))]
    total = SumPool("total", (nodes[-1].name,), kernel=(side, side), stride=(1, 1))
    last = Dense.from_bits("m", "total", rng.integers(0, 2, (10, channels)))
    return Network((*nodes, total, last, Scores.of_integers("fc", "m", 10)))


def test_memory_is_bounded_however_deep_the_graph_and_however_many_the_images():
    peaks = []
    for depth, count in ((2, 24), (6, 24), (6, 72)):
        network = wide_graph(depth=depth)
        images = images_for(network, depth, count)
        assert prepare(network, Backend.NUMPY).frames_per_batch <= 24
        tracemalloc.start()
        simulate(network, images, backend=Backend.NUMPY, threads=1)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert max(peaks) < 64 * 2**20


def test_only_the_named_values_are_kept():
    network = wide_graph(side=4, channels=8, depth=1)
    assert list(trace(network, images_for(network, 1, 3), names=["bits1", "fc"])) == ["bits1", "fc"]
    with pytest.raises(UserError, match="trace: the network has no node bits9; its nodes are input, sum0"):
        trace(network, images_for(network, 1, 3), names=["bits9"])


def test_padding_is_never_the_maximum_of_integers():
    encode = Encode((2, 2, 1), np.arange(256) - 256, binary=False)
    pool = MaxPool("p", ("input",), kernel=(2, 2), stride=(1, 1), padding=(1, 1, 1, 1))
    flat = Dense.from_bits("m", "p", np.ones((2, 9), int))
    network = Network((encode, pool, flat, Scores.of_integers("s", "m", 2)))
    image = np.array([[[[1], [2]], [[3], [4]]]], np.uint8)
    largest = [[-255, -254, -254], [-253, -252, -252], [-253, -252, -252]]
    assert trace(network, image)["p"][0, :, :, 0].tolist() == largest
