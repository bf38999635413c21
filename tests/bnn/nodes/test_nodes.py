"""What each node needs, and that its range is what it can reach. Oracle: plain Python over all inputs of tiny nodes."""

import itertools
from pathlib import Path

import numpy as np
import pytest

import bnn.nodes
from bnn.encoding import pack_bits
from bnn.nodes import (
    KINDS,
    Add,
    Concatenate,
    Conv,
    Dense,
    Encode,
    Grid,
    MaxPool,
    Node,
    PadChannels,
    Scores,
    SumPool,
    Thermometer,
    Threshold,
)
from bnn.values import Bits, Integers, NetworkError

BITS = Bits((4, 4, 2))
NUMBERS = Integers((4, 4, 2), -3, 5)


def conv(**options):
    settings = {"kernel": (3, 3), "pad_values": np.zeros(2)} | options
    mh = settings.pop("mh", 4)
    mw = settings.pop("mw", 18 // settings.get("groups", 1))
    return Conv("c", ("x",), pack_bits(np.ones((mh, mw), int)), mw, **settings)


def grid(**options):
    settings = {"multipliers": [1, 2], "offsets": [0, 0], "shift": 0, "lowest": -9, "highest": 9}
    return Grid("g", ("x",), **(settings | options))


def pool(kind, **options):
    return kind("p", ("x",), **({"kernel": (2, 2), "stride": (2, 2)} | options))


def pad(**options):
    return PadChannels("z", ("x",), **({"before": 1, "after": 2, "value": 0} | options))


def test_every_kind_has_a_file_of_its_own_and_says_what_it_needs():
    files = {path.stem for path in Path(bnn.nodes.__file__).parent.glob("*.py")}
    assert files == set(KINDS) | {"__init__", "node", "matrix", "table"}
    for name, kind in KINDS.items():
        assert issubclass(kind, Node)
        assert kind.__module__ == f"bnn.nodes.{name}"
        assert all((kind.needs, kind.gives, kind.meaning))


@pytest.mark.parametrize(
    ("node", "values", "expected"),
    [
        (Thermometer((4, 4, 3), [1, 2]), (), Bits((4, 4, 6))),
        (Dense.from_bits("d", "x", np.ones((5, 32), int)), (BITS,), Integers((1, 1, 5), 0, 32)),
        (conv(stride=(1, 2)), (BITS,), Integers((2, 1, 4), 0, 18)),
        (conv(groups=2, padding=(1, 1, 1, 1), pad_values=[0, 1]), (BITS,), Integers((4, 4, 4), 0, 9)),
        (conv(padding=(1, 1, 1, 1), pad_values=[0, 7]), (NUMBERS,), Integers((4, 4, 4), -54, 126)),
        (Threshold("t", ("x",), [-3, 6]), (NUMBERS,), Bits((4, 4, 2))),
        (grid(), (NUMBERS,), Integers((4, 4, 2), -9, 9)),
        (Add("a", ("x", "y", "x")), (NUMBERS, Integers((4, 4, 2), 0, 1), NUMBERS), Integers((4, 4, 2), -6, 11)),
        (pool(MaxPool, padding=(1, 0, 1, 0)), (BITS,), Bits((3, 2, 2))),
        (pool(MaxPool), (NUMBERS,), Integers((2, 2, 2), -3, 5)),
        (pool(SumPool, kernel=(4, 3)), (NUMBERS,), Integers((1, 1, 2), -36, 60)),
        (Concatenate("k", ("x", "y")), (BITS, Bits((4, 4, 7))), Bits((4, 4, 9))),
        (Concatenate("k", ("x", "y")), (NUMBERS, Integers((4, 4, 1), 0, 9)), Integers((4, 4, 3), -3, 9)),
        (pad(value=1), (BITS,), Bits((4, 4, 5))),
        (pad(value=-7), (NUMBERS,), Integers((4, 4, 5), -7, 5)),
        (Scores("s", ("x",), [-1, 2], [0, 1]), (Integers((1, 1, 2), -3, 5),), Integers((1, 1, 2), -5, 11)),
        (Scores("s", ("x",), table=np.tri(2, 9)), (Integers((1, 1, 2), -3, 5),), Integers((1, 1, 2), 0, 1)),
    ],
)
def test_what_nodes_give(node, values, expected):
    assert node.output(*values) == expected


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Add("a", ("x",)), "add a: reads 1 values, must read two or more"),
        (lambda: Threshold("t", ("x", "y"), [0]), "threshold t: reads 2 values, must read 1"),
        (lambda: Thermometer((4, 4, 2), [300]), r"thresholds must lie in 0\.\.256"),
        (lambda: Thermometer((4, 4, 2), np.ones((3, 2))), r"thresholds have shape \(3, 2\), must be .* or \(2, n\)"),
        (
            lambda: Dense.from_bits("d", "x", np.ones((5, 31))).output(BITS),
            r"mw \(31\) must be the number of inputs.*32",
        ),
        (lambda: conv(groups=3), r"must be \(c_in,\) with c_in divisible by groups \(3\)"),
        (lambda: conv(mh=3, groups=2), r"mh \(3\) must be divisible by groups \(2\)"),
        (lambda: conv(mw=9), r"mw \(9\) must be kernel \(3, 3\) times c_in \(2\) / groups \(1\)"),
        (lambda: conv(kernel=(3, 1.5)), r"kernel is 1\.5, must be a whole number"),
        (lambda: conv(pad_values=[1, 0]), "pad_values must be 0 where there is no padding"),
        (
            lambda: conv(padding=(1, 1, 1, 1), pad_values=[2, 0]).output(BITS),
            r"pad_values must lie in 0\.\.1, they reach 0\.\.2",
        ),
        (lambda: conv().output(Bits((4, 4, 3))), r"c_in \(2\) must be the number of input channels \(3\)"),
        (lambda: conv().output(Bits((2, 4, 2))), r"kernel \(3, 3\) is larger than its padded input \(2, 4\)"),
        (lambda: Threshold("t", ("x",), [0, 0]).output(BITS), r"threshold t: needs integers, its input has bits"),
        (
            lambda: Threshold("t", ("x",), [0]).output(NUMBERS),
            r"thresholds has shape \(1,\), must be one a channel .*\(2,\)",
        ),
        (lambda: Threshold("t", ("x",), np.array([0.5])), "thresholds: values do not fit int32"),
        (lambda: Threshold("t", ("x",), [0, 7]).output(NUMBERS), r"channel 1: threshold 7 must lie in -3\.\.6"),
        (lambda: grid(shift=63), r"shift \(63\) must lie in 0\.\.62"),
        (lambda: grid(lowest=10), r"lowest \(10\) must not be above highest \(9\)"),
        (
            lambda: grid(multipliers=[1, 2**61]).output(NUMBERS),
            r"channel 1: 2305843009213693952 x \+ 0 reaches .* 64 bits",
        ),
        (lambda: grid(highest=2**31).output(NUMBERS), "integers reach -9..2147483648, must stay within 32 bits"),
        (
            lambda: grid().output(Integers((4, 4, 3), 0, 1)),
            r"multipliers has shape \(2,\), must be one a channel .*\(3,\)",
        ),
        (
            lambda: Add("a", ("x", "y")).output(*[Integers((4, 4, 2), 0, 2**30)] * 2),
            r"add a: integers reach 0\.\.2147483648, must stay within 32 bits",
        ),
        (lambda: pool(MaxPool, padding=(2, 0, 0, 0)), r"padding \(2, 0, 0, 0\) must be smaller than the kernel"),
        (lambda: pool(SumPool).output(BITS), "sum_pool p: needs integers"),
        (lambda: pool(SumPool, stride=(0, 1)), r"stride \(0, 1\) must be at least 1"),
        (lambda: Concatenate("k", ("x", "y")).output(BITS, NUMBERS), "x is bits .*, y is integers .* all bits or all"),
        (lambda: Concatenate("k", ("x", "y")).output(BITS, Bits((4, 3, 2))), "must have one height and width"),
        (lambda: pad(before=0, after=0), "together at least 1"),
        (lambda: pad(value=2).output(BITS), r"value \(2\) must be 0 or 1"),
        (lambda: Scores("s", ("x",)), "must have multipliers and offsets, or a table"),
        (
            lambda: Scores.of_integers("s", "x", 2).output(NUMBERS),
            r"scores need a 1 x 1 input, this one has \(4, 4, 2\)",
        ),
        (
            lambda: Scores("s", ("x",), table=np.zeros((2, 8))).output(Integers((1, 1, 2), -3, 5)),
            r"table has shape \(2, 8\), must have a row a class and one an integer of -3\.\.5: \(2, 9\)",
        ),
    ],
)
def test_what_nodes_refuse(build, message):
    with pytest.raises(NetworkError, match=message) as raised:
        build()
    assert "\n" not in str(raised.value)


