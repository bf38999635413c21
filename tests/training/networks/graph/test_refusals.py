"""What contradicts itself is refused in one line that names the key. The oracle is the sentence."""

import pytest

from training.config.load import ConfigError, load_config, parse_config
from training.networks.build import build_network, count_multiplications, count_weights

GRID = {"conv": 4, "gives": "grid"}


def build(network, shape=(8, 8, 3), **sections):
    settings = {"name": "graph", "data": {"name": "digits"}, "network": network, **sections}
    return build_network(parse_config(settings, "graph.toml"), shape, 10)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (
            [GRID, {"conv": 4, "gives": "grid", "name": "b", "input": "conv1", "kernel": 1}, {"add": ["conv1", "c"]}],
            r"layers\[2\]: there is no layer c above it, and a layer reads only what is above; above it are input, co",
        ),
        (
            [GRID, {"add": ["stemm", "conv1"], "name": "x"}, {"conv": 2, "name": "stem", "input": "x"}],
            r"layers\[1\]: there is no layer stemm above it, and a layer reads only what is above; above it are in",
        ),
        ([GRID, {"add": ["conv2", "conv1"]}], r"layers\[1\]: there is no layer conv2 .* did you mean conv1\?"),
        ([{**GRID, "name": "a"}, {**GRID, "name": "a"}], r"layers\[1\]: the name a is taken; give every layer its own"),
        ([{**GRID, "name": "input"}], r"layers\[0\]: the name input is taken"),
        ([GRID, {"conv": 4, "input": "input"}], r"layers\[0\]: nothing reads conv1; use it or leave it out"),
        (
            [GRID, {**GRID, "input": "input", "kernel": 1}, {"add": ["conv1", "conv2"]}],
            r"layers\[2\]: conv1 is \(6, 6, 4\) and conv2 \(8, 8, 4\) \(H, W, C\); a sum needs one shape",
        ),
        (
            [GRID, {**GRID, "input": "input", "fraction_bits": 3}, {"add": ["conv1", "conv2"]}],
            r"layers\[2\]: conv1 has fraction_bits 6 and conv2 3; a sum needs one grid",
        ),
        (
            [GRID, {"sign": True}, {"add": ["conv1", "sign1"]}],
            r'layers\[2\]: a sum is of integers, and sign1 gives bits; let it give "grid" or "integers"',
        ),
        (
            [GRID, {"sign": True}, {"concatenate": ["conv1", "sign1"]}],
            r"layers\[2\]: conv1 gives integers and sign1 bits; a concatenation needs one kind",
        ),
        ([{"conv": 4}, {"sign": True}], r"layers\[1\]: a sign is of integers, and conv1 gives bits"),
        ([{"conv": 4}, {"average_pool": 2}], r"layers\[1\]: an average is of integers, and conv1 gives bits"),
        ([{"conv": 4}, {"batch_norm": "grid"}], r"layers\[1\]: a batch norm is of integers, and conv1 gives bits"),
        ([GRID, {"pad_channels": [0, 0]}], r"layers\[1\].pad_channels: \[0, 0\] adds no channel"),
        (
            [GRID, {"pool": 2, "position": "before_activation"}],
            r"layers\[1\].position: in a graph a pool stands behind",
        ),
        (
            [GRID, {"pool": 3, "padding": 2}],
            r"layers\[1\].padding: \(2, 2\) must be at most half of the window \(3, 3\)",
        ),
        ([GRID, {"average_pool": 7}], r"layers\[1\]: a window of 7 x 7 is larger than its input, 6 x 6"),
        ([{**GRID, "padding": 1}], r"layers\[0\].pad_pixel: is missing; padding of pixels must say what it reads as"),
        ([{**GRID, "padding": 1, "pad_bit": 1}], r"layers\[0\].pad_bit: conv1 reads pixels; leave it out"),
        ([GRID, {"conv": 2, "pad_bit": 1}], r"layers\[1\].pad_bit: conv2 reads integers; leave it out"),
        ([{"conv": 4, "residual_bits": 6}], r"layers\[0\].residual_bits: is of a grid, and conv1 gives bits"),
        (
            [{"conv": 4, "gives": "integers"}, *[{"conv": 400, "gives": "integers", "kernel": 1}] * 3],
            r"layers\[3\]: a sum of conv4 may reach 4,406,400,000 steps .* \(2\^24\) to be exact in float32",
        ),
        (
            [GRID, *({"add": [f"{name}", f"{name}"]} for name in ["conv1", *(f"add{i}" for i in range(1, 19))])],
            r"layers\[18\]: the sum may reach 33,554,432 steps of its grid, must be at most 16,777,216",
        ),
    ],
)
def test_a_layer_that_does_not_fit_is_named(layers, message):
    with pytest.raises(ConfigError, match=r"^graph.toml: network\." + message) as caught:
        build({"layers": layers})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ({"layers": [{"add": ["a"]}]}, r"network.layers\[0\].add: .*at least 2"),
        ({"layers": [{"sign": False}]}, r"network.layers\[0\].sign: should be True"),
        ({"layers": [{"batch_norm": "integers"}]}, r"network.layers\[0\].batch_norm: should be .*bits.* or .*grid"),
        ({"layers": [{"conv": 4, "give": "grid"}]}, r"unknown key network.layers\[0\].give; did you mean gives\?"),
        (
            {"layers": [{"ad": ["a", "b"]}]},
            r"network.layers\[0\]: a layer needs one of the keys .*; did you mean add\?",
        ),
        (
            {"layers": [{"conv": 4}], "fraction_bits": 3},
            r"network: fraction_bits is of graphs, and these layers are a ch",
        ),
        (
            {"layers": [{"conv": 4}], "classifier": "sum"},
            r"network: classifier is of graphs, and these layers are a chain",
        ),
        ({"thermometer": 4, "input_bits": 2}, r"network: thermometer takes the place of input_bits \(2\); leave one"),
    ],
)
def test_a_setting_that_contradicts_is_named(network, message):
    with pytest.raises(ConfigError, match=r"^graph.toml: " + message) as caught:
        build(network)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("residual", "message"),
    [
        ({}, r"neither of order and variant given, must be one: order \(grid, integer\) is exact in integers"),
        ({"order": "grid", "variant": "xnor_net"}, r"both of order and variant given, must be one"),
        ({"variant": "xnor_net", "fraction_bits": 6}, r"fraction_bits goes with order, not with variant = xnor_net"),
        ({"variant": "xnor_net", "span": 2}, r"span goes with order, not with variant = xnor_net; leave it out"),
        ({"order": "integer", "residual_bits": 8}, r"residual_bits goes with order grid; order integer adds the sums"),
        (
            {"order": "integer", "positions": "mean"},
            r"positions mean goes with order grid; order integer has bits there",
        ),
        ({"order": "grids"}, r"residual.order: should be 'grid' or 'integer' \(given: 'grids'\)"),
        ({"order": "grid", "residual_bits": 1}, r"residual.residual_bits: should be greater than or equal to 2"),
        ({"order": "grid", "channels": [4, 6]}, r"residual.channels: 4, then 6, no multiple: a shortcut cannot repeat"),
        ({"order": "grid", "channels": [4, 2]}, r"residual.channels: 4, then 2: a shortcut cannot come to fewer"),
        (
            {"order": "grid", "blocks": [1, 1, 1, 1, 1], "channels": [4] * 5},
            r"residual: stage5_unit1 halves 1 x 1, and an average of 2 x 2 needs even sizes; use shortcut_pool = \"str",
        ),
    ],
)
def test_a_residual_section_that_contradicts_is_named(residual, message):
    with pytest.raises(ConfigError, match=r"^graph.toml: network\.?.*" + message) as caught:
        build({"residual": {"blocks": [1, 1], "channels": [4, 8]} | residual})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"activation": {"hardtanh": {}}}, r"activation.hardtanh: there is no full-precision twin of a graph"),
        ({"training": {"dropout": 0.1}}, r"training.dropout: must be 0 where network.layers are a graph"),
        (
            {"activation": {"threshold_shift": [0.1, 0.2]}},
            r"threshold_shift: 2 numbers, must be one for each of the 1 hid",
        ),
    ],
)
def test_what_only_chains_have_is_refused(sections, message):
    with pytest.raises(ConfigError, match=message):
        build({"layers": [GRID, {"sign": True}]}, **sections)


