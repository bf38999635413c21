"""A network refuses what contradicts itself, in one line each. Oracle: the rules of the contract, case by case."""

import dataclasses

import numpy as np
import pytest

from bnn import Bits, Encode, Integers, Network, NetworkError, Notes
from bnn.encoding import pack_bits
from bnn.nodes import Add, Concatenate, Conv, Dense, Grid, Node, Scores, SumPool, Thermometer, Threshold

SHAPE = (4, 4, 2)
SOURCE = Encode.threshold(SHAPE, 128)


def dense(name, source, mh, mw):
    return Dense.from_bits(name, source, np.random.default_rng(mh * mw).integers(0, 2, (mh, mw)))


def conv(name, source, c_in, mh, **options):
    bits = np.random.default_rng(c_in * mh).integers(0, 2, (mh, 9 * c_in))
    pads = options.pop("pad_values", np.zeros(c_in))
    padding = options.pop("padding", (1, 1, 1, 1))
    return Conv(name, (source,), pack_bits(bits), 9 * c_in, kernel=(3, 3), padding=padding, pad_values=pads, **options)


def grid(name, source, channels=3, **options):
    settings = {"multipliers": np.full(channels, 5), "offsets": np.full(channels, -7), "shift": 2}
    return Grid(name, (source,), **(settings | {"lowest": -8, "highest": 7} | options))


def residual():
    """Two blocks with a shortcut around the second."""
    return [
        SOURCE,
        conv("conv1", "input", 2, 3),
        grid("stem", "conv1"),
        Threshold("bits", ("stem",), np.zeros(3)),
        conv("conv2", "bits", 3, 3),
        grid("block", "conv2"),
        Add("sum", ("block", "stem")),
        SumPool("mean", ("sum",), kernel=(4, 4), stride=(1, 1)),
        dense("fc.accumulator", "mean", 2, 3),
        Scores.of_integers("fc", "fc.accumulator", 2),
    ]


def replaced(number, *nodes):
    """The residual network with other nodes in place of one."""
    listed = residual()
    listed[number : number + 1] = nodes
    return lambda: Network(listed)


def test_every_value_has_its_shape_and_range():
    network = Network(residual())
    assert network.values == {
        "input": Bits((4, 4, 2)),
        "conv1": Integers((4, 4, 3), 0, 18),
        "stem": Integers((4, 4, 3), -8, 7),
        "bits": Bits((4, 4, 3)),
        "conv2": Integers((4, 4, 3), 0, 27),
        "block": Integers((4, 4, 3), -8, 7),
        "sum": Integers((4, 4, 3), -16, 14),
        "mean": Integers((1, 1, 3), -256, 224),
        "fc.accumulator": network.values["fc"],
        "fc": network.values["fc.accumulator"],
    }
    assert (network.input.shape, network.classes, network.weight_bits) == (SHAPE, 2, 3 * 18 + 3 * 27 + 2 * 3)
    assert network.last_readers["stem"] == 6  # the add, not the threshold


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Network(()), "network: has no nodes"),
        (
            replaced(6, Add("sum", ("block", "input"))),
            r"add sum: needs integers, its input has bits \(4, 4, 2\)",
        ),
        (
            replaced(6, SumPool("p", ("stem",), kernel=(2, 2), stride=(2, 2)), Add("sum", ("block", "p"))),
            r"add sum: block has shape \(4, 4, 3\), p has \(2, 2, 3\); must be equal",
        ),
        (
            replaced(2, grid("stem", "block")),
            r"network: a cycle, stem -> bits -> conv2 -> block -> stem; a node cannot read what it leads to",
        ),
        (replaced(6, Add("sum", ("block", "sum"))), r"network: a cycle, sum -> sum"),
        (
            replaced(3, Threshold("bits", ("late",), np.zeros(3)), grid("late", "conv1")),
            "threshold bits: reads late, which is made after it; list late before",
        ),
        (
            replaced(5, grid("stem", "conv2")),
            "network: value stem has two producers, nodes 2 and 5; names must be unique",
        ),
        (
            replaced(2, grid("stem", "conv1"), grid("idle", "conv1")),
            "grid idle: is a dead node, nobody reads its value",
        ),
        (replaced(6, Add("sum", ("block", "step"))), "add sum: reads 'step', which no node makes"),
        (replaced(6, Add("sum", ("block", "stem")), grid("", "sum")), r"network: node 7 \(grid\) has no name"),
        (lambda: Network(residual()[1:]), "conv conv1: reads 'input', which no node makes"),
        (
            replaced(1, Encode.pixels(SHAPE)),
            "value input has two producers",
        ),
        (
            lambda: Network([SOURCE, Thermometer(SHAPE, [9], name="second"), *residual()[1:]]),
            "thermometer second: is node 1; the first node, and no other, must be encode or thermometer",
        ),
        (
            lambda: Network(residual()[:-1]),
            "dense fc.accumulator: is node 8; the last node, and no other, must be scores",
        ),
        (
            lambda: Network([*residual(), Scores.of_integers("again", "fc", 2)]),
            "scores fc: is node 9; the last node, and no other, must be scores",
        ),
        (replaced(3, Threshold("bits", ("stem",), [0, 9, 0])), r"bits channel 1: threshold 9 must lie in -8\.\.8"),
    ],
)
def test_contradictions_are_named(build, message):
    with pytest.raises(NetworkError, match=message) as raised:
        build()
    assert "\n" not in str(raised.value)


