"""A chain of layers refuses what contradicts itself. Oracle: the conventions in `bnn.network`, case by case."""

import dataclasses

import numpy as np
import pytest

from bnn import (
    Chain,
    ConvLayer,
    DenseLayer,
    Encode,
    MaxPoolLayer,
    Network,
    NetworkError,
    Notes,
    as_chain,
    nodes,
)
from bnn.encoding import pack_bits


def dense(name, mw, mh, thresholds=None, **options):
    bits = np.random.default_rng(mw * mh).integers(0, 2, (mh, mw))
    return DenseLayer.from_bits(name, bits, thresholds, **options)


def conv(name, c_in, mh, thresholds, **options):
    mw = 9 * c_in
    bits = np.random.default_rng(mw).integers(0, 2, (mh, mw))
    pads = options.pop("pad_values", np.zeros(c_in))
    return ConvLayer(name, pack_bits(bits), mw, thresholds, kernel=(3, 3), pad_values=pads, **options)


BINARY = Encode.threshold((4, 4, 2), 128)
PIXELS = Encode.pixels((4, 4, 2))


def test_shapes_follow_the_layers():
    network = Chain(
        BINARY,
        (
            conv("conv1", 2, 5, np.full(5, 9), padding=(1, 1, 1, 1), pad_values=np.ones(2)),
            MaxPoolLayer("pool1", (2, 2), (2, 2)),
            dense("fc1", 20, 3),
        ),
    )
    assert [(layer.name, shape) for layer, shape, _ in network.walk()] == [
        ("conv1", (4, 4, 2)),
        ("pool1", (4, 4, 5)),
        ("fc1", (2, 2, 5)),
    ]
    assert network.classes == 3
    assert network.weight_bits == 5 * 18 + 3 * 20


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Chain(BINARY, ()), "has no layers"),
        (lambda: Chain(BINARY, (dense("a", 32, 3, np.zeros(3)),)), "exactly the last layer must have no thresholds"),
        (lambda: Chain(BINARY, (dense("a", 31, 3),)), r"layer a: mw \(31\) must be the number of inputs.*32"),
        (lambda: Chain(BINARY, (dense("a", 32, 4, np.zeros(4)), dense("a", 4, 2))), "must be unique"),
        (lambda: dense("a", 32, 3, np.zeros(2)), "must be one a channel"),
        (lambda: dense("a", 32, 3, np.full(3, 0.5)), "thresholds: values do not fit int32"),
        (
            lambda: Chain(BINARY, (dense("a", 32, 3, np.array([0, 34, 1])), dense("b", 3, 2))),
            r"layer a channel 1: threshold 34 must lie in 0\.\.33",
        ),
        (lambda: Chain(PIXELS, (MaxPoolLayer("p", (2, 2), (2, 2)), dense("b", 8, 2))), "needs binary input"),
        (lambda: Chain(BINARY, (MaxPoolLayer("p", (2, 2), (2, 2)),)), "must be dense or conv"),
        (
            lambda: Chain(BINARY, (MaxPoolLayer("p", (5, 2), (2, 2)), dense("b", 8, 2))),
            "larger than its padded input",
        ),
        (lambda: Chain(BINARY, (conv("c", 2, 3, None),)), "scores need a 1 x 1 output"),
        (lambda: Chain(BINARY, (conv("c", 3, 3, None),)), r"c_in \(3\) must be the number of input channels \(2\)"),
        (lambda: conv("c", 2, 3, None, pad_values=np.ones(2)), "pad_values must be 0"),
        (lambda: conv("c", 2, 3, None, padding=(3, 0, 0, 0)), "must be smaller than the kernel"),
        (lambda: Encode((4, 4, 2), np.arange(255), binary=False), r"must be \(256,\)"),
        (lambda: Encode((4, 4, 2), np.zeros((3, 256)), binary=True), r"\(3, 256\), must be .* or \(2, 256\)"),
        (lambda: Encode((4, 4, 2), np.arange(256), binary=True), "0 and 1 only"),
        (lambda: Encode((4, 0, 2), np.arange(256), binary=False), "each at least 1"),
        (lambda: DenseLayer("a", np.full((1, 1), 8, np.uint64), 3, None), "weight bits above mw"),
        (lambda: Chain(BINARY, (dense("a", 32, 3, score_table=np.zeros((3, 32))),)), r"must have one an accumulator"),
    ],
)
def test_contradictions_are_named(build, message):
    with pytest.raises(NetworkError, match=message):
        build()


