"""Sizes and names. The oracle of the sizes is PyTorch: the same layers, run on zeros."""

import pytest
import torch
from torch import nn

from training.config.load import ConfigError, load_config, parse_config
from training.networks.plan import plan_network


def config_of(layers, *, input_bits=1):
    network = {"input_bits": input_bits, "layers": layers}
    return parse_config({"name": "x", "data": {"name": "digits"}, "network": network}, "x.toml")


@pytest.mark.parametrize("stride", [1, 2, (2, 1)])
@pytest.mark.parametrize("kernel", [1, 3, (2, 5)])
@pytest.mark.parametrize("pool_stride", [None, 1])
def test_sizes_are_those_of_pytorch(kernel, stride, pool_stride):
    padding = 0 if kernel == 1 else 1
    pool = {"pool": 2} | ({"stride": pool_stride} if pool_stride else {})
    layers = [{"conv": 4, "kernel": kernel, "stride": stride, "padding": padding, "pad_bit": 0}, pool, {"dense": 5}]
    conv, dense, last = plan_network(config_of(layers), (11, 9, 3), 10)
    with torch.no_grad():
        image = nn.Conv2d(3, 4, kernel, stride, padding)(torch.zeros(1, 3, 11, 9))
        image = nn.MaxPool2d(2, pool_stride)(image)
    assert conv.output_shape == (image.shape[2], image.shape[3], 4)
    assert conv.mw == nn.Conv2d(3, 4, kernel).weight[0].numel()
    assert (dense.mw, dense.mh) == (image.numel(), 5)
    assert (last.mw, last.mh, last.is_last) == (5, 10, True)


def test_names_are_given_by_kind_unless_they_are_given():
    layers = [{"conv": 4}, {"pool": 2}, {"conv": 4, "name": "second"}, {"pool": 1, "name": "shrink"}, {"dense": 3}]
    plans = plan_network(config_of(layers), (9, 9, 1), 10)
    assert [plan.name for plan in plans] == ["conv1", "second", "fc1", "fc2"]
    assert [plan.pool_after.name for plan in plans[:2]] == ["pool1", "shrink"]


def test_padding_says_what_it_reads_as():
    layers = [{"conv": 4, "padding": 1, "pad_pixel": 7}, {"conv": 4, "padding": 1, "pad_bit": 0}]
    first, second, _ = plan_network(config_of(layers, input_bits=8), (9, 9, 1), 10)
    assert (first.pad_value, second.pad_value) == (7, -1)
    assert plan_network(config_of([{"conv": 4, "padding": 1, "pad_bit": 1}]), (9, 9, 1), 10)[0].pad_value == 1


def test_a_network_without_hidden_layers_is_one_dense_layer():
    (only,) = plan_network(config_of([]), (8, 8, 1), 10)
    assert (only.name, only.mw, only.mh, only.is_last) == ("fc1", 64, 10, True)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([{"conv": 4, "kernel": 9}], r"network.layers\[0\].kernel: 9 x 9 is larger than its input, 8 x 8$"),
        ([{"conv": 4}, {"pool": 7}], r"network.layers\[1\].pool: 7 x 7 is larger than its input, 6 x 6$"),
        ([{"conv": 4, "padding": 1}], r"network.layers\[0\].pad_bit: is missing; padding of binary input must say"),
        ([{"conv": 4, "padding": 1, "pad_pixel": 0}], r"\[0\].pad_pixel: the input of conv1 is binary; use pad_bit$"),
        (
            [{"conv": 4, "padding": 3, "pad_bit": 0}],
            r"\[0\].padding: \(3, 3\) must be smaller than the kernel \(3, 3\)$",
        ),
        ([{"pool": 2}], r"network.layers\[0\]: a pool must follow a conv$"),
        ([{"dense": 4}, {"pool": 1}], r"network.layers\[1\]: a pool must follow a conv$"),
        ([{"dense": 4}, {"conv": 4}], r"network.layers\[1\]: a conv after the dense layer fc1 has no image"),
        ([{"conv": 4}, {"pool": 2}, {"pool": 2}], r"network.layers\[2\]: conv1 already has a pool there"),
        ([{"dense": 4, "name": "fc2"}], r"network.layers: the name fc2 is taken"),
        ([{"dense": 4, "name": "input"}], r"network.layers: the name input is taken"),
        (
            [{"dense": 65536}, {"dense": 65536}],
            r"network.layers: 4,299,816,960 weights, must be at most 2,147,483,648$",
        ),
    ],
)
def test_layers_that_do_not_fit_are_one_line_that_names_them(layers, message):
    with pytest.raises(ConfigError, match=rf"^x\.toml: .*{message.removeprefix('network')}") as caught:
        plan_network(config_of(layers), (8, 8, 1), 10)
    assert "\n" not in str(caught.value)


def test_pixels_are_padded_with_a_pixel():
    with pytest.raises(ConfigError, match=r"pad_bit: the input of conv1 is 8-bit; use pad_pixel$"):
        plan_network(config_of([{"conv": 4, "padding": 1, "pad_bit": 0}], input_bits=8), (8, 8, 1), 10)


@pytest.mark.parametrize(
    ("name", "shape", "weights"),
    [  # as the QONNX model zoo gives them for W1A1
        ("tfc-mnist", (28, 28, 1), 59_008),
        ("sfc-mnist", (28, 28, 1), 334_336),
        ("lfc-mnist", (28, 28, 1), 2_910_208),
        ("cnv-cifar10", (32, 32, 3), 1_542_848),
    ],
)
def test_shipped_networks_are_those_of_finn(name, shape, weights):
    plans = plan_network(load_config(name), shape, 10)
    assert sum(plan.mw * plan.mh for plan in plans) == weights