def renamed(nodes, new):
    """The same nodes under other names."""
    for node in nodes:
        inputs = {"inputs": tuple(new(name) for name in node.inputs)} if node.inputs else {}
        yield dataclasses.replace(node, name=new(node.name), **inputs)


def test_the_hash_is_of_the_function_alone():
    network = Network(residual())
    assert len(network.hash) == 64
    assert Network(residual(), Notes({"bits": np.array([1, 0, 1])})).hash == network.hash
    assert Network(renamed(residual(), lambda name: name + "_")).hash == network.hash


def test_the_hash_sees_every_attribute_and_every_edge():
    base = Network(residual()).hash
    weights = residual()[4].weights.copy()
    weights[2, 0] ^= 1 << 7
    flipped = Conv("conv2", ("bits",), weights, 27, kernel=(3, 3), padding=(1, 1, 1, 1), pad_values=np.zeros(3))
    changes = [
        replaced(0, Encode.threshold(SHAPE, 127)),
        replaced(2, grid("stem", "conv1", shift=3)),
        replaced(2, grid("stem", "conv1", highest=6)),
        replaced(2, grid("stem", "conv1", multipliers=[5, 5, 6])),
        replaced(3, Threshold("bits", ("stem",), [0, 0, 1])),
        replaced(4, conv("conv2", "bits", 3, 3, pad_values=[0, 1, 0])),
        replaced(4, flipped),
        replaced(6, Add("sum", ("block", "stem", "stem"))),
        replaced(6, Add("sum", ("block", "block"))),
        replaced(9, Scores("fc", ("fc.accumulator",), [1, 1], [0, 1])),
    ]
    assert len({base, *(change().hash for change in changes)}) == 11


def test_the_order_of_independent_branches_makes_no_difference():
    def network(turned):
        branches = [Threshold("a", ("conv1",), [1, 2, 3]), Threshold("b", ("conv1",), [4, 5, 6])]
        joined = [Concatenate("both", ("a", "b")), dense("m", "both", 2, 96), Scores.of_popcounts("fc", "m", 96, 2)]
        return Network([SOURCE, conv("conv1", "input", 2, 3), *branches[:: -1 if turned else 1], *joined])

    assert network(turned=False).hash == network(turned=True).hash


def test_notes_are_checked_and_empty_ones_dropped():
    network = Network(residual(), Notes({"bits": [0, 1, 0], "stem": [0, 0, 0]}))
    assert list(network.notes.inverted) == ["bits"]
    with pytest.raises(NetworkError, match="inverted channels of bit: the network has no value of this name"):
        Network(residual(), Notes({"bit": [0, 1, 0]}))
    with pytest.raises(NetworkError, match=r"inverted channels of bits: shape \(2,\), must be \(3,\)"):
        Network(residual(), Notes({"bits": [0, 1]}))


def test_nodes_are_abstract_and_arrays_frozen():
    with pytest.raises(TypeError, match="abstract"):
        Node("a", ())
    with pytest.raises(ValueError, match="read-only"):
        residual()[1].weights[0, 0] = 1