def test_integer_accumulators_reach_exactly_their_extremes():
    layer = dense("a", 32, 4, np.zeros(4))
    low, high = layer.accumulator_range((0, 255))
    for channel, row in enumerate(layer.weight_bits):
        assert high[channel] == sum(255 for bit in row if bit)
        assert low[channel] == -sum(255 for bit in row if not bit)


def test_hash_depends_on_every_bit():
    layers = (dense("a", 32, 4, np.arange(4)), dense("b", 4, 2))
    network = Chain(BINARY, layers)
    assert Chain(BINARY, (dense("a", 32, 4, np.arange(4)), dense("b", 4, 2))).hash == network.hash
    weights = layers[0].weights.copy()
    weights[2, 0] ^= 1 << 7
    others = [
        Chain(BINARY, (dataclasses.replace(layers[0], weights=weights), layers[1])),
        Chain(BINARY, (dataclasses.replace(layers[0], thresholds=np.array([0, 1, 2, 4])), layers[1])),
        Chain(Encode.threshold((4, 4, 2), 127), layers),
        Chain(Encode.threshold((4, 2, 4), 128), layers),
    ]
    assert len({network.hash, *(other.hash for other in others)}) == 5
    assert Chain(BINARY, (dataclasses.replace(layers[0], name="c"), layers[1])).hash == network.hash


def test_arrays_are_frozen():
    layer = dense("a", 32, 4, np.arange(4))
    with pytest.raises(ValueError, match="read-only"):
        layer.weights[0, 0] = 1


def test_a_table_for_each_channel():
    tables = np.stack([np.arange(256), 255 - np.arange(256)]).astype(np.int16)
    encoding = Encode((1, 2, 2), tables, binary=False)
    image = np.array([[[[0, 1], [7, 250]]]], np.uint8)
    assert encoding.encode(image).tolist() == [[[[0, 254], [7, 5]]]]
    assert encoding.range == (0, 255)
    with pytest.raises(NetworkError, match="input: channels 0 and 1 have tables of their own, FINN has one"):
        encoding.shared_table("FINN")


def test_equal_tables_of_channels_are_one_function_with_one_hash():
    layers = (dense("a", 32, 3),)
    tables = np.broadcast_to(BINARY.table, (2, 256))
    twice = Chain(Encode(BINARY.shape, tables, binary=True), layers)
    assert not twice.input.per_channel
    assert twice.hash == Chain(BINARY, layers).hash
    tables = np.stack([BINARY.table, 1 - BINARY.table])
    assert Chain(Encode(BINARY.shape, tables, binary=True), layers).hash != twice.hash


def everything():
    """A chain with all that one can have: padding, a pool with inverted channels, a table of scores."""
    rng = np.random.default_rng(3)
    padded = conv("conv1", 2, 5, rng.integers(0, 19, 5), padding=(1, 1, 1, 1), pad_values=np.array([1, 0]))
    pool = MaxPoolLayer("pool1", (2, 2), (2, 2), (1, 0, 0, 0), np.array([0, 1, 0, 0, 1]))
    table = rng.integers(-99, 99, (3, 21))
    return Chain(BINARY, (padded, pool, dense("fc1", 20, 7, rng.integers(0, 21, 7)), dense("fc2", 7, 3))), table


def integer_chains():
    rng = np.random.default_rng(4)
    table = Encode((4, 4, 2), rng.integers(-3, 9, (2, 256)), binary=False)
    first = conv("conv1", 2, 5, rng.integers(-9, 9, 5), padding=(1, 1, 1, 1), pad_values=np.array([-3, 8]))
    low, high = table.range
    scored = dense("fc1", 32, 3, score_table=rng.integers(-99, 99, (3, 32 * (high - low) + 1)))
    return [Chain(table, (first, dense("fc1", 80, 3))), Chain(table, (scored,)), Chain(table, (dense("fc1", 32, 3),))]


