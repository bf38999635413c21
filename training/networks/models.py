"""The binary network that a configuration describes, as PyTorch trains it and as threshold absorption reads it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bnn.errors import UserError
from bnn.nodes import Encode
from bnn.stage import ChainLayer, ModelGraph, chain_model
from bnn.values import Shape
from training.config.load import Config
from training.config.settings import Estimator
from training.fit.arithmetic import Arithmetic
from training.networks import layers
from training.networks.epilogue import NumpyEpilogue
from training.networks.network import TrainableNetwork
from training.networks.plan import plan_network
from training.networks.stage import BinaryStage

FULL_SCALE = 255
PIXEL_BITS = 8
TWIN_REFUSAL = (
    "activation.hardtanh: this is a full-precision twin, and the integer network holds 1-bit weights and activations; "
    "it is trained and evaluated, not exported"
)


class CoarseInput(nn.Module):
    """Input of 2 to 7 bits: a pixel's highest."""

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.factor = 2.0 ** (bits - PIXEL_BITS)

    def forward(self, pixels: Tensor) -> Tensor:
        """(n, c, h, w) pixel values to whole numbers from 0 on; exact in float32."""
        return torch.floor(pixels * self.factor)


class BinaryInput(nn.Module):
    """1-bit input: +1 from a pixel value on."""

    def __init__(self, pixel: int) -> None:
        super().__init__()
        self.pixel = float(pixel)
        self.shift = layers.ThresholdShift(self.pixel)
        self.sign = layers.binary_sign(Estimator.CLIPPED_IDENTITY)

    def forward(self, pixels: Tensor) -> Tensor:
        """(n, c, h, w) pixel values to -1 and +1."""
        if self.training:  # nothing is learned here: one pass less than through the quantizer
            return layers.sign_from(pixels, self.pixel)
        return self.sign(self.shift(pixels))  # type: ignore[no-any-return]


class BinaryNetwork(TrainableNetwork):
    """A network of binary weights and activations.

    Takes float32 pixel values 0..255 (n, c, h, w), not scaled, so that the first layer's accumulators are exact
    integers like all others; gives logits (n, classes).

    Args:
        config: describes the network; see ``training.config.load``.
        shape: (H, W, C) of the images.
        classes: number of logits.

    Raises:
        ConfigError: layers that do not fit the images or each other.
    """

    def __init__(self, config: Config, shape: Shape, classes: int) -> None:
        super().__init__()
        self.shape = shape
        self.classes = classes
        plans = plan_network(config, shape, classes)
        is_binary = config.network.input_bits == 1
        self.input_pixel = round(config.network.input_threshold * FULL_SCALE) if is_binary else None
        self.input_bits = config.network.input_bits
        self.input: nn.Module = nn.Identity() if self.input_bits == PIXEL_BITS else CoarseInput(self.input_bits)
        if self.input_pixel is not None:
            self.input = BinaryInput(self.input_pixel)
        self.input_dropout = nn.Dropout(config.training.input_dropout) if config.training.input_dropout else None
        self.stages = nn.ModuleDict()
        shifts = _shifts(config)
        for plan in plans:
            shift = 0.0 if plan.is_last else next(shifts)
            self.stages[plan.name] = BinaryStage(plan, config, shift)
        self.refusal = TWIN_REFUSAL if config.activation.hardtanh else None
        matrices = [] if self.refusal else [stage.matrix for stage in self.stage_list()]
        self._keep_in_bounds([layers.latent_weight(matrix) for matrix in matrices])
        self.train()

    def forward(self, pixels: Tensor) -> Tensor:
        """(n, c, h, w) float32 pixel values to (n, classes) logits."""
        x = self.in_fast_layout(self.input(pixels))
        if self.input_dropout is not None:
            x = self.input_dropout(x)
        for stage in self.stages.values():
            x = stage(x)
        return x

    def use(self, arithmetic: Arithmetic) -> None:
        """As ``TrainableNetwork.use``."""
        super().use(arithmetic)
        for stage in self.stage_list():
            stage.arithmetic = arithmetic

    def train(self, mode: bool = True) -> Self:
        """Training or evaluation mode, as PyTorch's."""
        layers.hand_out_plain_tensors(self, mode)
        return super().train(mode)

    def stage_list(self) -> list[BinaryStage]:
        """The stages in order."""
        return [stage for stage in self.stages.values() if isinstance(stage, BinaryStage)]

    def matrix_weights(self) -> list[nn.Parameter]:
        """The weights of every stage, in order."""
        return [layers.latent_weight(stage.matrix) for stage in self.stage_list()]

    @property
    def last_layer(self) -> str:
        """As ``TrainableNetwork.last_layer``."""
        return self.stage_list()[-1].plan.name

    def threshold_shifts(self) -> dict[str, layers.ThresholdShift]:
        """As ``TrainableNetwork.threshold_shifts``."""
        return {
            (stage.plan.pool_before or stage.plan).name: module
            for stage in self.stage_list()
            for module in stage.epilogue.modules()
            if isinstance(module, layers.ThresholdShift)
        }

    def staged(self) -> ModelGraph:
        """As ``TrainableNetwork.staged``; UserError for a full-precision twin."""
        if self.refusal:
            raise UserError(self.refusal)
        model = copy.deepcopy(self).cpu().eval()
        return chain_model(_encoding(model), [_described(stage) for stage in model.stage_list()])

    def trace(
        self, images: NDArray[np.uint8], batch: int = 256
    ) -> tuple[dict[str, NDArray[np.uint8]], NDArray[np.float32]]:
        """As ``TrainableNetwork.trace``, where the integer network has a layer's output.

        The names: ``input`` where that is binary, every hidden layer's, and every pool's. A layer whose pool stands
        before its activation has no bits of its own: the pool's name stands for both.
        """
        traces: dict[str, list[NDArray[np.uint8]]] = {}
        logits = []
        with evaluating(self), torch.no_grad():
            for start in range(0, len(images), batch):
                x = self.in_fast_layout(self.input(to_pixels(images[start : start + batch], self.device)))
                if self.input_pixel is not None:
                    traces.setdefault("input", []).append(as_bits(x))
                for stage in self.stage_list():
                    x = stage.epilogue(stage.accumulate(x))
                    if stage.plan.is_last:
                        continue
                    before, after = stage.plan.pool_before, stage.plan.pool_after
                    traces.setdefault(stage.plan.name if before is None else before.name, []).append(as_bits(x))
                    if after is not None:
                        x = stage.finish(x)
                        traces.setdefault(after.name, []).append(as_bits(x))
                logits.append(x.cpu().numpy())
        return {name: np.concatenate(parts) for name, parts in traces.items()}, np.concatenate(logits)

    def summary(self) -> str:
        """A line a layer: name, kind, sizes, output."""
        lines = [f"input      {f'{self.input_bits} bit':10} {_dimensions(self.shape)}"]
        for stage in self.stage_list():
            plan = stage.plan
            kind = f"conv {plan.kernel[0]}x{plan.kernel[1]}" if plan.is_convolution else "dense"
            pools = "".join(f", {pool.name}" for pool in (plan.pool_before, plan.pool_after) if pool is not None)
            sizes = f"{plan.mw} x {plan.mh} = {plan.mw * plan.mh:,} weights"
            lines.append(f"{plan.name:10} {kind:10} {sizes} -> {_dimensions(plan.output_shape)}{pools}")
        return "\n".join(lines)


