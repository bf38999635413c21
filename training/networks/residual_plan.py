"""From a configuration and the images' shape to the sizes of every convolution of a residual network."""

from __future__ import annotations

from dataclasses import dataclass

from bnn.values import Shape
from training.config.load import Config, ConfigError
from training.config.residual import ResidualConfig, Stem
from training.networks.plan import MAX_WEIGHTS

BINARY_KERNEL = 3
STEM_POOL = 3  # the window of the ImageNet stem's max pool; its stride is 2


@dataclass(frozen=True)
class ConvPlan:
    """A square convolution that pads by half its kernel, so that the stride alone decides the output's size.

    Attributes:
        name: such as ``stage1.block1.conv1``.
        input_shape: (H, W, C), before padding.
        channels: of the output.
    """

    name: str
    input_shape: Shape
    channels: int
    kernel: int
    stride: int

    @property
    def output_shape(self) -> Shape:
        """(H, W, C): with a stride of 2 the half, rounded up."""
        height, width, _ = self.input_shape
        return -(-height // self.stride), -(-width // self.stride), self.channels

    @property
    def weights(self) -> int:
        """Of the matrix."""
        return self.kernel**2 * self.input_shape[2] * self.channels

    @property
    def multiplications(self) -> int:
        """Of one image."""
        height, width, _ = self.output_shape
        return self.weights * height * width


@dataclass(frozen=True)
class BlockPlan:
    """Two binary convolutions and what goes around them.

    Attributes:
        name: such as ``stage1.block1``.
        first: the first binary convolution, which halves the image where its stride is 2.
        second: the second binary convolution.
        downsampling: the shortcut's real 1 x 1 convolution; None where the shortcut is the input itself.
    """

    name: str
    first: ConvPlan
    second: ConvPlan
    downsampling: ConvPlan | None


@dataclass(frozen=True)
class ResidualPlan:
    """All of a residual network.

    Attributes:
        stem: the real first convolution.
        pools: whether a max pool follows it.
        blocks: in order.
        classes: of the real dense layer at the end.
    """

    stem: ConvPlan
    pools: bool
    blocks: tuple[BlockPlan, ...]
    classes: int

    @property
    def convolutions(self) -> list[ConvPlan]:
        """All of them, binary and real."""
        blocks = [conv for block in self.blocks for conv in (block.first, block.second, block.downsampling)]
        return [self.stem, *(conv for conv in blocks if conv is not None)]

    @property
    def weights(self) -> int:
        """Of all matrices."""
        return sum(conv.weights for conv in self.convolutions) + self.blocks[-1].second.channels * self.classes

    @property
    def multiplications(self) -> int:
        """Of one image."""
        dense = self.blocks[-1].second.channels * self.classes
        return sum(conv.multiplications for conv in self.convolutions) + dense


def plan_residual(config: Config, shape: Shape, classes: int) -> ResidualPlan:
    """Every convolution's sizes; ConfigError where there are too many weights."""
    residual = config.network.residual
    assert residual is not None
    kernel, stride = (3, 1) if residual.stem is Stem.CIFAR else (7, 2)
    stem = ConvPlan("conv1", shape, residual.channels[0], kernel, stride)
    pools = residual.stem is Stem.IMAGENET
    current = stem.output_shape
    if pools:
        current = (-(-current[0] // 2), -(-current[1] // 2), current[2])
    plan = ResidualPlan(stem, pools, _blocks(residual, current), classes)
    weights = sum(conv.weights for conv in plan.convolutions)
    if weights > MAX_WEIGHTS:
        raise ConfigError(f"{config.source}: network.residual: {weights:,} weights, must be at most {MAX_WEIGHTS:,}")
    return plan


def _blocks(residual: ResidualConfig, current: Shape) -> tuple[BlockPlan, ...]:
    blocks = []
    for stage, (count, channels) in enumerate(zip(residual.blocks, residual.channels, strict=True), 1):
        for index in range(1, count + 1):
            name = f"stage{stage}.block{index}"
            halves = stage > 1 and index == 1
            first = ConvPlan(f"{name}.conv1", current, channels, BINARY_KERNEL, 2 if halves else 1)
            second = ConvPlan(f"{name}.conv2", first.output_shape, channels, BINARY_KERNEL, 1)
            downsampling = ConvPlan(f"{name}.shortcut", current, channels, 1, 2) if halves else None
            blocks.append(BlockPlan(name, first, second, downsampling))
            current = second.output_shape
    return tuple(blocks)
