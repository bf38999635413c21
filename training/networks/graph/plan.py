"""From a configuration and the images' shape to every layer of a graph: what it reads, its sizes, its range."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property

from bnn.values import Shape
from training.config.layers import AddConfig, ConcatenateConfig
from training.config.load import Config, ConfigError
from training.config.section import Section
from training.config.settings import Classifier
from training.networks.graph.blocks import KINDS
from training.networks.graph.planned import PlannedLayer, Request
from training.networks.graph.residual import residual_layers
from training.networks.graph.signal import Signal, bits, check_exact
from training.networks.plan import MAX_WEIGHTS

INPUT = "input"
CLASSIFIER = "classifier"
RESERVED = (INPUT, CLASSIFIER, "logits", "scores")


@dataclass(frozen=True)
class GraphPlan:
    """A whole graph.

    Attributes:
        input: what the image becomes.
        layers: each behind those that it reads.
        last: the name of the layer that the classifier reads.
        reads_sum: the classifier has a weight a channel, and sums over all positions.
        sums: what the classifier gives.
        mw: inputs of a class.
    """

    input: Signal
    layers: tuple[PlannedLayer, ...]
    last: str
    reads_sum: bool
    sums: Signal
    mw: int

    @property
    def source(self) -> Signal:
        """What the classifier reads."""
        return self.layers[-1].output if self.layers else self.input

    @property
    def weights(self) -> int:
        """Of all matrices."""
        return sum(layer.weights for layer in self.layers) + self.mw * self.sums.shape[2]

    @property
    def multiplications(self) -> int:
        """Of one image."""
        positions = self.source.positions if self.reads_sum and self.source.is_bits else 1
        return sum(layer.multiplications for layer in self.layers) + self.mw * self.sums.shape[2] * positions

    def value(self, name: str) -> Signal:
        """What a layer, or the image, gives."""
        return self._values[name]

    @cached_property
    def _values(self) -> dict[str, Signal]:
        return {INPUT: self.input, **{layer.name: layer.output for layer in self.layers}}

    def consumers(self) -> dict[str, list[str]]:
        """Who reads each value, by name."""
        readers: dict[str, list[str]] = {INPUT: [], **{layer.name: [] for layer in self.layers}}
        for layer in self.layers:
            for name in layer.inputs:
                readers[name].append(layer.name)
        readers[self.last].append(CLASSIFIER)
        return readers


def plan_graph(config: Config, shape: Shape, classes: int) -> GraphPlan:
    """Every layer, verified.

    Raises:
        ConfigError: layers that do not fit each other, an unknown, doubled or unread name, arithmetic that float32 does
            not hold exactly; the message names the layer's key.
    """
    network = config.network
    described: tuple[Section, ...] = network.layers
    root = f"{config.source}: network.layers"
    reads_sum = network.classifier is Classifier.SUM
    if network.residual is not None:
        described, reads_sum = residual_layers(config, shape)
        root = f"{config.source}: network.residual"
    values = {INPUT: _input(config, shape)}
    planned: list[PlannedLayer] = []
    counts: Counter[str] = Counter()
    for index, layer in enumerate(described):
        kind = KINDS[type(layer)]
        counts[kind.automatic] += 1
        name = getattr(layer, "name", None) or f"{kind.automatic}{counts[kind.automatic]}"
        key = f"{root}[{index}]" if network.residual is None else f"{root}: {name}"
        if name in values or name in RESERVED:
            raise ConfigError(f"{key}: the name {name} is taken; give every layer its own")
        inputs = _inputs(layer, planned[-1].name if planned else INPUT)
        for wanted in inputs:
            _check_known(key, wanted, list(values))
        made = kind.plan(Request(config, name, key, layer, inputs, tuple(values[one] for one in inputs)))
        planned.append(made)
        values[name] = made.output
    plan = _plan(config, values[INPUT], tuple(_with_shifts(config, tuple(planned))), reads_sum, classes)
    _check_read(plan)
    if plan.weights > MAX_WEIGHTS:
        raise ConfigError(f"{root}: {plan.weights:,} weights, must be at most {MAX_WEIGHTS:,}")
    return plan


def _input(config: Config, shape: Shape) -> Signal:
    network = config.network
    if network.thermometer is not None:
        return bits((*shape[:2], shape[2] * network.thermometer))
    if network.input_bits == 1:
        return bits(shape)
    return Signal(shape, 0, 2**network.input_bits - 1, spread=2.0**network.input_bits / 4, is_pixels=True)


def _inputs(layer: Section, above: str) -> tuple[str, ...]:
    if isinstance(layer, AddConfig):
        return layer.add
    if isinstance(layer, ConcatenateConfig):
        return layer.concatenate
    return (getattr(layer, "input", None) or above,)


def _check_known(key: str, name: str, known: list[str]) -> None:
    if name in known:
        return
    nearest = get_close_matches(name, known, 1, 0.6)
    advice = f"did you mean {nearest[0]}?" if nearest else f"above it are {', '.join(known[-8:])}"
    raise ConfigError(f"{key}: there is no layer {name} above it, and a layer reads only what is above; {advice}")


def _check_read(plan: GraphPlan) -> None:
    unread = next((layer for layer in plan.layers if not plan.consumers()[layer.name]), None)
    if unread is not None:
        raise ConfigError(f"{unread.key}: nothing reads {unread.name}; use it or leave it out")


def _plan(config: Config, image: Signal, layers: tuple[PlannedLayer, ...], reads_sum: bool, classes: int) -> GraphPlan:
    """The layers, and behind the last of them the binary weights of the classes."""
    key = f"{config.source}: network: the classifier"
    last, source = (layers[-1].name, layers[-1].output) if layers else (INPUT, image)
    mw = source.shape[2] * (1 if reads_sum else source.positions)
    largest = source.magnitude * source.positions * source.shape[2]  # of every sum on the way, in whatever order
    check_exact(key, "a score", largest)
    spread = source.spread * (source.positions if reads_sum else 1)
    sums = Signal((1, 1, classes), -largest, largest, fraction_bits=source.fraction_bits, spread=spread)
    return GraphPlan(image, layers, last, reads_sum, sums, mw)


def _with_shifts(config: Config, layers: tuple[PlannedLayer, ...]) -> Iterator[PlannedLayer]:
    """The layers with the shifts of their signs; the configuration has one a sign, or one for all of them."""
    given = config.activation.shifts
    signs = sum(layer.output.is_bits and _makes_bits(layer) for layer in layers)
    assert given is None or len(given) in {1, signs}, "Config counts them"
    shifts = iter([None] * signs if given is None else given * (signs if len(given) == 1 else 1))
    for layer in layers:
        yield replace(layer, shift=next(shifts)) if layer.output.is_bits and _makes_bits(layer) else layer


def _makes_bits(layer: PlannedLayer) -> bool:
    """Whether its bits are signs of integers, and not bits that it was given."""
    return layer.sums is not None or not layer.sources[0].is_bits