def to_pixels(images: NDArray[np.uint8] | Tensor, device: torch.device | None = None) -> Tensor:
    """(n, H, W, C) uint8 images as (n, c, h, w) float32 pixel values."""
    tensor = torch.from_numpy(images) if isinstance(images, np.ndarray) else images
    return tensor.to(device).permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.contiguous_format)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode for the block, and afterwards what was before."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)


def _shifts(config: Config) -> Iterator[float | None]:
    given = config.activation.shifts
    count = config.network.hidden_count
    return iter([None] * count if given is None else given * (count if len(given) == 1 else 1))


def as_bits(values: Tensor) -> NDArray[np.uint8]:
    """-1 and +1 in (n, c) or (n, c, h, w) as bits (n, h, w, c)."""
    spread = values if values.dim() == 4 else values[:, :, None, None]
    return np.ascontiguousarray((spread > 0).permute(0, 2, 3, 1).to(torch.uint8).cpu().numpy())


def _encoding(model: BinaryNetwork) -> Encode:
    if model.input_pixel is None:
        table = np.arange(256, dtype=np.int16) >> (PIXEL_BITS - model.input_bits)
        return Encode(model.shape, table, binary=False)
    return Encode.threshold(model.shape, model.input_pixel)


def _described(stage: BinaryStage) -> ChainLayer:
    plan = stage.plan
    weights = layers.binary_weights(stage.matrix)
    height, width, channels = plan.input_shape
    if not plan.is_convolution and height * width > 1:
        weights = weights.view(plan.mh, channels, height, width)
    return ChainLayer(
        name=plan.name,
        weights=weights.numpy(),
        epilogue=NumpyEpilogue(stage.epilogue, is_image=plan.is_convolution),
        is_convolution=plan.is_convolution,
        stride=plan.stride,
        padding=plan.padding,
        pad_value=plan.pad_value,
        pool_before=plan.pool_before,
        pool_after=plan.pool_after,
    )


def _dimensions(shape: Shape) -> str:
    return " x ".join(str(size) for size in shape)
