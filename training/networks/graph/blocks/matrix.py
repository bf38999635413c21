"""Matrices of binary weights, dense or sliding over an image, and what becomes of their sums."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from bnn.chain import ACCUMULATOR
from bnn.stage import Matrix, ModelNode
from training.config.layers import ConvConfig, DenseConfig, Gives
from training.config.load import Config, ConfigError
from training.fit.arithmetic import PLAIN
from training.networks import layers
from training.networks.graph.blocks.block import Block
from training.networks.graph.planned import PlannedLayer, Request, Window, pair
from training.networks.graph.signal import Signal, check_exact
from training.networks.graph.steps import Steps

NARROW = 2**8  # integers up to here are exact in bfloat16 and TensorFloat-32, in which steps may multiply


class MatrixBlock(Block):
    """A matrix of -1 and +1, and then bits, a grid, or the sums as they are."""

    matrix: nn.Module

    def __init__(self, planned: PlannedLayer, config: Config) -> None:
        super().__init__(planned, config)
        assert isinstance(planned.layer, (ConvConfig, DenseConfig))
        self.steps = Steps(planned.layer.gives, planned, config)

    def accumulate(self, x: Tensor) -> Tensor:
        """The sums: (n, c, h, w) of the input to (n, mh, h, w)."""
        raise NotImplementedError

    def multiply(self, x: Tensor) -> Tensor:
        """``x``, padded or flattened, times the weights."""
        if not self.training and self.planned.sources[0].magnitude > NARROW:
            return layers.multiply(self.matrix, x.double()).float()  # a GPU multiplies float32 in fewer digits
        if self.current == PLAIN:
            return self.matrix(x)  # type: ignore[no-any-return]
        return layers.multiply(self.matrix, x)

    @property
    def weights(self) -> NDArray[np.float32]:
        """-1 and +1 as ``bnn.stage.Matrix`` has them."""
        weights: NDArray[np.float32] = layers.binary_weights(self.matrix).numpy()
        return weights

    def describe(self) -> tuple[ModelNode, ...]:
        """As ``Block.describe``."""
        planned, window = self.planned, self.planned.window
        has_steps = self.steps.gives is not Gives.INTEGERS
        matrix = Matrix(
            planned.name + ACCUMULATOR if has_steps else planned.name,
            planned.inputs,
            self.weights,
            is_convolution=isinstance(planned.layer, ConvConfig),
            stride=window.stride,
            padding=window.padding,
            pad_value=window.pad_value,
        )
        return (matrix, self.steps.node(planned.name, matrix.name)) if has_steps else (matrix,)

    def forward(self, *values: Tensor) -> Tensor:
        """As ``Block.forward``."""
        return self.steps.run(self.accumulate(values[0]), self.current)


class DenseBlock(MatrixBlock):
    """Every output sees every input, in the order (y, x, c) of the contract's images."""

    automatic = "fc"

    def __init__(self, planned: PlannedLayer, config: Config) -> None:
        super().__init__(planned, config)
        self.matrix = layers.binary_dense(planned.mw, planned.output.shape[2], config.training.weight_start)

    @classmethod
    def plan(cls, request: Request) -> PlannedLayer:
        """As ``Block.plan``."""
        source = request.source
        mw = source.positions * source.shape[2]
        sums = sums_of(request, source, mw, (1, 1, request.layer.dense))
        return request.planned(request.given(request.layer.gives, sums), mw=mw, sums=sums)

    @property
    def weights(self) -> NDArray[np.float32]:
        """As ``MatrixBlock.weights``."""
        return image_weights(super().weights, self.planned.sources[0])

    def accumulate(self, x: Tensor) -> Tensor:
        """As ``MatrixBlock.accumulate``."""
        return self.multiply(x.flatten(1))[:, :, None, None]


class ConvBlock(MatrixBlock):
    """Windows that slide over the image."""

    automatic = "conv"

    def __init__(self, planned: PlannedLayer, config: Config) -> None:
        super().__init__(planned, config)
        window = planned.window
        self.pad = layers.ConstantPad(window.padding, window.pad_value) if any(window.padding) else None
        channels = planned.sources[0].shape[2], planned.output.shape[2]
        self.matrix = layers.binary_conv(*channels, window.kernel, window.stride, config.training.weight_start)

    @classmethod
    def plan(cls, request: Request) -> PlannedLayer:
        """As ``Block.plan``."""
        layer, source = request.layer, request.source
        margin = pair(layer.padding)
        window = Window(pair(layer.kernel), pair(layer.stride), (*margin, *margin), _pad_value(request, any(margin)))
        mw = window.size * source.shape[2]
        shape = (*window.over(request.key, source.shape), layer.conv)
        sums = sums_of(request, source, mw, shape)
        return request.planned(request.given(layer.gives, sums), window=window, mw=mw, sums=sums)

    def accumulate(self, x: Tensor) -> Tensor:
        """As ``MatrixBlock.accumulate``."""
        return self.multiply(x if self.pad is None else self.pad(x))


def image_weights(weights: NDArray[np.float32], source: Signal) -> NDArray[np.float32]:
    """The weights of a dense layer on an image: (mh, c, h, w), or (mh, mw) where there is one position."""
    height, width, channels = source.shape
    return weights if source.positions == 1 else weights.reshape(-1, channels, height, width)


def sums_of(request: Request, source: Signal, mw: int, shape: tuple[int, int, int]) -> Signal:
    """The sums of ``mw`` values with weights of -1 and +1."""
    largest = mw * source.magnitude
    check_exact(request.key, f"a sum of {request.name}", largest)
    return Signal(shape, -largest, largest, fraction_bits=source.fraction_bits, spread=source.spread * mw**0.5)


def _pad_value(request: Request, is_padded: bool) -> int:
    """What padding reads as; the key that says it depends on what the layer reads."""
    layer, source = request.layer, request.source
    wanted: dict[str, Any] = {"pad_bit": source.is_bits, "pad_pixel": source.is_pixels}
    kind = "bits" if source.is_bits else "pixels" if source.is_pixels else "integers"
    for key, fits in wanted.items():
        value = getattr(layer, key)
        if value is not None and not fits:
            raise ConfigError(f"{request.key}.{key}: {request.name} reads {kind}; leave it out")
        if value is None and fits and is_padded:
            raise ConfigError(f"{request.key}.{key}: is missing; padding of {kind} must say what it reads as")
    if not is_padded or kind == "integers":  # integers are padded with 0, which they have
        return 0
    return 2 * int(layer.pad_bit) - 1 if source.is_bits else int(layer.pad_pixel) >> (8 - source.highest.bit_length())
