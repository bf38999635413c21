"""What a graph makes of the image, and of its last layer: the input's encoding, and the classes."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bnn.chain import ACCUMULATOR
from bnn.nodes import Encode, Source
from bnn.nodes import Thermometer as ThermometerNode
from bnn.stage import GlobalSum, Logits, Matrix, ModelNode
from bnn.stage.operators import Operator
from bnn.values import Shape
from training.config.load import Config
from training.config.settings import NetworkConfig
from training.networks import layers
from training.networks.epilogue import NumpyEpilogue
from training.networks.graph.blocks.matrix import NARROW, image_weights
from training.networks.graph.plan import CLASSIFIER, GraphPlan
from training.networks.models import FULL_SCALE, PIXEL_BITS, BinaryInput, CoarseInput
from training.networks.operators import factor, module_operators

WIDE = 2**20  # steps; sums below are so far apart in float32's 24 bits that a scale and an offset keep them apart


class Thermometer(nn.Module):
    """A pixel as bits, of which the k-th is +1 from the k-th threshold on; a channel's bits stand side by side.

    Attributes:
        thresholds: pixel values, rising, evenly spread.
    """

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.thresholds = tuple(round(FULL_SCALE * (k + 1) / (bits + 1)) for k in range(bits))

    def forward(self, pixels: Tensor) -> Tensor:
        """(n, c, h, w) pixel values to (n, c * bits, h, w)."""
        steps = torch.tensor(self.thresholds, dtype=pixels.dtype, device=pixels.device)
        spread = (pixels[:, :, None] >= steps[:, None, None]).flatten(1, 2)
        return spread.to(pixels.dtype).mul_(2.0).sub_(1.0)


def image_input(network: NetworkConfig) -> tuple[nn.Module, int | None]:
    """What becomes of a pixel, and for a 1-bit input the pixel value from which it is +1."""
    if network.thermometer is not None:
        return Thermometer(network.thermometer), None
    if network.input_bits == PIXEL_BITS:
        return nn.Identity(), None
    if network.input_bits > 1:
        return CoarseInput(network.input_bits), None
    return BinaryInput(threshold_pixel(network)), threshold_pixel(network)


class Classifier(nn.Module):
    """Binary weights from the last layer to the classes, and one scale and offset for all of them.

    Where they read the sum over all positions, bits are multiplied first and integers summed first, which is the same.
    A power of two, which costs no bit, brings sums near 1, so that the learned scale starts where the others do.
    """

    def __init__(self, plan: GraphPlan, config: Config) -> None:
        super().__init__()
        self.plan = plan
        classes, start = plan.sums.shape[2], config.training.weight_start
        self.slides = plan.reads_sum and plan.source.is_bits
        if self.slides:
            self.matrix = layers.binary_conv(plan.source.shape[2], classes, (1, 1), (1, 1), start)
        else:
            self.matrix = layers.binary_dense(plan.mw, classes, start)
        self.affine = layers.ScalarAffine(plan.mw)
        self.is_wide = plan.sums.magnitude >= WIDE
        self.factor = 2.0 ** -round(math.log2(plan.sums.spread))

    def multiply(self, x: Tensor) -> Tensor:
        """The sums (n, classes) of the last layer's values (n, c, h, w)."""
        x = x.float()
        if self.plan.reads_sum and not self.slides:
            x = x.sum(dim=(2, 3))
        elif not self.slides:
            x = x.flatten(1)
        if not self.training and self.plan.source.magnitude * self.plan.source.positions > NARROW:
            return layers.multiply(self.matrix, x.double()).float()  # a GPU multiplies float32 in fewer digits
        sums: Tensor = self.matrix(x)
        return sums.sum(dim=(2, 3)) if self.slides else sums

    def finish(self, sums: Tensor) -> Tensor:
        """From sums to logits, (n, classes).

        Scale and offset, which all classes share, would give two wide sums one logit in float32. In evaluation such
        sums have the nearest power of two and no offset, so that the order of the logits is that of the sums.
        """
        if self.training or not self.is_wide:
            return self.affine(sums * self.factor)  # type: ignore[no-any-return]
        return sums * self.exact_factor

    @property
    def exact_factor(self) -> float:
        """The power of two that stands for ``factor`` and scale in evaluation, where sums are wide."""
        return self.factor * _power_of_two(float(self.affine.scale))

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) to (n, classes)."""
        return self.finish(self.multiply(x))

    def sums(self, x: Tensor) -> dict[str, Tensor]:
        """The integers behind the last layer's values (n, c, h, w), by the names that ``describe`` gives them."""
        found = {}
        if self.slides:
            found[f"{CLASSIFIER}.positions"] = self.matrix(x.float())
        elif self.plan.reads_sum:
            found[f"{CLASSIFIER}.sum"] = x.sum(dim=(2, 3), keepdim=True)
        return found | {CLASSIFIER + ACCUMULATOR: self.multiply(x)[:, :, None, None]}

    def describe(self) -> tuple[ModelNode, ...]:
        """The same as absorption reads it."""
        source, sums = self.plan.last, CLASSIFIER + ACCUMULATOR
        weights: NDArray[np.float32] = layers.binary_weights(self.matrix).numpy()
        if self.is_wide:
            operators: tuple[Operator, ...] = (factor("scale", self.exact_factor),)
        else:
            operators = (factor("scale", self.factor), *module_operators(self.affine))
        epilogue = NumpyEpilogue(self.finish, is_image=False, operators=operators)
        logits = Logits(CLASSIFIER, (sums,), epilogue)
        if self.slides:
            each = f"{CLASSIFIER}.positions"
            return Matrix(each, (source,), weights, is_convolution=True), GlobalSum(sums, (each,)), logits
        if self.plan.reads_sum:
            total = f"{CLASSIFIER}.sum"
            return GlobalSum(total, (source,)), Matrix(sums, (total,), weights), logits
        return Matrix(sums, (source,), image_weights(weights, self.plan.source)), logits


def _power_of_two(number: float) -> float:
    """The nearest in logarithm, of the same sign; 0 of 0."""
    return math.copysign(math.ldexp(1.0, round(math.log2(abs(number)))), number) if number else 0.0


def source_node(network: NetworkConfig, shape: Shape) -> Source:
    """What ``image_input`` makes of a pixel, as absorption reads it."""
    if network.thermometer is not None:
        return ThermometerNode(shape, np.array(Thermometer(network.thermometer).thresholds, np.int16))
    if network.input_bits == 1:
        return Encode.threshold(shape, threshold_pixel(network))
    return Encode(shape, np.arange(256, dtype=np.int16) >> (PIXEL_BITS - network.input_bits), binary=False)


def threshold_pixel(network: NetworkConfig) -> int:
    """From which on a pixel of a 1-bit input is +1."""
    return round(network.input_threshold * FULL_SCALE)
