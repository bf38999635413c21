"""From a configuration and the images' shape to every layer's name and sizes, before anything is built."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from bnn.stage import Pool
from bnn.values import Shape
from bnn.window import NO_PADDING, Padding
from training.config.layers import ConvConfig, DenseConfig, PoolConfig, PoolPosition
from training.config.load import Config, ConfigError

MAX_WEIGHTS = 2**31  # 8 GiB of latent weights


@dataclass(frozen=True)
class StagePlan:
    """One matrix of weights and what surrounds it. Shapes are (H, W, C).

    Attributes:
        key: where the configuration describes it, for messages.
        input_shape: what it reads, before padding.
        mh: outputs (channels).
        is_convolution: whether the weights slide over the image; a dense layer sees all of it.
        pad_value: -1 or +1 for binary input, a pixel otherwise; 0 where there is no padding.
        output_shape: what the next stage reads, behind the pools.
        is_last: gives logits, with no activation.
    """

    name: str
    key: str
    input_shape: Shape
    mh: int
    is_convolution: bool
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: Padding
    pad_value: int
    output_shape: Shape
    pool_before: Pool | None = None
    pool_after: Pool | None = None
    is_last: bool = False

    @property
    def mw(self) -> int:
        """Inputs of one output."""
        return self.kernel[0] * self.kernel[1] * self.input_shape[2]

    @property
    def multiplications(self) -> int:
        """About how many one image takes: a convolution's positions are counted without its borders."""
        if not self.is_convolution:
            return self.mw * self.mh
        positions = self.input_shape[0] * self.input_shape[1] // (self.stride[0] * self.stride[1])
        return self.mw * self.mh * positions


def plan_network(config: Config, shape: Shape, classes: int) -> tuple[StagePlan, ...]:
    """Every stage in order, the last being the dense layer to the classes.

    Raises:
        ConfigError: a layer that does not fit what comes before it; the message names its key.
    """
    stages: list[StagePlan] = []
    counts: Counter[str] = Counter()
    for index, layer in enumerate(config.network.layers):
        key = f"{config.source}: network.layers[{index}]"
        current = stages[-1].output_shape if stages else shape
        if isinstance(layer, PoolConfig):
            counts["pool"] += 1
            pool = Pool(layer.name or f"pool{counts['pool']}", _pair(layer.pool), _pair(layer.stride or layer.pool))
            stages[-1:] = [_with_pool(stages, pool, layer.position, key)]
        elif isinstance(layer, ConvConfig):
            counts["conv"] += 1
            if stages and not stages[-1].is_convolution:
                raise ConfigError(f"{key}: a conv after the dense layer {stages[-1].name} has no image to slide over")
            bits = 1 if stages else config.network.input_bits
            stages.append(_conv(layer, layer.name or f"conv{counts['conv']}", key, current, bits))
        else:
            assert isinstance(layer, DenseConfig), "everything else is of graphs"
            counts["fc"] += 1
            stages.append(_dense(layer.name or f"fc{counts['fc']}", key, current, layer))
    last_name = f"fc{counts['fc'] + 1}"
    current = stages[-1].output_shape if stages else shape
    key = f"{config.source}: network.layers"
    stages.append(replace(_dense(last_name, key, current, DenseConfig(dense=classes)), is_last=True))
    _check(stages, config.source)
    return tuple(stages)


def _dense(name: str, key: str, shape: Shape, layer: DenseConfig) -> StagePlan:
    return StagePlan(
        name=name,
        key=key,
        input_shape=shape,
        mh=layer.dense,
        is_convolution=False,
        kernel=(shape[0], shape[1]),
        stride=(1, 1),
        padding=NO_PADDING,
        pad_value=0,
        output_shape=(1, 1, layer.dense),
    )


def _conv(layer: ConvConfig, name: str, key: str, shape: Shape, bits: int) -> StagePlan:
    is_binary = bits == 1
    kernel, stride = _pair(layer.kernel), _pair(layer.stride)
    vertical, horizontal = _pair(layer.padding)
    wanted, unwanted = ("pad_bit", "pad_pixel") if is_binary else ("pad_pixel", "pad_bit")
    given = getattr(layer, wanted)
    is_padded = bool(vertical or horizontal)
    kind = "binary" if is_binary else f"{bits}-bit"
    if getattr(layer, unwanted) is not None:
        raise ConfigError(f"{key}.{unwanted}: the input of {name} is {kind}; use {wanted}")
    if is_padded and given is None:
        raise ConfigError(f"{key}.{wanted}: is missing; padding of {kind} input must say what it reads as")
    if vertical >= kernel[0] or horizontal >= kernel[1]:
        raise ConfigError(f"{key}.padding: {(vertical, horizontal)} must be smaller than the kernel {kernel}")
    padded = (shape[0] + 2 * vertical, shape[1] + 2 * horizontal)
    pad_value = 0 if not is_padded else (2 * given - 1 if is_binary else given >> (8 - bits))
    return StagePlan(
        name=name,
        key=key,
        input_shape=shape,
        mh=layer.conv,
        is_convolution=True,
        kernel=kernel,
        stride=stride,
        padding=(vertical, horizontal, vertical, horizontal),
        pad_value=pad_value,
        output_shape=(*_positions(padded, kernel, stride, f"{key}.kernel"), layer.conv),
    )


def _with_pool(stages: list[StagePlan], pool: Pool, position: PoolPosition, key: str) -> StagePlan:
    if not stages or not stages[-1].is_convolution:
        raise ConfigError(f"{key}: a pool must follow a conv")
    stage = stages[-1]
    if stage.pool_after is not None or (stage.pool_before is not None and position is PoolPosition.BEFORE_ACTIVATION):
        raise ConfigError(f"{key}: {stage.name} already has a pool there; make it one pool of larger size")
    height, width, channels = stage.output_shape
    shape = (*_positions((height, width), pool.kernel, pool.stride, f"{key}.pool"), channels)
    if position is PoolPosition.BEFORE_ACTIVATION:
        return replace(stage, pool_before=pool, output_shape=shape)
    return replace(stage, pool_after=pool, output_shape=shape)


def _positions(size: tuple[int, int], kernel: tuple[int, int], stride: tuple[int, int], key: str) -> tuple[int, int]:
    if kernel[0] > size[0] or kernel[1] > size[1]:
        raise ConfigError(f"{key}: {kernel[0]} x {kernel[1]} is larger than its input, {size[0]} x {size[1]}")
    return (size[0] - kernel[0]) // stride[0] + 1, (size[1] - kernel[1]) // stride[1] + 1


def _check(stages: list[StagePlan], source: str) -> None:
    names = [name for stage in stages for name in (stage.name, *(p.name for p in _pools(stage)))]
    doubled = next((name for name in names if names.count(name) > 1 or name in {"input", "logits"}), None)
    if doubled is not None:
        raise ConfigError(f"{source}: network.layers: the name {doubled} is taken; give every layer its own")
    weights = sum(stage.mh * stage.mw for stage in stages)
    if weights > MAX_WEIGHTS:
        raise ConfigError(f"{source}: network.layers: {weights:,} weights, must be at most {MAX_WEIGHTS:,}")


def _pools(stage: StagePlan) -> list[Pool]:
    return [pool for pool in (stage.pool_before, stage.pool_after) if pool is not None]


def _pair(size: int | tuple[int, int]) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else size
