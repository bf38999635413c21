"""Every backend against PyTorch's float64 convolutions and, on small networks, against naive Python loops."""

from __future__ import annotations

import tracemalloc

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from torch.nn import functional

from bnn import Chain, ConvLayer, DenseLayer, Encode, MaxPoolLayer, UserError
from bnn.encoding import pack_bits
from hw.simulator import (
    Backend,
    available_backends,
    prepare,
    reference_meaning,
    simulate,
    trace,
)

BACKENDS = list(available_backends())


def random_input(rng, shape, binary):
    if binary:
        # One step, several steps, constant: whatever a table may say.
        table = rng.integers(0, 2, 256) if rng.random() < 0.5 else np.arange(256) >= rng.integers(0, 257)
    else:
        low, high = sorted(rng.integers(-256, 256, 2))
        table = rng.integers(low, high + 1, 256)
    return Encode(shape, table.astype(np.int16), binary)


def random_thresholds(rng, layer_type, mh, bits, value_range, **options):
    """Thresholds mostly near the middle of the reachable range, some at and beyond both of its ends."""
    probe = layer_type("probe", pack_bits(bits), bits.shape[1], np.zeros(mh), **options)
    low, high = probe.accumulator_range(value_range)
    middle = (low + high) // 2 + rng.integers(-4, 5, mh)
    thresholds = np.where(rng.random(mh) < 0.7, middle, rng.integers(low, high + 2))
    thresholds = np.where(rng.random(mh) < 0.1, high + 1, np.where(rng.random(mh) < 0.1, low, thresholds))
    return np.clip(thresholds, low, high + 1), int((high - low).max()) + 1


def random_padding(rng, kernel):
    if rng.random() < 0.5:
        return (0, 0, 0, 0)
    return tuple(int(rng.integers(0, size)) for size in (*kernel, *kernel))


def random_window(rng, shape):
    kernel = tuple(int(rng.integers(1, min(4, size) + 1)) for size in shape[:2])
    stride = tuple(int(rng.integers(1, 4)) for _ in range(2))
    return kernel, stride, random_padding(rng, kernel)


# Kernels are compiled for a row's number of 32-bit words: few numbers, so that most time goes into comparing.
ROW_WORDS = {1, 2, 3, 4, 5, 18}
CHANNELS = [1, 2, 3, 8, 10, 16, 31, 63, 64, 65, 70, 128, 130]


