"""Absorption of one layer, at every reachable accumulator of every channel. Oracle: PyTorch's own float32 answer."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bnn.chain import as_chain
from bnn.nodes import Encode
from bnn.stage import ChainLayer, Pool, chain_model
from bnn.values import NetworkError
from onnx_export.absorb import AbsorptionError, absorb
from onnx_export.absorption import comparator, scores

torch.set_num_threads(1)

ONE_BY_ONE = ((1, 1), (1, 1))
scale = st.one_of(
    st.floats(-4, 4, width=32),
    st.sampled_from([0.0, -0.0, 1e-40, -1e-40, 1e-45, 1e-20, -1e-20, 1e20, -1e20, 3e38, -3e38, 1.0, -1.0]),
).map(np.float32)


def per_channel(draw, channels, element=scale):
    return torch.from_numpy(np.array(draw(st.lists(element, min_size=channels, max_size=channels)), np.float32))


@st.composite
def epilogue_of(draw, channels, *, hidden=True):
    """A PyTorch function from (n, channels) accumulators to +-1 (hidden) or logits."""
    parts = {
        "bias": draw(st.none()) if draw(st.booleans()) else per_channel(draw, channels),
        "weight": per_channel(draw, channels),
        "offset": per_channel(draw, channels),
        "slope": per_channel(draw, channels, st.floats(-2, 2, width=32)),
        "shift": per_channel(draw, channels, st.floats(-2, 2, width=32)),
    }
    activation = draw(st.sampled_from(["none", "relu", "leaky", "prelu"]))
    order = draw(st.permutations(["norm", "activation"]))

    def apply(accumulators):
        x = torch.from_numpy(accumulators)
        if parts["bias"] is not None:
            x = x + parts["bias"]
        for step in order:
            if step == "norm":
                x = x * parts["weight"] + parts["offset"]
            elif activation == "relu":
                x = torch.relu(x)
            elif activation == "leaky":
                x = torch.nn.functional.leaky_relu(x, 0.1)
            elif activation == "prelu":
                x = torch.nn.functional.prelu(x, parts["slope"])
        if hidden:
            x = torch.where(x - parts["shift"] >= 0, 1.0, -1.0)
        return x.numpy()

    return apply


@st.composite
def single_layers(draw):
    """Weights (mh, c, h, w) of a dense layer or convolution and its input: bits, or integers with a table."""
    channels, height, width = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    weights = draw(
        hnp.arrays(
            np.float32, (draw(st.integers(1, 6)), channels, height, width), elements=st.sampled_from([-1.0, 1.0])
        )
    )
    shape = (height, width, channels)
    if draw(st.booleans()):
        encoding = Encode.threshold(shape, 128)
    else:
        low, spread, step = draw(st.integers(-20, 20)), draw(st.integers(0, 20)), draw(st.sampled_from([1, 2, 3]))
        table = low + step * np.round(np.arange(256) / 255 * spread)
        encoding = Encode(shape, table.astype(np.int16), binary=False)
    padding = draw(st.integers(0, min(height, width) - 1)) if draw(st.booleans()) else 0
    return weights, encoding, (padding,) * 4


def reachable_sums(row, encoding, pad_value=None):
    """Every sum of +-x by brute force: all sums that one more input can make of those before it."""
    values = {-1, 1} if encoding.binary else {int(v) for v in np.unique(encoding.table)}
    values |= set() if pad_value is None else {pad_value}
    sums = {0}
    for weight in row:
        sums = {total + int(weight) * value for total in sums for value in values}
    return np.array(sorted(sums))


def absorbed_or_refused(model):
    try:
        return absorb(model), ""
    except AbsorptionError as error:
        return None, str(error)


def channel_named(refusal):
    return int(refusal.split("channel ")[1].split(":")[0])


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_threshold_equals_pytorch_at_every_reachable_accumulator(data):
    weights, encoding, padding = data.draw(single_layers())
    mh = len(weights)
    is_convolution = data.draw(st.booleans())
    padding = padding if is_convolution else (0, 0, 0, 0)
    pad_value = 1 if encoding.binary else 5
    epilogue = data.draw(epilogue_of(mh))
    hidden = ChainLayer(
        "hidden", weights, epilogue, is_convolution=is_convolution, padding=padding, pad_value=pad_value
    )
    if is_convolution:
        pooled = Pool("pool", (1 + 2 * padding[0],) * 2, (1, 1))
        hidden = ChainLayer(
            **{**vars(hidden), "pool_before": pooled}
            if data.draw(st.booleans())
            else {**vars(hidden), "pool_after": pooled}
        )
    last = ChainLayer("last", np.ones((2, mh), np.float32), lambda a: a)
    rows = weights.transpose(0, 2, 3, 1).reshape(mh, -1)
    sums = [reachable_sums(row, encoding, pad_value if any(padding) else None) for row in rows]
    expected = [
        epilogue(np.repeat(channel_sums.astype(np.float32)[:, None], mh, axis=1))[:, channel]
        for channel, channel_sums in enumerate(sums)
    ]
    network, refusal = absorbed_or_refused(chain_model(encoding, (hidden, last)))
    if network is None:
        assert "not monotonic" in refusal
        channel = channel_named(refusal)
        assert (np.diff(expected[channel]) != 0).sum() >= 2 or encoding_is_sparse(encoding, sums[channel])
        return
    layer = as_chain(network).layers[0]
    for channel in range(mh):
        inverted = (
            hidden.pool_before
            and as_chain(network).layers[1].inverted is not None
            and as_chain(network).layers[1].inverted[channel]
        )
        same_row = np.array_equal(layer.weight_bits[channel], rows[channel] > 0)
        assert same_row or np.array_equal(layer.weight_bits[channel], rows[channel] < 0)
        ours = sums[channel] if same_row else -sums[channel]
        counted = (ours + layer.mw) // 2 if encoding.binary else ours
        bits = (counted >= layer.thresholds[channel]) ^ bool(inverted)
        np.testing.assert_array_equal(np.where(bits, 1, -1), expected[channel])


def encoding_is_sparse(encoding, sums):
    """Integers that some sums skip: absorption may judge a channel at values that no image gives."""
    steps = np.diff(sums)
    return not encoding.binary and len(set(steps.tolist())) > 1


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_scores_order_as_the_logits_of_every_pair_of_channels(data):
    weights, encoding, _ = data.draw(single_layers())
    mh = len(weights)
    shared = data.draw(st.booleans())
    epilogue = data.draw(epilogue_of(1 if shared else mh, hidden=False))
    apply = (lambda a: np.concatenate([epilogue(a[:, [i]]) for i in range(mh)], axis=1)) if shared else epilogue
    rows = weights.transpose(0, 2, 3, 1).reshape(mh, -1)
    sums = [reachable_sums(row, encoding) for row in rows]
    logits = [apply(np.repeat(s.astype(np.float32)[:, None], mh, axis=1))[:, c] for c, s in enumerate(sums)]
    network, refusal = absorbed_or_refused(chain_model(encoding, (ChainLayer("last", weights, apply),)))
    if network is None:
        assert "must be finite" in refusal
        channel = channel_named(refusal)
        assert not np.isfinite(logits[channel]).all() or encoding_is_sparse(encoding, sums[channel])
        return
    layer = as_chain(network).layers[0]
    lowest, _ = layer.accumulator_range(None if encoding.binary else encoding.range)
    ours = []
    for channel in range(mh):
        same_row = np.array_equal(layer.weight_bits[channel], rows[channel] > 0)
        accumulators = sums[channel] if same_row else -sums[channel]
        counted = (accumulators + layer.mw) // 2 if encoding.binary else accumulators
        if layer.score_table is None:
            ours.append(2 * counted - layer.mw if encoding.binary else counted)
        else:
            ours.append(layer.score_table[channel, counted - lowest[channel]])
    np.testing.assert_array_equal(dense_ranks(np.concatenate(ours)), dense_ranks(np.concatenate(logits)))


def dense_ranks(values):
    return np.unique(values, return_inverse=True)[1]


def bits_in(mw):
    return Encode.threshold((1, 1, mw), 128)


def plain_last(mw):
    return ChainLayer("last", np.ones((2, mw), np.float32), lambda a: a)


def sign(values):
    return np.where(values >= 0, np.float32(1), np.float32(-1))


@pytest.mark.parametrize(("constant", "threshold"), [(1.0, 0), (-1.0, 6)])
def test_constant_channel_has_a_threshold_at_an_end_of_the_range(constant, threshold):
    stage = ChainLayer("fc1", np.ones((1, 5), np.float32), lambda a: np.full_like(a, constant))
    layer = as_chain(absorb(chain_model(bits_in(5), (stage, plain_last(1))))).layers[0]
    assert layer.thresholds.tolist() == [threshold]


def test_falling_integer_channel_flips_its_row_and_keeps_greater_or_equal():
    stage = ChainLayer("fc1", np.ones((1, 2), np.float32), lambda a: sign(10 - a))
    layer = as_chain(absorb(chain_model(Encode.pixels((1, 1, 2)), (stage, plain_last(1))))).layers[0]
    assert layer.weight_bits.tolist() == [[0, 0]]
    assert layer.thresholds.tolist() == [-10]


def test_never_and_falling_thresholds_stay_in_range_where_sums_move_in_steps():
    encoding = Encode((1, 1, 1), (2 * np.arange(256) - 255).clip(-256, 255).astype(np.int16), binary=False)
    stage = ChainLayer(
        "fc1", np.ones((2, 1), np.float32), lambda a: np.where([True, False], -1, sign(-a)).astype(np.float32)
    )
    layer = as_chain(absorb(chain_model(encoding, (stage, plain_last(2))))).layers[0]
    assert layer.thresholds.tolist() == [256, 1]


def test_zero_that_no_image_reaches_is_not_held_against_a_sign_without_zero():
    encoding = Encode((1, 1, 1), (2 * np.arange(256) - 255).clip(-256, 255).astype(np.int16), binary=False)
    stage = ChainLayer("fc1", np.ones((1, 1), np.float32), np.sign)
    assert as_chain(absorb(chain_model(encoding, (stage, plain_last(1))))).layers[0].thresholds.tolist() == [1]


def test_not_monotonic_names_layer_channel_and_both_turns():
    stage = ChainLayer(
        "fc7",
        np.ones((2, 9), np.float32),
        lambda a: np.where([False, True], sign(a * a - 10), sign(a)).astype(np.float32),
    )
    with pytest.raises(
        AbsorptionError, match=r"layer fc7 channel 1: not monotonic.*to -1 at accumulator -3 and back to \+1 at 5;"
    ):
        absorb(chain_model(bits_in(9), (stage, plain_last(2))))


def test_not_monotonic_across_evaluated_chunks(monkeypatch):
    monkeypatch.setattr(comparator, "ELEMENTS_AT_ONCE", 2)
    stage = ChainLayer(
        "fc7",
        np.ones((2, 9), np.float32),
        lambda a: np.where([False, True], sign(a * a - 10), sign(a)).astype(np.float32),
    )
    with pytest.raises(AbsorptionError, match="channel 1: not monotonic.*accumulator -3 and back"):
        absorb(chain_model(bits_in(9), (stage, plain_last(2))))


@pytest.mark.parametrize("wrong", [np.nan, 0.0, 0.5])
def test_output_other_than_plus_or_minus_one_is_refused(wrong):
    stage = ChainLayer("fc2", np.ones((1, 2), np.float32), lambda a: np.where(a == 0, np.float32(wrong), sign(a)))
    with pytest.raises(AbsorptionError, match=rf"layer fc2 channel 0: gives {wrong} at accumulator 0, .* -1 or \+1"):
        absorb(chain_model(bits_in(2), (stage, plain_last(1))))


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_logits_that_are_not_finite_are_refused(wrong):
    last = ChainLayer("last", np.ones((2, 2), np.float32), lambda a: np.where(a > 0, np.float32(wrong), a))
    with pytest.raises(AbsorptionError, match=rf"layer last channel 0: the logit is {wrong} at accumulator 2"):
        absorb(chain_model(bits_in(2), (last,)))


def test_table_larger_than_the_limit_is_refused(monkeypatch):
    monkeypatch.setattr(scores, "LARGEST_TABLE", 5)
    last = ChainLayer("last", np.ones((2, 2), np.float32), lambda a: a + np.array([0, 0.5], np.float32))
    with pytest.raises(AbsorptionError, match="layer last: .* would have 6 entries, at the most 5"):
        absorb(chain_model(bits_in(2), (last,)))


def test_same_rising_logits_need_no_table_and_falling_ones_negated_rows():
    for factor, bit in ((0.1, 1), (-0.1, 0)):
        last = ChainLayer("last", np.ones((2, 3), np.float32), lambda a, f=factor: a * np.float32(f) + np.float32(0.3))
        layer = as_chain(absorb(chain_model(bits_in(3), (last,)))).layers[0]
        assert layer.score_table is None
        assert (layer.weight_bits == bit).all()


def test_logits_are_compared_and_never_subtracted():
    far = np.float32(3e38)  # the difference of two such logits is no float32
    last = ChainLayer("last", np.ones((2, 3), np.float32), lambda a: np.where(a > 0, far, -far) + a)
    stepped = absorb(chain_model(bits_in(3), (last,)))
    assert as_chain(stepped).layers[0].score_table.tolist() == [[0, 0, 1, 1]] * 2


def test_accumulators_beyond_what_float32_counts_are_refused():
    last = ChainLayer("last", np.ones((1, 65794), np.float32), lambda a: a)
    with pytest.raises(NetworkError, match=r"last.accumulator: integers reach .*\.16777470, .* 16777216"):
        absorb(chain_model(Encode.pixels((1, 1, 65794)), (last,)))


def test_weight_other_than_plus_or_minus_one_is_refused():
    last = ChainLayer("last", np.array([[1, 0.5]], np.float32), lambda a: a)
    with pytest.raises(NetworkError, match=r"last.accumulator: weight 0.5 at \(0, 1\), must be -1 or \+1"):
        absorb(chain_model(bits_in(2), (last,)))


def test_weights_of_another_image_are_refused():
    last = ChainLayer("last", np.ones((1, 3, 2, 2), np.float32), lambda a: a)
    with pytest.raises(
        NetworkError, match=r"last.accumulator: weights have shape \(1, 3, 2, 2\), must be \(mh, 2, 3, 2\)"
    ):
        absorb(chain_model(Encode.pixels((3, 2, 2)), (last,)))


def test_bipolar_padding_must_be_a_bit():
    stage = ChainLayer("conv1", np.ones((1, 1, 3, 3), np.float32), sign, is_convolution=True, padding=(1, 1, 1, 1))
    with pytest.raises(
        NetworkError, match=r"conv1.accumulator: padded with 0, bipolar input must be padded with -1 or \+1"
    ):
        absorb(
            chain_model(
                Encode.threshold((3, 3, 1), 9),
                (stage, ChainLayer("l", np.ones((1, 1, 3, 3), np.float32), lambda a: a)),
            )
        )


def test_falling_channel_between_two_pools_is_refused():
    pool = [Pool(f"pool{i}", *ONE_BY_ONE) for i in (1, 2)]
    stage = ChainLayer(
        "conv1",
        np.ones((1, 1, 1, 1), np.float32),
        lambda a: sign(-a),
        is_convolution=True,
        pool_before=pool[0],
        pool_after=pool[1],
    )
    with pytest.raises(AbsorptionError, match="layer conv1 channel 0: falls between max pools pool1 and pool2"):
        absorb(chain_model(bits_in(1), (stage, plain_last(1))))


def test_pool_after_the_last_layer_is_refused():
    last = ChainLayer("last", np.ones((1, 2), np.float32), lambda a: a, pool_after=Pool("pool1", *ONE_BY_ONE))
    with pytest.raises(NetworkError, match="layer last: a max pool after the last layer"):
        absorb(chain_model(bits_in(2), (last,)))


def test_progress_counts_stages():
    done = []
    absorb(chain_model(bits_in(2), (ChainLayer("fc1", np.ones((1, 2), np.float32), sign), plain_last(1))), done.append)
    assert done == [1, 1]
