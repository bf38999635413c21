"""What FINN can hold equals what it is made from. Oracle: the simulator, which shares no code with finn_build."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bnn import Chain, ConvLayer, DenseLayer, Encode, MaxPoolLayer, NetworkError
from finn_build.board.evaluator import FRAMES_AT_ONCE, scores, trace
from finn_build.compiler.form import finn_form
from finn_build.errors import GraphError
from hw.simulator import Backend, simulate
from hw.simulator import trace as simulator_trace


def images_of(rng, network, count):
    return rng.integers(0, 256, (count, *network.input.shape), dtype=np.uint8)


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("kind", ["mlp", "cnn"])
def test_evaluator_equals_the_simulator(networks, rng, kind, binary):
    network = networks(kind, binary=binary)
    images = images_of(rng, network, FRAMES_AT_ONCE + 3)
    assert np.array_equal(scores(network, images), simulate(network.network(), images, backend=Backend.NUMPY))
    ours, theirs = trace(network, images), simulator_trace(network.network(), images, backend=Backend.NUMPY)
    assert list(ours) == ["input"] * binary + [layer.name for layer in network.layers]
    for name in list(ours)[:-1]:
        assert np.array_equal(ours[name], theirs[name])
    *_, accumulators, _ = theirs.values()
    assert np.array_equal(list(ours.values())[-1], accumulators[:, 0, 0])


def test_evaluator_looks_scores_up(networks, rng):
    network = networks("mlp", table=True)
    images = images_of(rng, network, 5)
    assert np.array_equal(scores(network, images), simulate(network.network(), images, backend=Backend.NUMPY))


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_padding_with_ones_becomes_an_inversion(small_cnn_factory, seed, binary):
    rng = np.random.default_rng(seed)
    network = small_cnn_factory(rng, binary=binary)
    form = finn_form(network)
    images = images_of(rng, network, 2)
    assert np.array_equal(scores(form.network, images), simulate(network.network(), images, backend=Backend.NUMPY))
    assert not any(layer.pad_values.any() for layer in form.network.layers if isinstance(layer, ConvLayer))
    original, rewritten = (
        simulator_trace(one.network(), images, backend=Backend.NUMPY) for one in (network, form.network)
    )
    for name, inverted in form.inverted.items():
        assert np.array_equal(original[name], rewritten[name] ^ inverted)


def test_integer_layer_before_padding_with_ones(layer_factory, rng):
    network = Chain(
        Encode.pixels((5, 5, 2)),
        (
            layer_factory.conv("conv1", 2, 4, value_range=(0, 255)),
            layer_factory.conv("conv2", 4, 3, padding=(1, 1, 1, 1), pads=np.ones(4)),
            layer_factory.dense("fc", 27, 3, last=True),
        ),
    )
    images = images_of(rng, network, 30)
    assert np.array_equal(
        scores(finn_form(network).network, images), simulate(network.network(), images, backend=Backend.NUMPY)
    )


def test_falling_input_is_inverted(networks, rng):
    network = networks("mlp")
    falling = Chain(Encode(network.input.shape, 1 - network.input.table, binary=True), network.layers)
    form = finn_form(falling)
    images = images_of(rng, network, 10)
    assert (np.diff(form.network.input.table) >= 0).all()
    assert form.inverted["input"].all()
    assert np.array_equal(scores(form.network, images), simulate(falling.network(), images, backend=Backend.NUMPY))


def test_what_finn_has_is_left_alone(networks):
    network = networks("mlp")
    assert finn_form(network).network.hash == network.hash


def one_conv(layer_factory, encoding, **more):
    value_range = None if encoding.binary else encoding.range
    first = layer_factory.conv("conv1", encoding.shape[2], 4, value_range=value_range, **more)
    size = int(np.prod(first.output_shape(encoding.shape)))
    return Chain(encoding, (first, layer_factory.dense("fc", size, 3, last=True)))


def test_refuses_padding_with_ones_at_the_input(layer_factory):
    network = one_conv(layer_factory, Encode.threshold((4, 4, 2), 9), padding=(1, 1, 1, 1), pads=np.array([0, 1]))
    with pytest.raises(GraphError, match=r"layer conv1 channel 1: pads with bit 1 .* the input's threshold"):
        finn_form(network)


def test_refuses_padding_with_ones_behind_a_pool(layer_factory):
    network = Chain(
        Encode.threshold((6, 6, 2), 9),
        (
            MaxPoolLayer("pool1", (2, 2), (2, 2)),
            layer_factory.conv("conv1", 2, 4, padding=(1, 1, 1, 1), pads=np.array([1, 0])),
            layer_factory.dense("fc", 36, 3, last=True),
        ),
    )
    with pytest.raises(GraphError, match="layer conv1 channel 0: pads with bit 1 .* the max pool pool1 before it"):
        finn_form(network)


def test_refuses_integer_padding_other_than_0(layer_factory):
    pads = np.array([0, 0, 128])
    network = one_conv(layer_factory, Encode.pixels((4, 4, 3)), padding=(1, 1, 1, 1), pads=pads)
    with pytest.raises(GraphError, match="layer conv1 channel 2: pads integers with 128, FINN pads with 0 only"):
        finn_form(network)


def test_refuses_a_table_of_integers(layer_factory):
    encoding = Encode((4, 4, 1), np.arange(256) - 128, binary=False)
    with pytest.raises(GraphError, match=r"input: FINN reads the pixel values 0\.\.255 themselves"):
        finn_form(one_conv(layer_factory, encoding))


def test_refuses_a_table_that_rises_and_falls(layer_factory):
    table = np.zeros(256)
    table[10:20] = 1
    with pytest.raises(GraphError, match="input: the table rises and falls"):
        finn_form(one_conv(layer_factory, Encode((4, 4, 1), table, binary=True)))


def test_refuses_channels_with_tables_of_their_own(layer_factory):
    encoding = Encode((4, 4, 3), np.arange(256) >= np.array([[9], [8], [9]]), binary=True)
    with pytest.raises(NetworkError, match="input: channels 0 and 1 have tables of their own, FINN's"):
        finn_form(one_conv(layer_factory, encoding))


def test_refuses_a_pool_on_a_falling_input(layer_factory):
    encoding = Encode((4, 4, 1), (np.arange(256) < 9).astype(int), binary=True)
    layers = (MaxPoolLayer("pool1", (2, 2), (2, 2)), layer_factory.dense("fc", 4, 3, last=True))
    with pytest.raises(GraphError, match="layer pool1: a max pool on a falling binary input"):
        finn_form(Chain(encoding, layers))


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "reason"),
    [
        ((2, 2), (3, 3), (0, 0, 0, 0), r"layer pool1: stride \(3, 3\) must not exceed kernel \(2, 2\)"),
        ((2, 2), (2, 2), (1, 0, 0, 0), r"layer pool1: padding \(1, 0, 0, 0\) must be the same on opposite sides"),
    ],
)
def test_refuses_pools_that_finn_lacks(layer_factory, kernel, stride, padding, reason):
    pool = MaxPoolLayer("pool1", kernel, stride, padding)
    encoding = Encode.threshold((6, 6, 1), 9)
    size = int(np.prod(pool.output_shape(encoding.shape)))
    with pytest.raises(GraphError, match=reason):
        finn_form(Chain(encoding, (pool, layer_factory.dense("fc", size, 3, last=True))))


def test_refuses_a_window_over_a_line(layer_factory):
    network = one_conv(layer_factory, Encode.threshold((1, 8, 1), 9), padding=(1, 1, 1, 1))
    with pytest.raises(GraphError, match=r"layer conv1: kernel \(3, 3\) .* an image of \(1, 8\)"):
        finn_form(network)


def test_refuses_sums_beyond_float32():
    bits = np.ones((2, 66_000), np.uint8)
    network = Chain(Encode.pixels((66, 1000, 1)), (DenseLayer.from_bits("fc", bits, None),))
    with pytest.raises(GraphError, match="layer fc: accumulators reach 16830000, FINN counts in float32"):
        finn_form(network)
