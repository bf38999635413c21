"""A graph of binary matrices, sums and pools as PyTorch trains it, and as threshold absorption reads it."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bnn.chain import ACCUMULATOR
from bnn.stage import ModelGraph
from bnn.values import Shape
from training.config.layers import Gives
from training.config.load import Config
from training.fit.arithmetic import Arithmetic
from training.networks import layers
from training.networks.graph.blocks import KINDS
from training.networks.graph.blocks.block import Block
from training.networks.graph.blocks.matrix import MatrixBlock
from training.networks.graph.entry import Classifier, image_input, source_node
from training.networks.graph.fusion import compute as fuse
from training.networks.graph.fusion import find_fusions
from training.networks.graph.plan import CLASSIFIER, INPUT, plan_graph
from training.networks.graph.signal import Signal
from training.networks.models import as_bits, evaluating, to_pixels
from training.networks.network import TrainableNetwork


class GraphNetwork(TrainableNetwork):
    """A network of binary weights whose layers are a graph: sums of integers stand between them.

    Takes float32 pixel values 0..255 (n, c, h, w), not scaled; gives logits (n, classes). Everything between is -1 and
    +1, or integers times a power of two whose range the plan has shown to be exact in float32.

    Args:
        config: describes the network; see ``training.config.layers``.
        shape: (H, W, C) of the images.
        classes: number of logits.

    Raises:
        ConfigError: layers that do not fit the images or each other, or are not exact.
    """

    def __init__(self, config: Config, shape: Shape, classes: int) -> None:
        super().__init__()
        self.config = config
        self.shape = shape
        self.classes = classes
        self.plan = plan_graph(config, shape, classes)
        self.input, self.input_pixel = image_input(config.network)
        self.blocks = nn.ModuleDict(
            OrderedDict((_key(layer.name), KINDS[type(layer.layer)](layer, config)) for layer in self.plan.layers)
        )
        self.classifier = Classifier(self.plan, config)
        self._by_name = {block.planned.name: block for block in self.block_list()}
        self._fusions = find_fusions(self.plan, self._by_name)
        self._summed = {fusion.matrix for fusion in self._fusions.values() if fusion.matrix != fusion.total}
        self._keep_in_bounds(self.matrix_weights())
        layers.hand_out_plain_tensors(self, True)  # always: what is exported is made of what ``staged`` describes

    def block_list(self) -> list[Block]:
        """The layers in order."""
        return [block for block in self.blocks.values() if isinstance(block, Block)]

    def forward(self, pixels: Tensor) -> Tensor:
        """(n, c, h, w) float32 pixel values to (n, classes) logits."""
        *_, (_, last) = self.walk(pixels)
        return self.classifier(last)  # type: ignore[no-any-return]

    def walk(self, pixels: Tensor) -> Iterator[tuple[str, Tensor]]:
        """Every value by its name, the image's first; each is let go behind its last reader."""
        readers = self.plan.consumers()
        left = {name: len(names) for name, names in readers.items()}
        values = {INPUT: self.in_fast_layout(self.input(pixels))}
        yield INPUT, values[INPUT]
        for block in self.block_list():
            planned = block.planned
            if planned.name not in values:
                values.update(self._compute(block, values))
            for name in planned.inputs:
                left[name] -= 1
                if not left[name]:
                    del values[name]
            yield planned.name, values[planned.name]

    def _compute(self, block: Block, values: dict[str, Tensor]) -> dict[str, Tensor]:
        """What a layer gives, by name; where it trains as one operation with others, what these give as well."""
        planned = block.planned
        given = [values[name] for name in planned.inputs]
        if block.current.fused:
            fusion = self._fusions.get(planned.name)
            if isinstance(block, MatrixBlock) and planned.name in self._summed:
                return {planned.name: block.accumulate(*given)}
            if fusion is not None:
                sums = block.accumulate(*given) if isinstance(block, MatrixBlock) else values[fusion.matrix]
                beside = None if fusion.shortcut is None else values[fusion.shortcut]
                return fuse(fusion, self._by_name, sums, beside)
        return {planned.name: block(*given)}

    def use(self, arithmetic: Arithmetic) -> None:
        """As ``TrainableNetwork.use``."""
        super().use(arithmetic)
        for block in self.block_list():
            block.arithmetic = arithmetic

    def matrix_weights(self) -> list[nn.Parameter]:
        """The weights of every matrix, in order."""
        matrices = [block.matrix for block in self.block_list() if isinstance(block, MatrixBlock)]
        return [layers.latent_weight(matrix) for matrix in [*matrices, self.classifier.matrix]]

    def staged(self) -> ModelGraph:
        """As ``TrainableNetwork.staged``: every value has its layer's name, sums before their steps ``accumulator``."""
        model = copy.deepcopy(self).cpu().eval()
        nodes = [node for block in model.block_list() for node in block.describe()]
        return ModelGraph((source_node(self.config.network, self.shape), *nodes, *model.classifier.describe()))

    def trace(
        self, images: NDArray[np.uint8], batch: int = 256
    ) -> tuple[dict[str, NDArray[np.uint8]], NDArray[np.float32]]:
        """As ``TrainableNetwork.trace``: every layer that gives bits, by its name, and ``input`` where that is bits."""
        traces: dict[str, list[NDArray[np.uint8]]] = {}
        logits = []
        with evaluating(self), torch.no_grad():
            for start in range(0, len(images), batch):
                value = torch.empty(0)
                for name, value in self.walk(to_pixels(images[start : start + batch], self.device)):
                    if self.plan.value(name).is_bits:
                        traces.setdefault(name, []).append(as_bits(value))
                logits.append(self.classifier(value).cpu().numpy())
        return {name: np.concatenate(parts) for name, parts in traces.items()}, np.concatenate(logits)

    def integers(self, images: NDArray[np.uint8], batch: int = 256) -> dict[str, NDArray[np.int32]]:
        """Every layer's value that is no bits, by its name and as in evaluation: (n, h, w, c), in steps of its grid."""
        names = {INPUT, *self._by_name}
        values = self.values(images, batch)
        return {name: part for name, part in values.items() if name in names and not self.plan.value(name).is_bits}

    def values(self, images: NDArray[np.uint8], batch: int = 256) -> dict[str, NDArray[Any]]:
        """As ``TrainableNetwork.values``: layers, the sums before their steps, and those of the classes."""
        found: dict[str, list[NDArray[Any]]] = {}

        def keep(name: str, value: Tensor, signal: Signal) -> None:
            steps = as_bits(value) if signal.is_bits else _steps(value, signal.fraction_bits)
            found.setdefault(name, []).append(steps)

        matrices = (block for block in self.block_list() if isinstance(block, MatrixBlock))
        with evaluating(self), torch.no_grad(), ExitStack() as watched:
            for block in matrices:
                watched.enter_context(_sums_watched(block, keep))
            for start in range(0, len(images), batch):
                value = torch.empty(0)
                for name, value in self.walk(to_pixels(images[start : start + batch], self.device)):
                    keep(name, value, self.plan.value(name))
                for name, sums in self.classifier.sums(value).items():
                    keep(name, sums, self.plan.sums)
                found.setdefault(CLASSIFIER, []).append(self.classifier(value).cpu().numpy())
        return {name: np.concatenate(parts) for name, parts in found.items()}

    @property
    def last_layer(self) -> str:
        """As ``TrainableNetwork.last_layer``."""
        return CLASSIFIER

    def threshold_shifts(self) -> dict[str, layers.ThresholdShift]:
        """As ``TrainableNetwork.threshold_shifts``."""
        return {
            name: module
            for name, block in self._by_name.items()
            for module in block.modules()
            if isinstance(module, layers.ThresholdShift)
        }

    def summary(self) -> str:
        """A line a layer: name, what it reads, weights, what it gives."""
        lines = [f"{INPUT:20} {self.plan.input}"]
        for layer in self.plan.layers:
            weights = f"{layer.weights:,} weights" if layer.mw else ""
            lines.append(f"{layer.name:20} {weights:18} {' + '.join(layer.inputs)} -> {layer.output}")
        last, classes = self.plan.last, self.plan.sums
        lines.append(f"{'classifier':20} {f'{self.plan.mw * self.classes:,} weights':18} {last} -> {classes}")
        return "\n".join(lines)


def _key(name: str) -> str:
    """What a layer is called among PyTorch's modules, which have methods of names such as ``half`` and ``type``."""
    return f"layer {name}" if hasattr(nn.ModuleDict, name) else name


def _steps(value: Tensor, fraction_bits: int) -> NDArray[np.int32]:
    """(n, c, h, w) numbers on a grid as the (n, h, w, c) integers that they are."""
    steps: NDArray[np.int32] = (value * 2.0**fraction_bits).permute(0, 2, 3, 1).to(torch.int32).cpu().numpy()
    return steps


@contextmanager
def _sums_watched(block: MatrixBlock, keep: Callable[[str, Tensor, Signal], None]) -> Iterator[None]:
    """Meanwhile what goes into the steps behind a matrix goes to ``keep`` as well, by the name that absorption has."""

    def watch(_: nn.Module, given: tuple[Tensor]) -> None:
        assert block.planned.sums is not None
        keep(block.planned.name + ACCUMULATOR, given[0], block.planned.sums)

    if block.steps.gives is Gives.INTEGERS:
        yield
        return
    handle = block.steps.register_forward_pre_hook(watch)
    try:
        yield
    finally:
        handle.remove()
