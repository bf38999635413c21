"""The contract refuses what contradicts itself. Oracle: the conventions in `bnn.network`, spelled out case by case."""

import dataclasses

import numpy as np
import pytest

from bnn import ConvLayer, DenseLayer, InputEncoding, MaxPoolLayer, Network, NetworkError
from bnn.encoding import pack_bits


def dense(name, mw, mh, thresholds=None, **options):
    bits = np.random.default_rng(mw * mh).integers(0, 2, (mh, mw))
    return DenseLayer.from_bits(name, bits, thresholds, **options)


def conv(name, c_in, mh, thresholds, **options):
    mw = 9 * c_in
    bits = np.random.default_rng(mw).integers(0, 2, (mh, mw))
    pads = options.pop("pad_values", np.zeros(c_in))
    return ConvLayer(name, pack_bits(bits), mw, thresholds, kernel=(3, 3), pad_values=pads, **options)


BINARY = InputEncoding.threshold((4, 4, 2), 128)
PIXELS = InputEncoding.pixels((4, 4, 2))


def test_shapes_follow_the_layers():
    network = Network(
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
        (lambda: Network(BINARY, ()), "has no layers"),
        (lambda: Network(BINARY, (dense("a", 32, 3, np.zeros(3)),)), "exactly the last layer must have no thresholds"),
        (lambda: Network(BINARY, (dense("a", 31, 3),)), r"layer a: mw \(31\) must be the number of inputs.*32"),
        (lambda: Network(BINARY, (dense("a", 32, 4, np.zeros(4)), dense("a", 4, 2))), "must be unique"),
        (lambda: dense("a", 32, 3, np.zeros(2)), "must be one a channel"),
        (lambda: dense("a", 32, 3, np.full(3, 0.5)), "thresholds: values do not fit int32"),
        (
            lambda: Network(BINARY, (dense("a", 32, 3, np.array([0, 34, 1])), dense("b", 3, 2))),
            r"layer a channel 1: threshold 34 must lie in 0\.\.33",
        ),
        (lambda: Network(PIXELS, (MaxPoolLayer("p", (2, 2), (2, 2)), dense("b", 8, 2))), "needs binary input"),
        (lambda: Network(BINARY, (MaxPoolLayer("p", (2, 2), (2, 2)),)), "must be dense or conv"),
        (
            lambda: Network(BINARY, (MaxPoolLayer("p", (5, 2), (2, 2)), dense("b", 8, 2))),
            "larger than its padded input",
        ),
        (lambda: Network(BINARY, (conv("c", 2, 3, None),)), "scores need a 1 x 1 output"),
        (lambda: Network(BINARY, (conv("c", 3, 3, None),)), r"c_in \(3\) must be the number of input channels \(2\)"),
        (lambda: conv("c", 2, 3, None, pad_values=np.ones(2)), "pad_values must be 0"),
        (lambda: conv("c", 2, 3, None, padding=(3, 0, 0, 0)), "must be smaller than the kernel"),
        (lambda: InputEncoding((4, 4, 2), np.arange(255), binary=False), r"must be \(256,\)"),
        (lambda: InputEncoding((4, 4, 2), np.zeros((3, 256)), binary=True), r"\(3, 256\), must be .* or \(2, 256\)"),
        (lambda: InputEncoding((4, 4, 2), np.arange(256), binary=True), "0 and 1 only"),
        (lambda: InputEncoding((4, 0, 2), np.arange(256), binary=False), "each at least 1"),
        (lambda: DenseLayer("a", np.full((1, 1), 8, np.uint64), 3, None), "weight bits above mw"),
        (lambda: Network(BINARY, (dense("a", 32, 3, score_table=np.zeros((3, 32))),)), r"must have one an accumulator"),
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
    network = Network(BINARY, layers)
    assert Network(BINARY, (dense("a", 32, 4, np.arange(4)), dense("b", 4, 2))).hash == network.hash
    weights = layers[0].weights.copy()
    weights[2, 0] ^= 1 << 7
    others = [
        Network(BINARY, (dataclasses.replace(layers[0], weights=weights), layers[1])),
        Network(BINARY, (dataclasses.replace(layers[0], thresholds=np.array([0, 1, 2, 4])), layers[1])),
        Network(BINARY, (dataclasses.replace(layers[0], name="c"), layers[1])),
        Network(InputEncoding.threshold((4, 4, 2), 127), layers),
        Network(InputEncoding.threshold((4, 2, 4), 128), layers),
    ]
    assert len({network.hash, *(other.hash for other in others)}) == 6


def test_arrays_are_frozen():
    layer = dense("a", 32, 4, np.arange(4))
    with pytest.raises(ValueError, match="read-only"):
        layer.weights[0, 0] = 1


def test_a_table_for_each_channel():
    tables = np.stack([np.arange(256), 255 - np.arange(256)]).astype(np.int16)
    encoding = InputEncoding((1, 2, 2), tables, binary=False)
    image = np.array([[[[0, 1], [7, 250]]]], np.uint8)
    assert encoding.encode(image).tolist() == [[[[0, 254], [7, 5]]]]
    assert encoding.range == (0, 255)
    with pytest.raises(NetworkError, match="input: channels 0 and 1 have tables of their own, FINN has one"):
        encoding.shared_table("FINN")


def test_equal_tables_of_channels_are_one_function_with_one_hash():
    layers = (dense("a", 32, 3),)
    tables = np.broadcast_to(BINARY.table, (2, 256))
    twice = Network(InputEncoding(BINARY.shape, tables, binary=True), layers)
    assert not twice.input.per_channel
    assert twice.hash == Network(BINARY, layers).hash
    tables = np.stack([BINARY.table, 1 - BINARY.table])
    assert Network(InputEncoding(BINARY.shape, tables, binary=True), layers).hash != twice.hash