def same_layers(ours, theirs):
    assert [type(layer) for layer in ours.layers] == [type(layer) for layer in theirs.layers]
    for one, other in zip((ours.input, *ours.layers), (theirs.input, *theirs.layers), strict=True):
        for attribute in dataclasses.fields(one):
            np.testing.assert_array_equal(getattr(one, attribute.name), getattr(other, attribute.name))
    return True


def test_a_chain_is_a_network_and_back():
    chain, table = everything()
    with_table = Chain(BINARY, (*chain.layers[:-2], dense("fc", 20, 3, score_table=table)))
    for one in (chain, with_table, *integer_chains()):
        network = one.network()
        assert same_layers(as_chain(network), one)
        assert as_chain(network).hash == network.hash == one.hash
        assert (network.classes, network.weight_bits) == (one.classes, one.weight_bits)
    assert list(chain.network().values) == [
        *("input", "conv1.accumulator", "conv1", "pool1"),
        *("fc1.accumulator", "fc1", "fc2.accumulator", "fc2"),
    ]
    assert chain.network().notes.inverted["pool1"].tolist() == [False, True, False, False, True]


def test_what_a_table_says_beyond_a_channels_reach_is_no_chain():
    # One matrix row of +1 and one of -1: sums of 0..6 and -6..0, so half of each row of the table is never read.
    encode = Encode((1, 1, 2), np.arange(256) % 4, binary=False)
    matrix = nodes.Dense.from_bits("m", "input", np.array([[1, 1], [0, 0]]))
    for table, is_chain in ((np.tri(2, 13), False), (np.array([[0] * 6 + [1] * 7, [2] * 7 + [0] * 6]), True)):
        network = Network((encode, matrix, nodes.Scores("fc", ("m",), table=table)))
        if is_chain:
            assert as_chain(network).layers[0].score_table.tolist() == [[1] * 7, [2] * 7]
        else:
            with pytest.raises(NetworkError, match="entries for integers that no accumulator reaches; make them 0"):
                as_chain(network)


def sums():
    """Integers (4, 4, 3) of bits (4, 4, 2), and what reads them."""
    return [BINARY, nodes.Conv("sums", ("input",), *weights(3, 2), kernel=(1, 1), pad_values=np.zeros(2))]


def weights(mh, mw):
    return pack_bits(np.ones((mh, mw), int)), mw


def ended(start, source, mw):
    """The nodes with a dense matrix of ``source`` and scores after them."""
    return Network((*start, nodes.Dense("m", (source,), *weights(2, mw)), nodes.Scores.of_popcounts("s", "m", mw, 2)))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: ended([nodes.Thermometer(BINARY.shape, np.array([3, 5]))], "input", 64),
            "thermometer input: is not part",
        ),
        (
            lambda: ended([*sums(), nodes.MaxPool("p", ("sums",), kernel=(4, 4), stride=(4, 4))], "p", 3),
            "max_pool p: is not part of a chain; a chain begins with encode",
        ),
        (lambda: ended(sums(), "sums", 48), "dense m: is not part of a chain"),
        (
            lambda: ended(
                [
                    *sums(),
                    nodes.Threshold("a", ("sums",), np.zeros(3)),
                    nodes.Threshold("b", ("sums",), np.ones(3)),
                    nodes.Concatenate("c", ("a", "b")),
                ],
                "c",
                96,
            ),
            "threshold b: is not part of a chain",
        ),
        (
            lambda: ended(
                [
                    BINARY,
                    nodes.Conv("g", ("input",), *weights(2, 1), kernel=(1, 1), pad_values=np.zeros(2), groups=2),
                    nodes.Threshold("t", ("g",), np.zeros(2)),
                ],
                "t",
                32,
            ),
            "conv g: has 2 groups, a chain's convolutions have 1",
        ),
        (
            lambda: Network(
                (BINARY, nodes.Dense("m", ("input",), *weights(2, 32)), nodes.Scores.of_integers("s", "m", 2))
            ),
            r"scores s: is not part of a chain, whose scores are 2 x \+ -32 here, or a table",
        ),
    ],
)
def test_the_first_node_that_is_no_chain_is_named(build, message):
    with pytest.raises(NetworkError, match=message):
        as_chain(build())


def test_notes_are_not_in_the_hash():
    network = dataclasses.replace(everything()[0].network(), notes=Notes())
    assert network.hash == everything()[0].hash
    assert as_chain(network).layers[1].inverted is None