def test_a_matrix_reaches_exactly_its_range():
    rows = np.array([[1, 0, 0], [1, 1, 1]])
    value = Dense.from_bits("d", "x", rows).output(Integers((1, 1, 3), -1, 2))
    sums = [
        sum(x if bit else -x for x, bit in zip(inputs, row, strict=True))
        for inputs in itertools.product(range(-1, 3), repeat=3)
        for row in rows.tolist()
    ]
    assert (value.lowest, value.highest) == (min(sums), max(sums))


def test_thermometer_orders_channels_by_pixel_channel_first():
    node = Thermometer((1, 1, 2), np.array([[10, 20], [30, 40]]))
    assert node.encode(np.array([[[[15, 40]]]], np.uint8)).tolist() == [[[[1, 0, 1, 1]]]]
    assert Thermometer((1, 1, 2), np.array([[10, 20], [10, 20]])).thresholds.shape == (2,)


def test_a_table_for_each_channel():
    tables = np.stack([np.arange(256), 255 - np.arange(256)]).astype(np.int16)
    encoding = Encode((1, 2, 2), tables, binary=False)
    image = np.array([[[[0, 1], [7, 250]]]], np.uint8)
    assert encoding.encode(image).tolist() == [[[[0, 254], [7, 5]]]]
    assert encoding.output() == Integers((1, 2, 2), 0, 255)