def fits(mw):
    return -(-int(mw) // 32) in ROW_WORDS


def draw(make, accept):
    while True:
        value = make()
        if accept(value):
            return value


def random_network(seed, *, convolutions=True):
    """A chain of convolutions, pools and dense layers of many sizes, drawn from ``seed``."""
    rng = np.random.default_rng(seed)
    kinds = list(rng.choice(["conv", "pool"], int(rng.integers(1, 4)), p=[0.7, 0.3])) if convolutions else []
    binary = bool(rng.integers(2)) or "pool" in kinds[:1]
    shape = draw(
        lambda: (*map(int, rng.integers(1, 10, 2)), int(rng.choice([1, 2, 3, 5, 64, 70]))),
        lambda shape: convolutions or not binary or fits(np.prod(shape)),
    )
    encoding = random_input(rng, shape, binary)
    value_range = None if encoding.binary else encoding.range
    layers = []
    kinds += ["dense"] * int(rng.integers(1, 4))
    for index, (kind, following) in enumerate(zip(kinds, [*kinds[1:], None], strict=True)):
        name = f"layer{index}"
        if kind == "pool":
            kernel, stride, padding = random_window(rng, shape)
            inverted = rng.random(shape[2]) < 0.5 if rng.random() < 0.5 else None
            layers.append(MaxPoolLayer(name, kernel, stride, padding, inverted))
        else:
            mh, layer_type, mw, options = int(rng.choice(CHANNELS)), DenseLayer, int(np.prod(shape)), {}
            if kind == "conv":
                layer_type = ConvLayer
                kernel, stride, padding = draw(
                    lambda: random_window(rng, shape),  # noqa: B023  called at once
                    lambda window: value_range or fits(window[0][0] * window[0][1] * shape[2]),  # noqa: B023
                )
                mw = kernel[0] * kernel[1] * shape[2]
                low, high = (0, 1) if value_range is None else (min(value_range[0], 0), max(value_range[1], 0))
                pads = rng.integers(low, high + 1, shape[2]) * any(padding)
                options = {"kernel": kernel, "stride": stride, "padding": padding, "pad_values": pads}
                if value_range is not None and any(padding):
                    value_range = (min(value_range[0], int(pads.min())), max(value_range[1], int(pads.max())))
            bits = rng.integers(0, 2, (mh, mw))
            thresholds, table_length = random_thresholds(rng, layer_type, mh, bits, value_range, **options)
            table = None
            if following is None:
                thresholds = None
                table = rng.integers(-1000, 1000, (mh, table_length)) if rng.random() < 0.5 else None
            layers.append(layer_type(name, pack_bits(bits), mw, thresholds, score_table=table, **options))
            value_range = None
        shape = layers[-1].output_shape(shape)
        if following == "dense" and not fits(np.prod(shape)):
            return random_network(int(rng.integers(2**32)), convolutions=convolutions)
    return Chain(encoding, tuple(layers)), rng


def random_images(rng, network, count):
    return rng.integers(0, 256, (count, *network.input.shape), dtype=np.uint8)


def torch_trace(chain, images):
    """The network in PyTorch, float64 (exact: all sums are far below 2**53), NCHW and -1/+1 in place of bits."""
    traced = {"input": chain.input.table[images]}
    values = torch.from_numpy(chain.input.table[images].astype(np.float64)).permute(0, 3, 1, 2)
    if chain.input.binary:
        values = 2 * values - 1
    is_binary = chain.input.binary
    for layer in chain.layers:
        if isinstance(layer, MaxPoolLayer):
            top, left, bottom, right = layer.padding
            padded = functional.pad(values, (left, right, top, bottom), value=-1.0)
            values = functional.max_pool2d(padded, layer.kernel, layer.stride)
        else:
            weights = torch.from_numpy(2.0 * layer.weight_bits - 1)
            if isinstance(layer, ConvLayer):
                top, left, bottom, right = layer.padding
                pads = torch.from_numpy(layer.pad_values.astype(np.float64))[None, :, None, None]
                pads = 2 * pads - 1 if is_binary else pads
                padded = functional.pad(values - pads, (left, right, top, bottom)) + pads
                kernel = weights.reshape(layer.mh, *layer.kernel, layer.c_in).permute(0, 3, 1, 2)
                dot = functional.conv2d(padded, kernel, stride=layer.stride)
            else:
                dot = functional.linear(values.permute(0, 2, 3, 1).reshape(len(images), -1), weights)[:, :, None, None]
            accumulators = (dot + layer.mw) / 2 if is_binary else dot
            traced[layer.name + ".accumulator"] = accumulators.permute(0, 2, 3, 1).numpy()
            if layer.thresholds is None:
                scores = dot[:, :, 0, 0].numpy()
                if layer.score_table is not None:
                    *_, (_, _, value_range) = chain.walk()
                    low, _ = layer.accumulator_range(value_range)
                    columns = accumulators[:, :, 0, 0].numpy().astype(np.int64) - low
                    scores = np.stack(
                        [row[column] for row, column in zip(layer.score_table, columns.T, strict=True)], 1
                    )
                traced[layer.name] = scores
                continue
            fires = accumulators >= torch.from_numpy(layer.thresholds.astype(np.float64))[:, None, None]
            values = torch.where(fires, 1.0, -1.0).double()
        is_binary = True
        traced[layer.name] = (values.permute(0, 2, 3, 1).numpy() + 1) / 2
    return traced


def assert_same(ours, theirs):
    assert list(ours) == list(theirs)
    for name, values in theirs.items():
        assert ours[name].shape == values.shape, name
        np.testing.assert_array_equal(ours[name], values, err_msg=name)


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32 - 1), convolutions=st.booleans(), count=st.integers(1, 5))
def test_every_bit_equals_pytorch(backend, seed, convolutions, count):
    chain, rng = random_network(seed, convolutions=convolutions)
    network = chain.network()
    images = random_images(rng, network, count)
    expected = torch_trace(chain, images)
    assert_same(trace(network, images, backend=backend), expected)
    some = [name for name in expected if rng.random() < 0.5]
    assert_same(trace(network, images, backend=backend, names=some), {name: expected[name] for name in some})
    scores = simulate(network, images, backend=backend, threads=1)
    assert scores.dtype == np.int32
    np.testing.assert_array_equal(scores, expected[chain.layers[-1].name])


