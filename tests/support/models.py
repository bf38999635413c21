"""PyTorch models as a training might leave them."""

from typing import Any

import torch

from training.config.load import Config, parse_config
from training.networks.graph.network import GraphNetwork
from training.networks.models import BinaryNetwork


def config_of(network: dict[str, Any], *, activation: Any = (), training: Any = ()) -> Config:
    """A training configuration of a network; the data are never loaded."""
    settings = {"name": "x", "data": {"name": "digits"}, "network": network}
    return parse_config(settings | {"activation": dict(activation), "training": dict(training)}, "x")


def model_of(
    network: dict[str, Any],
    shape: tuple[int, int, int],
    classes: int,
    *,
    seed: int,
    activation: Any = (),
    training: Any = (),
) -> BinaryNetwork:
    """A model with random weights for images of (H, W, C) ``shape``."""
    torch.manual_seed(seed)
    return BinaryNetwork(config_of(network, activation=activation, training=training), shape, classes)


def graph_model(
    network: dict[str, Any], shape: tuple[int, int, int], classes: int, *, seed: int, activation: Any = ()
) -> GraphNetwork:
    """The same of a network whose layers are a graph."""
    torch.manual_seed(seed)
    return GraphNetwork(config_of(network, activation=activation), shape, classes)


def random_batch_norms(model: torch.nn.Module, *, mean: float = 1.0, variance: float = 30.0, bias: float = 1.0) -> None:
    """Give batch norms factors of both signs and statistics, as after a training that went its own way.

    Args:
        model: changed in place.
        mean: deviation of the running means.
        variance: the largest running variance; the smallest is 1.
        bias: deviation of the biases.
    """
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
                assert module.running_var is not None and module.running_mean is not None  # noqa: PT018
                module.weight.normal_()
                module.bias.normal_(0, bias)
                module.running_var.uniform_(1, variance)
                module.running_mean.normal_(0, mean)