def test_the_thermometer_takes_no_pixel_for_the_stems_padding():
    residual = {"order": "integer", "blocks": [1], "channels": [4], "pad_pixel": 3}
    with pytest.raises(
        ConfigError, match=r"residual.pad_pixel: with thermometer the stem's input is bits; pad_bit says"
    ):
        build({"thermometer": 4, "residual": residual})


def test_the_sum_over_too_many_positions_is_refused_and_the_mean_is_not():
    """Oracle: 17 terms of 128 steps, 49 positions and 512 channels, against 2^24."""
    config = load_config("resnet18-grid-imagenet")
    assert 17 * 128 * 512 < 2**24 < 17 * 128 * 49 * 512 == 54_591_488
    assert count_weights(config, (224, 224, 3), 1000) == 11_506_880
    with pytest.raises(ConfigError, match=r"the classifier: a score may reach 54,591,488 steps of its grid"):
        count_weights(config.with_overrides(["network.residual.positions=sum"]), (224, 224, 3), 1000)


def test_sizes_are_as_counted_by_hand():
    """ResNet-20 without 1 x 1 convolutions: 432 + 6 * 2,304 + 4,608 + 5 * 9,216 + 18,432 + 5 * 36,864 + 640 weights."""
    config = load_config("resnet20-grid-cifar10")
    weights = 432 + 6 * 2304 + 4608 + 5 * 9216 + 18432 + 5 * 36864 + 640
    assert count_weights(config, (32, 32, 3), 10) == weights == 268_336
    places = 1024 * (432 + 6 * 2304) + 256 * (4608 + 5 * 9216) + 64 * (18432 + 5 * 36864) + 640
    assert count_multiplications(config, (32, 32, 3), 10) == places
