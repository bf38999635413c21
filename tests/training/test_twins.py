"""Full-precision twins, with the hardtanh of Kim et al. 2021 in place of the sign. The oracle is PyTorch by hand."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from bnn.errors import UserError
from training.config.load import ConfigError, parse_config
from training.networks.layers import ShiftedHardtanh
from training.networks.models import BinaryNetwork, to_pixels


def config_of(layers, **activation):
    return parse_config(
        {
            "name": "twin",
            "data": {"name": "digits"},
            "network": {"input_bits": 8, "layers": layers},
            "activation": activation,
        },
        "twin.toml",
    )


@pytest.mark.parametrize(("shift_x", "shift_y", "half_width"), [(0, 0, 1), (0.5, 0, 1), (0, -0.25, 1), (0.25, 0.5, 3)])
def test_hardtanh_moves_and_widens(shift_x, shift_y, half_width):
    x = np.linspace(-5, 5, 41, dtype=np.float32)
    expected = np.maximum(np.minimum(x - shift_x, half_width), -half_width) + shift_y
    np.testing.assert_allclose(ShiftedHardtanh(shift_x, shift_y, half_width)(torch.tensor(x)), expected, atol=1e-6)


def test_twin_is_plain_pytorch_in_forward_and_gradients():
    layers = [{"conv": 6, "padding": 1, "pad_pixel": 3}, {"pool": 2}, {"dense": 12}]
    torch.manual_seed(1)
    twin = BinaryNetwork(
        config_of(layers, hardtanh={"shift_x": 0.5, "shift_y": 0.25, "half_width": 2.0}), (8, 8, 1), 10
    )
    images = np.random.default_rng(0).integers(0, 256, (32, 8, 8, 1), dtype=np.uint8)
    labels = torch.arange(32) % 10
    F.cross_entropy(twin(to_pixels(images)), labels).backward()

    first, second, last = ([p.detach().clone().requires_grad_() for p in s.parameters()] for s in twin.stage_list())
    x = F.pad(torch.tensor(images, dtype=torch.float32).permute(0, 3, 1, 2), (1, 1, 1, 1), value=3.0)
    x = F.batch_norm(F.conv2d(x, first[0]), None, None, first[1], first[2], training=True)
    x = F.max_pool2d(F.hardtanh(x - 0.5, -2.0, 2.0) + 0.25, 2).flatten(1)
    x = F.hardtanh(F.batch_norm(x @ second[0].T, None, None, second[1], second[2], training=True) - 0.5, -2, 2) + 0.25
    F.cross_entropy((x @ last[0].T) * last[1] + last[2], labels).backward()
    for stage, terms in zip(twin.stage_list(), (first, second, last), strict=True):
        for parameter, expected in zip(stage.parameters(), terms, strict=True):
            torch.testing.assert_close(parameter.grad, expected.grad, rtol=1e-4, atol=1e-6)


def test_latent_weights_of_a_twin_are_not_clipped():
    twin = BinaryNetwork(config_of([{"dense": 4}], hardtanh={}), (8, 8, 1), 10)
    with torch.no_grad():
        twin.stage_list()[0].matrix.weight.fill_(7.0)
    twin.clip()
    assert (twin.stage_list()[0].matrix.weight == 7.0).all()


def test_a_twin_is_not_exported():
    twin = BinaryNetwork(config_of([{"dense": 4}], hardtanh={}), (8, 8, 1), 10)
    with pytest.raises(UserError, match=r"activation.hardtanh: this is a full-precision twin.* not exported"):
        twin.staged()


@pytest.mark.parametrize("shift", [0.5, [0.0, 0.1], "learned"])
def test_a_hardtanh_has_no_threshold(shift):
    with pytest.raises(ConfigError, match=r"hardtanh has no threshold: use hardtanh\.shift_x"):
        config_of([{"dense": 4}, {"dense": 4}], threshold_shift=shift, hardtanh={})


def test_settings_that_no_twin_uses_are_not_in_the_configurations_hash():
    assert "hardtanh" not in config_of([{"dense": 4}]).settings()["activation"]
