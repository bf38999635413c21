"""From a configuration to the network that it describes, of whichever kind."""

from __future__ import annotations

from bnn.values import Shape
from training.config.load import Config
from training.networks.graph.network import GraphNetwork
from training.networks.graph.plan import plan_graph
from training.networks.models import BinaryNetwork
from training.networks.network import TrainableNetwork
from training.networks.plan import plan_network
from training.networks.residual import ResidualNetwork
from training.networks.residual_plan import plan_residual


def build_network(config: Config, shape: Shape, classes: int) -> TrainableNetwork:
    """The network of a configuration, untrained.

    Args:
        config: describes the network; see ``training.config.settings``.
        shape: (H, W, C) of the images.
        classes: number of logits.

    Raises:
        ConfigError: layers that do not fit the images or each other.
    """
    if config.network.is_graph:
        return GraphNetwork(config, shape, classes)
    kind = BinaryNetwork if config.network.residual is None else ResidualNetwork
    return kind(config, shape, classes)


def count_weights(config: Config, shape: Shape, classes: int) -> int:
    """The weights of its matrices; ConfigError as from ``build_network``."""
    if config.network.is_graph:
        return plan_graph(config, shape, classes).weights
    if config.network.residual is not None:
        return plan_residual(config, shape, classes).weights
    return sum(plan.mw * plan.mh for plan in plan_network(config, shape, classes))


def count_multiplications(config: Config, shape: Shape, classes: int) -> int:
    """About how many multiplications one image takes; ConfigError as from ``build_network``."""
    if config.network.is_graph:
        return plan_graph(config, shape, classes).multiplications
    if config.network.residual is not None:
        return plan_residual(config, shape, classes).multiplications
    return sum(plan.multiplications for plan in plan_network(config, shape, classes))
