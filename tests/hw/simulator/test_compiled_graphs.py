"""The compiled kernels on graphs. Oracle: PyTorch in int64 and float64; for grids Python's own integers."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from bnn import Bits, Encode, Network
from bnn.encoding import pack_bits
from bnn.nodes import Add, Concatenate, Conv, Dense, Grid, PadChannels, Scores, SumPool, Thermometer, Threshold
from hw.simulator import Backend, available_backends, bit_values, simulate, trace
from tests.support.graph_oracle import images_for, torch_trace
from tests.support.graphs import random_graph

if Backend.NUMBA not in available_backends():
    pytest.skip("numba is not installed", allow_module_level=True)

from hw.simulator.compiled import Compiled
from hw.simulator.fusing import find_tasks
from hw.simulator.memory import Plan


def assert_equals_pytorch(network, images, *, exact):
    """All values, those of bits alone (most nodes then are fused), some of all, and the scores."""
    expected = torch_trace(network, images)
    engine = Compiled(network, exact=exact)
    last = network.output.name
    some = [name for number, name in enumerate(network.values) if number % 3 == len(images) % 3]
    for names in (list(network.values), [*bit_values(network), last], some):
        found = engine.trace(images, names)
        assert list(found) == [name for name in network.values if name in names]
        for name, values in found.items():
            assert values.dtype == (np.uint8 if isinstance(network.values[name], Bits) else np.int32)
            assert values.shape == expected[name].shape
            np.testing.assert_array_equal(values, expected[name], err_msg=name)
    np.testing.assert_array_equal(engine.scores(images), expected[last])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32 - 1), count=st.sampled_from([1, 3, 33]))
def test_every_value_of_a_random_graph_equals_pytorch(seed, count):
    # One kernel for rows of any length: what is tested is graphs, and compiling for each length takes seconds.
    network = random_graph(seed)
    assert_equals_pytorch(network, images_for(network, seed, count), exact=False)


@pytest.mark.slow
@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32 - 1), count=st.sampled_from([1, 2, 5, 40]))
def test_many_random_graphs_equal_pytorch(seed, count):
    network = random_graph(seed, steps=20)
    assert_equals_pytorch(network, images_for(network, seed, count), exact=False)


def residual_graph(channels, side, *, stride=2, seed=0, source="pixels"):
    """Two residual blocks; in the second the image is pooled and its channels are repeated and padded."""
    rng = np.random.default_rng(seed)
    nodes = []

    def put(node):
        nodes.append(node)
        return node.name

    def conv(name, read, c_in, mh, stride=1, pads=0):
        window = {"kernel": (3, 3), "stride": (stride, stride), "padding": (1, 1, 1, 1)}
        bits = pack_bits(rng.integers(0, 2, (mh, 9 * c_in)))
        sums = put(Conv(f"{name}.sums", (read,), bits, 9 * c_in, **window, pad_values=np.full(c_in, pads)))
        spread = 300 if nodes[0].name == read and source == "pixels" else 1
        factors = {"multipliers": rng.integers(-900, 900, mh), "offsets": rng.integers(-9999, 9999, mh), "shift": 8}
        return put(Grid(name, (sums,), **factors, lowest=-128 * spread, highest=127 * spread))

    def sign(name, read, mh):
        return put(Threshold(name, (read,), rng.integers(-60, 60, mh)))

    encode = Encode.pixels((side, side, 3)) if source == "pixels" else Thermometer((side, side, 3), [40, 99, 130, 200])
    c_in = 3 if source == "pixels" else 12
    first = conv("stem", put(encode), c_in, channels, pads=128 if source == "pixels" else 1)
    plain = conv("conv1", sign("sign1", first, channels), channels, channels)
    total = put(Add("sum1", (plain, first)))
    wide = 2 * channels + 3
    trunk = conv("conv2", sign("sign2", total, channels), channels, wide, stride, pads=1)
    window = {"kernel": (stride, stride), "stride": (stride, stride)}
    half = put(SumPool("half", (total,), **window))
    both = put(Concatenate("both", (half, half)))
    padded = put(PadChannels("padded", (both,), before=1, after=2, value=-5))
    last = put(Add("sum2", (padded, trunk)))
    flat = put(Dense.from_bits("fc", sign("sign3", last, wide), rng.integers(0, 2, (10, wide * (side // stride) ** 2))))
    nodes.append(Scores("scores", (flat,), rng.integers(-9, 9, 10), rng.integers(-99, 99, 10)))
    return Network(tuple(nodes))


@pytest.mark.parametrize(("channels", "side", "stride"), [(16, 8, 2), (24, 6, 2), (64, 4, 1), (5, 6, 3)])
@pytest.mark.parametrize("source", ["pixels", "thermometer"])
def test_residual_blocks_equal_pytorch(channels, side, stride, source):
    network = residual_graph(channels, side, stride=stride, source=source)
    assert_equals_pytorch(network, images_for(network, 1, 5), exact=False)


# Windows of 12 words of 32 bits with a part of a word a line, two at a time, in lines of 5; of 6, of 18 and of 21.
@pytest.mark.parametrize(
    ("channels", "side", "stride"),
    [(40, 5, 1), *(pytest.param(*sizes, marks=pytest.mark.slow) for sizes in [(16, 8, 2), (64, 5, 1), (72, 7, 1)])],
)
def test_residual_blocks_with_kernels_for_their_rows_equal_pytorch(channels, side, stride):
    network = residual_graph(channels, side, stride=stride, source="thermometer")
    assert_equals_pytorch(network, images_for(network, 2, 35), exact=True)


@pytest.mark.parametrize("levels", [1, 3, 8, 16, 64, 65, 72])
def test_thermometers_of_any_number_of_levels(levels):
    thresholds = np.random.default_rng(levels).integers(0, 257, (3, levels))
    source = Thermometer((3, 5, 3), thresholds)
    dense = Dense.from_bits("fc", "input", np.ones((2, 45 * levels), int))
    network = Network((source, dense, Scores.of_popcounts("scores", "fc", 45 * levels, 2)))
    images = images_for(network, levels, 3)
    found = Compiled(network, exact=False).trace(images, ["input"])["input"]
    np.testing.assert_array_equal(found, torch_trace(network, images)["input"])


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_any_number_of_threads_gives_the_same_scores(threads):
    network = residual_graph(16, 8)
    images = images_for(network, 3, 150)
    expected = torch_trace(network, images)[network.output.name]
    np.testing.assert_array_equal(simulate(network, images, backend=Backend.NUMBA, threads=threads), expected)
    assert list(trace(network, images[:2], backend=Backend.NUMBA)) == list(network.values)


def test_a_residual_block_is_one_task():
    tasks = [[node.name for node in task.nodes] for task in find_tasks(residual_graph(16, 8))]
    assert ["conv1.sums", "conv1", "sum1", "sign2"] in tasks
    assert ["conv2.sums", "conv2", "sum2", "sign3"] in tasks
    assert ["stem", "sign1"] in tasks
    assert [name for task in tasks for name in task if name == "input"] == []  # pixels are encoded by who reads them


@pytest.mark.parametrize(
    ("factor", "offset", "shift"),
    [(1, 0, 0), (-7, 3, 1), (2**23, -(2**30), 18), (2**40, 2**59, 50), (-(2**46), 5, 62), (9, 2**31, 31), (3, 5, 40)],
)
def test_grids_of_any_width_equal_pythons_integers(factor, offset, shift):
    # Narrow ones are computed in 32 bits, wide ones in 64; a shift beyond 31 must not be taken in 32.
    encode = Encode((1, 1, 256), np.arange(256) - 100, binary=False)
    table = np.arange(256, dtype=np.uint8).reshape(1, 1, 1, 256)
    factors = {"multipliers": np.full(256, factor), "offsets": np.full(256, offset), "shift": shift}
    grid = Grid("grid", ("input",), **factors, lowest=-(2**20), highest=2**20)
    dense = Dense.from_bits("fc", "grid", np.ones((2, 256), int))
    network = Network((encode, grid, dense, Scores.of_integers("scores", "fc", 2)))
    exact = [min(max((factor * (p - 100) + offset) >> shift, -(2**20)), 2**20) for p in range(256)]
    engine = Compiled(network, exact=False)
    np.testing.assert_array_equal(engine.trace(table, ["grid"])["grid"].reshape(-1), exact)
    assert engine.scores(table).tolist() == [[sum(exact)] * 2]


def deep_graph(depth):
    """Blocks one after the other, each reading only the one before."""
    window = {"kernel": (3, 3), "padding": (1, 1, 1, 1), "pad_values": np.zeros(16)}
    rng = np.random.default_rng(1)
    nodes = [Thermometer((16, 16, 1), np.arange(1, 17) * 15), Threshold("bits", ("stem",), np.full(16, 70))]
    nodes.insert(1, Conv("stem", ("input",), pack_bits(rng.integers(0, 2, (16, 144))), 144, **window))
    bits, total = "bits", "stem"
    for block in range(depth):
        conv = Conv(f"conv{block}", (bits,), pack_bits(rng.integers(0, 2, (16, 144))), 144, **window)
        nodes += [conv, Add(f"sum{block}", (conv.name, total))]
        total, bits = f"sum{block}", f"bits{block}"
        nodes.append(Threshold(bits, (total,), np.full(16, 72 * (block + 2))))
    nodes.append(Dense.from_bits("fc", bits, rng.integers(0, 2, (10, 16 * 16 * 16))))
    return Network((*nodes, Scores.of_popcounts("scores", "fc", 4096, 10)))


def test_memory_does_not_grow_with_depth_and_a_sum_overwrites_its_shortcut():
    plans = [Plan(network, find_tasks(network), ()) for network in map(deep_graph, (2, 9))]
    assert plans[0].frame_bytes == plans[1].frame_bytes
    # One shortcut of 2 bytes a number and two values of bits; the scores lie where one of these was.
    assert plans[0].frame_bytes == 16 * 16 * 16 * 2 + 2 * 16 * 16 * 2
    network = deep_graph(9)
    assert_equals_pytorch(network, images_for(network, 5, 4), exact=False)


def test_a_batch_of_large_frames_takes_32_mib_at_most():
    side = 512
    encode = Thermometer((side, side, 1), np.arange(1, 17) * 15)
    window = {"kernel": (3, 3), "padding": (1, 1, 1, 1), "pad_values": np.zeros(16)}
    conv = Conv("sums", ("input",), pack_bits(np.ones((16, 144), int)), 144, **window)
    total = SumPool("total", ("sums",), kernel=(side, side), stride=(1, 1))
    dense = Dense.from_bits("fc", "total", np.ones((2, 16), int))
    engine = Compiled(Network((encode, conv, total, dense, Scores.of_integers("scores", "fc", 2))), exact=False)
    frame_bytes = engine.program.plan.frame_bytes
    assert frame_bytes >= side * side * 16 * 2
    assert 2**25 - frame_bytes < engine.frames_per_batch * frame_bytes <= 2**25
