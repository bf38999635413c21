"""The types of FINN's units. Oracles: every integer type tried in turn; naive sums over every input."""

import itertools

import numpy as np
import pytest

from bnn import Chain, DenseLayer, Encode
from finn_build.compiler.nodes import Compiler
from finn_build.compiler.widths import accumulators, integer_type, type_attributes


def narrowest(low, high):
    """The first type that holds both ends, by trying."""
    for bits in range(1, 40):
        if low >= 0 and high < 2**bits:
            return f"UINT{bits}"
        if low < 0 and -(2 ** (bits - 1)) <= low and high < 2 ** (bits - 1):
            return f"INT{bits}"
    raise AssertionError


@pytest.mark.parametrize("low", [0, 1, -1, -2, -3, -4, -5, -127, -128, -129, -4590])
@pytest.mark.parametrize("high", [0, 1, 2, 3, 4, 7, 8, 63, 64, 127, 128, 4845])
def test_narrowest_type(low, high):
    assert integer_type(low, high) == narrowest(low, max(low, high)) or low > high


def test_whole_bytes():
    assert integer_type(0, 64, 8) == "UINT8"
    assert integer_type(0, 256, 8) == "UINT16"
    assert integer_type(-5, 3, 8) == "INT8"


def test_accumulators_are_all_that_can_be_reached(rng):
    """Every input of a small network, summed naively."""
    first, second = rng.integers(0, 2, (3, 4)), rng.integers(0, 2, (2, 3))
    layers = (DenseLayer.from_bits("fc1", first, np.array([0, 1, -2])), DenseLayer.from_bits("fc2", second, None))
    network = Chain(Encode.pixels((1, 1, 4)), layers)
    ends = np.array(list(itertools.product((0, 255), repeat=4)))  # a sum of +-x is extreme where every x is
    sums = ends @ (2 * first.T - 1)
    fc1, fc2 = accumulators(network)
    assert (fc1.layer, fc1.low, fc1.high) == ("fc1", sums.min(), sums.max())
    matches = [(np.array(bits) == second).sum(1) for bits in itertools.product((0, 1), repeat=3)]
    assert (fc2.layer, fc2.low, fc2.high) == ("fc2", np.min(matches), np.max(matches)) == ("fc2", 0, 3)


def small(last_table=None):
    """A layer of mw 7 with a threshold of 8, which no popcount reaches and three bits do not hold."""
    hidden = DenseLayer.from_bits("fc1", np.ones((4, 7), int), np.array([8, 0, 3, 4]))
    last = DenseLayer.from_bits("fc2", np.eye(3, 4, dtype=int), None)
    if last_table is not None:
        last = DenseLayer("fc2", last.weights, 4, None, score_table=last_table)
    return Chain(Encode.threshold((1, 1, 7), 100), (hidden, last))


def test_types_for_finn_plus():
    assert type_attributes(small(), Compiler.FINN_PLUS) == {
        "MVAU_hls_0": {"accDataType": "UINT3"},
        "MVAU_hls_1": {"accDataType": "UINT3", "outputDataType": "UINT3"},
        "LabelSelect_hls_0": {"inputDataType": "UINT3"},
    }


def test_the_original_finn_keeps_thresholds_in_the_accumulators_type():
    assert type_attributes(small(), Compiler.FINN)["MVAU_hls_0"] == {"accDataType": "UINT4"}


def test_answers_in_whole_bytes():
    """What FINN's DMA writes; the original FINN's driver reads 32 bits whatever the unit gives."""
    network = small(np.zeros((3, 5), int))
    assert type_attributes(network, Compiler.FINN_PLUS)["MVAU_hls_1"] == {
        "accDataType": "UINT8",
        "outputDataType": "UINT8",
    }
    assert type_attributes(network, Compiler.FINN)["MVAU_hls_1"] == {"accDataType": "UINT8"}
