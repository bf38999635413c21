"""``[network.residual]`` with ``order`` as the layers of a graph, which any other TOML could name as well.

Order grid is Bi-Real Net's (Liu et al. 2018, section 3): sign, binary convolution, batch norm, plus the shortcut; what
the batch norm gives is put on a grid, so that the shortcut is an integer. Order integer is XNOR-Net's (Rastegari et al.
2016, section 3.2): batch norm, sign, binary convolution, whose sums are added as they are, without their scale alpha.
Shortcuts have no parameters: where a stage halves the image they pool, and repeat their channels (as FracBNN, Zhang et
al. 2021) or put zeros around them (as ReCU, Xu et al. 2021).
"""

from __future__ import annotations

from collections.abc import Iterator

from bnn.values import Shape
from training.config.layers import (
    AddConfig,
    AveragePoolConfig,
    BatchNormConfig,
    ConcatenateConfig,
    ConvConfig,
    Gives,
    PadChannelsConfig,
    PoolConfig,
    SignConfig,
)
from training.config.load import Config, ConfigError
from training.config.residual import Order, Positions, ResidualConfig, ShortcutChannels, ShortcutPool, Stem
from training.config.section import Section

MIDDLE_GRAY = 128
KERNEL = 3  # of every binary convolution but the ImageNet stem's


def residual_layers(config: Config, shape: Shape) -> tuple[tuple[Section, ...], bool]:
    """The layers, and whether the classifier sums over positions; ConfigError where channels cannot be repeated."""
    residual = config.network.residual
    assert residual is not None
    layers = [*_stem(residual, reads_bits=config.network.thermometer is not None)]
    height, width = _stem_size(residual, shape)
    channels = residual.channels[0]
    for stage, (count, wanted) in enumerate(zip(residual.blocks, residual.channels, strict=True), 1):
        for unit in range(2 * count // residual_span(residual)):
            name = f"stage{stage}_unit{unit + 1}"
            halves = stage > 1 and unit == 0
            shortcut = layers[-1].name  # type: ignore[attr-defined]
            trunk = [*_trunk(residual, name, wanted, halves)]
            bypass = [*_bypass(config, name, shortcut, channels, wanted, (height, width) if halves else None)]
            layers += [*trunk, *bypass]
            ends = trunk[-1].name, (bypass[-1].name if bypass else shortcut)  # type: ignore[attr-defined]
            layers.append(AddConfig(add=ends, name=f"{name}_sum"))
            if halves:
                height, width = -(-height // 2), -(-width // 2)
            channels = wanted
    if residual.order is Order.INTEGER:
        layers.append(BatchNormConfig(batch_norm=Gives.BITS, name="last_sign"))
    if residual.positions is Positions.MEAN:
        _check_mean(config, height, width)
        layers.append(AveragePoolConfig(average_pool=(height, width), name="mean"))
    return tuple(layers), residual.positions is Positions.SUM


def residual_span(residual: ResidualConfig) -> int:
    """Convolutions that a shortcut goes around."""
    assert residual.span is not None
    return residual.span


def _stem(residual: ResidualConfig, *, reads_bits: bool) -> Iterator[Section]:
    kernel, stride = (KERNEL, 1) if residual.stem is Stem.CIFAR else (7, 2)
    pixel = MIDDLE_GRAY if residual.pad_pixel is None else residual.pad_pixel
    yield ConvConfig(
        conv=residual.channels[0],
        kernel=kernel,
        stride=stride,
        padding=kernel // 2,
        name="stem",
        **({"pad_bit": residual.pad_bit} if reads_bits else {"pad_pixel": pixel}),
        **_gives(residual),  # type: ignore[arg-type]
    )
    if residual.stem is Stem.IMAGENET:
        yield PoolConfig(pool=3, stride=2, padding=1, name="stem_pool")


def _stem_size(residual: ResidualConfig, shape: Shape) -> tuple[int, int]:
    """(H, W) behind the stem, whose every stride of 2 halves, rounded up."""
    if residual.stem is Stem.CIFAR:
        return shape[:2]
    return -(-shape[0] // 4), -(-shape[1] // 4)


def _gives(residual: ResidualConfig) -> dict[str, object]:
    """What a convolution in front of a sum gives."""
    if residual.order is Order.INTEGER:
        return {"gives": Gives.INTEGERS}
    return {
        "gives": Gives.GRID,
        "fraction_bits": residual.fraction_bits,
        "residual_bits": residual.residual_bits,
    }


def _trunk(residual: ResidualConfig, name: str, channels: int, halves: bool) -> Iterator[Section]:
    """What a shortcut goes around: one or two convolutions, each behind its sign."""
    for number in range(1, residual_span(residual) + 1):
        ordinal = "" if residual.span == 1 else str(number)
        is_behind_sums = number == 1 or residual.order is Order.INTEGER
        if residual.order is Order.INTEGER:
            yield BatchNormConfig(batch_norm=Gives.BITS, name=f"{name}_sign{ordinal}")
        elif is_behind_sums:
            yield SignConfig(sign=True, name=f"{name}_sign{ordinal}")
        gives_bits = residual.order is Order.GRID and number < residual_span(residual)
        yield ConvConfig(
            conv=channels,
            stride=2 if halves and number == 1 else 1,
            padding=KERNEL // 2,
            pad_bit=residual.pad_bit,
            name=f"{name}_conv{ordinal}",
            **({} if gives_bits else _gives(residual)),  # type: ignore[arg-type]
        )


def _bypass(
    config: Config, name: str, source: str, channels: int, wanted: int, halved: tuple[int, int] | None
) -> Iterator[Section]:
    """The shortcut's own layers; none where it is what it goes around."""
    residual, key = config.network.residual, f"{config.source}: network.residual"
    assert residual is not None
    if halved is not None:
        if residual.shortcut_pool is ShortcutPool.STRIDE:
            yield PoolConfig(pool=1, stride=2, input=source, name=f"{name}_half")
        elif halved[0] % 2 or halved[1] % 2:
            raise ConfigError(
                f"{key}: {name} halves {halved[0]} x {halved[1]}, and an average of 2 x 2 needs even sizes; "
                'use shortcut_pool = "stride", or images of another size'
            )
        else:
            yield AveragePoolConfig(average_pool=2, input=source, name=f"{name}_half")
        source = f"{name}_half"
    if wanted == channels:
        return
    if wanted < channels:
        raise ConfigError(f"{key}.channels: {channels}, then {wanted}: a shortcut cannot come to fewer")
    if residual.shortcut_channels is ShortcutChannels.ZEROS:
        before = (wanted - channels) // 2
        around = (before, wanted - channels - before)
        yield PadChannelsConfig(pad_channels=around, input=source, name=f"{name}_wide")
    elif wanted % channels:
        raise ConfigError(
            f"{key}.channels: {channels}, then {wanted}, no multiple: a shortcut cannot repeat them; "
            'use shortcut_channels = "zeros"'
        )
    else:
        yield ConcatenateConfig(concatenate=(source,) * (wanted // channels), name=f"{name}_wide")


def _check_mean(config: Config, height: int, width: int) -> None:
    if max(height, width) > 64:
        raise ConfigError(
            f"{config.source}: network.residual.positions: the mean is of {height} x {width} places, must be at most "
            "64 x 64; use sum, or more stages"
        )
