"""How graphs train: the fused steps against the plain layers and PyTorch's autograd; starting values."""

import numpy as np
import pytest
import torch

from training.config.load import parse_config
from training.fit.arithmetic import PLAIN, Arithmetic
from training.fit.module import loss_value, make_optimizer
from training.networks.build import build_network
from training.networks.models import to_pixels

FUSED, HALF = Arithmetic(torch.float32, True), Arithmetic(torch.bfloat16, True)
SHAPE = (8, 8, 3)
UNEQUAL = {
    "thermometer": 3,
    "residual_bits": 5,
    "layers": [
        {"conv": 6, "padding": 1, "pad_bit": 0, "gives": "grid", "name": "a"},
        {"sign": True, "name": "s"},
        {"conv": 6, "padding": 1, "pad_bit": 1, "gives": "grid", "name": "b"},
        {"conv": 6, "padding": 1, "pad_bit": 1, "gives": "grid", "input": "s", "name": "c"},
        {"add": ["b", "c"], "name": "bc"},
        {"add": ["bc", "a", "a"], "name": "all"},
        {"batch_norm": "bits"},
        {"conv": 4, "gives": "integers", "name": "i"},
        {"batch_norm": "grid"},
        {"sign": True},
        {"pool": 2},
    ],
}
NETWORKS = {
    "grid": {"residual": {"order": "grid", "blocks": [1, 1], "channels": [4, 8]}},
    "mean": {"residual": {"order": "grid", "blocks": [1, 1], "channels": [4, 8], "positions": "mean", "span": 2}},
    "integer": {"thermometer": 4, "residual": {"order": "integer", "blocks": [1, 1], "channels": [4, 8]}},
    "unequal": UNEQUAL,
}


def network_of(network, **activation):
    torch.manual_seed(11)
    settings = {"name": "graph", "data": {"name": "digits"}, "network": network}
    config = parse_config({**settings, "activation": {"threshold_shift": 0.2, **activation}}, "graph.toml")
    return build_network(config, SHAPE, 5), config


def a_step(network, config, arithmetic):
    """Logits and gradients of one step, from the state that the network is in."""
    network.train()
    network.use(arithmetic)
    network.zero_grad()
    images = np.random.default_rng(5).integers(0, 256, (32, *SHAPE), dtype=np.uint8)
    logits = network(to_pixels(images))
    loss_value(logits, torch.arange(32) % 5, config.training).backward()
    return logits.detach().clone(), {name: one.grad.clone() for name, one in network.named_parameters()}


@pytest.mark.parametrize("activation", [{}, {"threshold_shift": "learned", "learned_shift_start": 0.1}])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_fused_step_is_the_plain_layers_step(name, activation):
    network, config = network_of(NETWORKS[name], ste="approx_sign", **activation)
    start = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    expected, gradients = a_step(network, config, PLAIN)
    after = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    network.load_state_dict(start)
    logits, fast = a_step(network, config, FUSED)
    torch.testing.assert_close(logits, expected, rtol=1e-5, atol=1e-5)
    for key, gradient in gradients.items():
        assert fast[key].is_contiguous(), "a fused Adam takes the memory as it lies"
        scale = float(gradient.abs().max())
        torch.testing.assert_close(fast[key], gradient, rtol=1e-3, atol=1e-4 * scale, msg=key)
    for key, tensor in network.state_dict().items():
        torch.testing.assert_close(tensor, after[key], rtol=1e-5, atol=1e-5, msg=key)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_step_in_bfloat16_rounds_gradients_alone_where_sums_are_small(name):
    """+-1 and their sums up to 256 are exact in bfloat16, and what is added is float32: the logits are the same."""
    network, config = network_of(NETWORKS[name])
    if name in {"grid", "mean"}:  # a stem on pixels has larger sums
        network, config = network_of({**NETWORKS[name], "thermometer": 2})
    start = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    expected, gradients = a_step(network, config, FUSED)
    network.load_state_dict(start)
    logits, fast = a_step(network, config, HALF)
    assert logits.dtype is torch.float32
    assert torch.equal(logits, expected)
    for key, gradient in gradients.items():
        assert fast[key].dtype is torch.float32
        assert float((fast[key] - gradient).norm()) <= 0.04 * float(gradient.norm()), key


@pytest.mark.parametrize("name", NETWORKS)
def test_latent_weights_are_clipped_and_decay_and_logits_start_near_one(name):
    network, config = network_of(NETWORKS[name])
    logits, _ = a_step(network, config, PLAIN)
    assert 0.05 < float(logits.std()) < 5
    decayed = make_optimizer(network, config.training).param_groups[0]["params"]
    assert {id(p) for p in decayed} == {id(p) for key, p in network.named_parameters() if ".matrix." in key}
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(-7.0)
    network.clip()
    for key, parameter in network.named_parameters():
        assert (parameter == (-1.0 if ".matrix." in key else -7.0)).all(), key


def test_traced_integers_are_the_values_on_their_grids():
    network, _ = network_of(UNEQUAL)
    images = np.random.default_rng(6).integers(0, 256, (7, *SHAPE), dtype=np.uint8)
    integers = network.integers(images, batch=3)
    bits, _ = network.trace(images)
    named = {"input", *(layer.name for layer in network.plan.layers)}
    assert integers.keys() | bits.keys() == named
    assert not integers.keys() & bits.keys()
    network.eval()
    with torch.no_grad():
        for name, value in network.walk(to_pixels(images)):
            if name in integers:
                steps = value.permute(0, 2, 3, 1).numpy() * (1.0 if name == "i" else 64.0)
                np.testing.assert_array_equal(integers[name], steps)
                assert integers[name].dtype == np.int32