@pytest.mark.parametrize("mw", [64 * 65 - 31, 64 * 130 - 3])
def test_long_rows_equal_pytorch(mw):
    # The compiled kernels count at most 128 words of 32 bits at once.
    rng = np.random.default_rng(mw)
    encoding = random_input(rng, (1, 1, mw), binary=True)
    first = DenseLayer.from_bits("fc1", rng.integers(0, 2, (70, mw)), mw // 2 + rng.integers(-4, 5, 70))
    chain = Chain(encoding, (first, DenseLayer.from_bits("fc2", rng.integers(0, 2, (3, 70)), None)))
    images = random_images(rng, chain, 5)
    expected = torch_trace(chain, images)
    for backend in BACKENDS:
        assert_same(trace(chain.network(), images, backend=backend), expected)


@pytest.mark.parametrize("backend", BACKENDS)
def test_all_bits_differ_or_match(backend):
    # The extremes of every count: all weights 1 against input of all 0 and of all 1.
    for mw in (64, 64 * 9, 64 * 65):
        encoding = Encode.threshold((1, 1, mw), 128)
        last = DenseLayer.from_bits("fc", np.stack([np.ones(mw, np.uint8), np.zeros(mw, np.uint8)]), None)
        images = np.stack([np.zeros((1, 1, mw), np.uint8), np.full((1, 1, mw), 255, np.uint8)])
        scores = simulate(Chain(encoding, (last,)).network(), images, backend=backend)
        assert scores.tolist() == [[-mw, mw], [mw, -mw]]


def naive_scores(chain, image):
    """The contract's own sentences, one element at a time."""
    tables = chain.input.table.tolist() if chain.input.per_channel else [chain.input.table.tolist()] * 1000
    values = [[[table[p] for table, p in zip(tables, row, strict=False)] for row in rows] for rows in image.tolist()]
    binary = chain.input.binary
    for layer, shape, value_range in chain.walk():
        height, width, channels = layer.output_shape(shape)
        if isinstance(layer, DenseLayer):
            kernel, stride, (top, left), pads = shape[:2], (1, 1), (0, 0), [0] * shape[2]
        else:
            kernel, stride, (top, left) = layer.kernel, layer.stride, layer.padding[:2]
            pads = [0] * shape[2] if isinstance(layer, MaxPoolLayer) else layer.pad_values.tolist()
        result = [[[0] * channels for _ in range(width)] for _ in range(height)]
        for y in range(height):
            for x in range(width):
                window = []
                for ky in range(kernel[0]):
                    for kx in range(kernel[1]):
                        row, column = y * stride[0] + ky - top, x * stride[1] + kx - left
                        inside = 0 <= row < shape[0] and 0 <= column < shape[1]
                        window += values[row][column] if inside else pads
                for channel in range(channels):
                    if isinstance(layer, MaxPoolLayer):
                        result[y][x][channel] = max(window[channel :: shape[2]])
                        continue
                    weights = layer.weight_bits[channel].tolist()
                    if binary:
                        accumulator = sum(int(a == b) for a, b in zip(window, weights, strict=True))
                    else:
                        accumulator = sum(a if b else -a for a, b in zip(window, weights, strict=True))
                    if layer.thresholds is not None:
                        result[y][x][channel] = int(accumulator >= layer.thresholds[channel])
                    elif layer.score_table is not None:
                        low, _ = layer.accumulator_range(value_range)
                        result[y][x][channel] = int(layer.score_table[channel, accumulator - low[channel]])
                    else:
                        result[y][x][channel] = 2 * accumulator - layer.mw if binary else accumulator
        values, binary = result, True
    return values[0][0]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("seed", range(12))
def test_scores_equal_the_contract_read_aloud(backend, seed):
    chain, rng = random_network(seed)
    images = random_images(rng, chain, 2)
    expected = [naive_scores(chain, image) for image in images]
    np.testing.assert_array_equal(simulate(chain.network(), images, backend=backend), expected)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("seed", range(20))
def test_a_table_for_each_channel(backend, seed):
    shared, rng = random_network(seed, convolutions=seed % 2 == 0)
    shape, binary = shared.input.shape, shared.input.binary
    tables = rng.integers(*((0, 2) if binary else shared.input.range), (shape[2], 256), endpoint=not binary)
    tables[:, :2] = shared.input.range  # thresholds and score tables are made for the whole range
    chain = Chain(Encode(shape, tables.astype(np.int16), binary), shared.layers)
    network = chain.network()
    assert network.input.per_channel == (shape[2] > 1)
    images = random_images(rng, network, 3)
    expected = [naive_scores(chain, image) for image in images]
    np.testing.assert_array_equal(simulate(network, images, backend=backend), expected)
    if binary:
        bits = [[[[tables[c][p] for c, p in enumerate(r)] for r in y] for y in image.tolist()] for image in images]
        np.testing.assert_array_equal(trace(network, images, backend=backend)["input"], bits)


def dense_network(rng, shape=(6, 6, 1), hidden=32, classes=10, binary=True):
    mw = int(np.prod(shape))
    encoding = Encode.threshold(shape, 128) if binary else Encode.pixels(shape)
    first = DenseLayer.from_bits("fc1", rng.integers(0, 2, (hidden, mw)), np.full(hidden, mw // 2 if binary else 0))
    return Chain(encoding, (first, DenseLayer.from_bits("fc2", rng.integers(0, 2, (classes, hidden)), None))).network()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("threads", [None, 1, 2, 3])
def test_any_number_of_frames_and_threads_gives_the_same_scores(backend, threads):
    rng = np.random.default_rng(1)
    network = dense_network(rng)
    images = random_images(rng, network, 301)
    one_by_one = np.concatenate([simulate(network, image[None], backend=backend, threads=1) for image in images])
    done = []
    engine = prepare(network, backend)
    vars(engine)["frames_per_batch"] = 7  # a cached property: many batches out of few frames
    scores = simulate(network, images, backend=backend, threads=threads, progress=done.append)
    np.testing.assert_array_equal(scores, one_by_one)
    assert sum(done) == 301
    assert len(done) >= 43
    assert trace(network, images, backend=backend)["fc1"].shape == (301, 1, 1, 32)


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_images_give_no_scores(backend):
    network = dense_network(np.random.default_rng(2))
    nothing = np.zeros((0, 6, 6, 1), np.uint8)
    assert simulate(network, nothing, backend=backend).shape == (0, 10)
    assert trace(network, nothing, backend=backend)["fc1"].shape == (0, 1, 1, 32)


@pytest.mark.parametrize("backend", BACKENDS)
def test_images_need_not_be_contiguous(backend):
    rng = np.random.default_rng(3)
    network = dense_network(rng)
    images = random_images(rng, network, 20)
    swapped = np.asfortranarray(images)
    np.testing.assert_array_equal(
        simulate(network, swapped[::2], backend=backend), simulate(network, images[::2].copy(), backend=backend)
    )


def test_reference_meaning_undoes_inverted_pools():
    rng = np.random.default_rng(4)
    inverted = np.array([True, False, True, False])
    conv = ConvLayer("conv", pack_bits(rng.integers(0, 2, (4, 9))), 9, np.full(4, 5), kernel=(3, 3), pad_values=[0])
    pool = MaxPoolLayer("pool", (2, 2), (2, 2), inverted=inverted)
    last = DenseLayer.from_bits("fc", rng.integers(0, 2, (2, 16)), None)
    network = Chain(Encode.threshold((6, 6, 1), 100), (conv, pool, last)).network()
    traced = trace(network, random_images(rng, network, 5))
    meant = reference_meaning(network, traced)
    np.testing.assert_array_equal(meant["pool"][..., inverted], 1 - traced["pool"][..., inverted])
    np.testing.assert_array_equal(meant["pool"][..., ~inverted], traced["pool"][..., ~inverted])
    assert all(meant[name] is traced[name] for name in ("input", "conv", "fc"))


def test_numpy_memory_does_not_grow_with_the_number_of_images():
    rng = np.random.default_rng(5)
    conv = ConvLayer(
        "conv", pack_bits(rng.integers(0, 2, (64, 27))), 27, np.zeros(64), kernel=(3, 3), pad_values=[0, 0, 0]
    )
    last = DenseLayer.from_bits("fc", rng.integers(0, 2, (10, 30 * 30 * 64)), None)
    network = Chain(Encode.pixels((32, 32, 3)), (conv, last)).network()
    images = random_images(rng, network, 600)
    assert prepare(network, Backend.NUMPY).frames_per_batch < 300
    tracemalloc.start()
    simulate(network, images, backend=Backend.NUMPY, threads=1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64 * 2**20


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((2, 6, 6, 1), np.float32), r"images: type is float32, must be uint8 pixel values"),
        (np.zeros((2, 6, 5, 1), np.uint8), r"images: shape is \(2, 6, 5, 1\), must be \(n, 6, 6, 1\)"),
        (np.zeros((6, 6, 1), np.uint8), r"images: shape is \(6, 6, 1\), must be \(n, 6, 6, 1\)"),
    ],
)
def test_wrong_images_are_refused_in_one_line(images, message):
    network = dense_network(np.random.default_rng(6))
    for call in (simulate, trace):
        with pytest.raises(UserError, match=message) as caught:
            call(network, images)
        assert "\n" not in str(caught.value)


def test_no_threads_are_refused():
    network = dense_network(np.random.default_rng(7))
    with pytest.raises(UserError, match="threads: 0 given, must be at least 1"):
        simulate(network, random_images(np.random.default_rng(0), network, 1), threads=0)
