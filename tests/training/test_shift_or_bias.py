"""Where batch norm precedes the sign, a shift t and biases that start at -t are one training, not two.

The oracle is the other training: the same seed, data and steps, in float64, where rounding has no time to part them.
In float32 it does after some epochs: one sign that falls the other way, and the two are as different as two seeds.
"""

import numpy as np
import pytest
import torch

from training.config.load import parse_config
from training.data.batches import Batches
from training.data.datasets import load_dataset
from training.fit.module import learning_rate, loss_value, make_optimizer
from training.networks.models import BinaryNetwork

EPOCHS = 8


def train_in_float64(activation, layers):
    """Losses of every step, and the trained network."""
    config = parse_config(
        {
            "name": "x",
            "data": {"name": "digits"},
            "network": {"input_bits": 8, "layers": layers},
            "activation": activation,
            "training": {"epochs": EPOCHS, "batch_size": 128, "learning_rate": 0.01},
        },
        "x",
    )
    dataset = load_dataset("digits")
    torch.manual_seed(3)
    network = BinaryNetwork(config, dataset.shape, dataset.classes).double()
    optimizer = make_optimizer(network, config.training)
    batches = Batches(dataset.train, 128, seed=5, drop_last=True)
    losses = []
    for epoch in range(EPOCHS):
        batches.set_epoch(epoch)
        for images, labels in batches:
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(config.training, len(losses), len(batches))
            optimizer.zero_grad()
            loss = loss_value(network(images.double()), labels, config.training)
            loss.backward()
            optimizer.step()
            network.clip()
            losses.append(float(loss.detach()))
    return np.array(losses), network


@pytest.mark.parametrize("ste", ["clipped_identity", "approx_sign"])
@pytest.mark.parametrize(
    ("layers", "shifts"),
    [([{"dense": 32}, {"dense": 32}], 0.5), ([{"conv": 8}, {"pool": 2, "position": "before_activation"}], -0.75)],
)
def test_a_shift_and_the_opposite_bias_train_the_same_network(ste, layers, shifts):
    by_shift, shifted = train_in_float64({"ste": ste, "threshold_shift": shifts}, layers)
    by_bias, biased = train_in_float64({"ste": ste, "batch_norm_bias_start": -shifts}, layers)
    np.testing.assert_allclose(by_shift, by_bias, rtol=0, atol=1e-9)
    for one, other in zip(shifted.stage_list(), biased.stage_list(), strict=True):
        torch.testing.assert_close(one.matrix.weight, other.matrix.weight, rtol=0, atol=1e-9)
        if not one.plan.is_last:
            torch.testing.assert_close(one.epilogue.norm.bias - shifts, other.epilogue.norm.bias, rtol=0, atol=1e-9)


def test_neither_is_the_training_without():
    by_shift, _ = train_in_float64({"threshold_shift": 0.5}, [{"dense": 32}])
    without, _ = train_in_float64({}, [{"dense": 32}])
    assert np.abs(by_shift - without).max() > 0.1


def test_behind_an_activation_a_shift_is_not_the_opposite_bias():
    """leaky_relu(y) - t is not leaky_relu(y - t): there the shift is a function of its own."""
    by_shift, _ = train_in_float64({"pre_activation": "leaky_relu", "threshold_shift": -0.5}, [{"dense": 32}])
    by_bias, _ = train_in_float64({"pre_activation": "leaky_relu", "batch_norm_bias_start": 0.5}, [{"dense": 32}])
    assert np.abs(by_shift - by_bias).max() > 0.05
