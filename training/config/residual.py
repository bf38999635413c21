"""``[network.residual]``: ResNets, exact in integers (``order``) or with full-precision shortcuts (``variant``)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from training.config.layers import FractionBits, ResidualBits
from training.config.section import Integer, Section, Width


class ResidualVariant(StrEnum):
    """Where a residual network's batch norms and full-precision shortcuts stand."""

    XNOR_NET = "xnor_net"
    BI_REAL_NET = "bi_real_net"


class Order(StrEnum):
    """What an exact shortcut carries: batch norms put on a grid, or the sums of +-1 themselves."""

    GRID = "grid"
    INTEGER = "integer"


class Stem(StrEnum):
    """What precedes a residual network's blocks."""

    CIFAR = "cifar"
    IMAGENET = "imagenet"


class ShortcutPool(StrEnum):
    """How a shortcut halves the image."""

    AVERAGE = "average"
    STRIDE = "stride"


class ShortcutChannels(StrEnum):
    """How a shortcut comes to more channels."""

    REPEAT = "repeat"
    ZEROS = "zeros"


class Positions(StrEnum):
    """What the classifier of an exact residual network reads of all positions of the image."""

    SUM = "sum"
    MEAN = "mean"


_EXACT = {"shortcut_pool": ShortcutPool.AVERAGE, "shortcut_channels": ShortcutChannels.REPEAT, "span": 1}
DEFAULTS: dict[str, dict[str, Any]] = {
    Order.GRID: {**_EXACT, "fraction_bits": 6, "residual_bits": 8, "positions": Positions.SUM},
    Order.INTEGER: {**_EXACT, "positions": Positions.SUM},
}


class ResidualConfig(Section):
    """A ResNet of binary convolutions, which ``order`` makes exact in integers.

    Attributes:
        order: grid (Bi-Real Net's: sign, convolution, batch norm on a grid, plus the shortcut) or integer (XNOR-Net's:
            batch norm, sign, convolution, whose sums are added as they are). Both are exported.
        variant: instead of ``order``: full-precision shortcuts, never exported; xnor_net (a shortcut around two
            convolutions) or bi_real_net (around each).
        stem: cifar (3x3 convolution) or imagenet (7x7 with stride 2, and a max pool). With ``order`` its weights are
            binary too, and read pixels, or bits where there is ``network.thermometer``.
        blocks: of two binary convolutions each, stage by stage; every stage but the first halves the image.
        channels: of each stage.
        pad_bit: what a padded position of a binary convolution reads as: 0 for -1, 1 for +1.
        pad_pixel: with ``order``: what a padded position of the stem reads as, 0..255, where it reads pixels; left
            out, 128, a middle gray.
        fraction_bits: with order grid: shortcuts are multiples of 2^-fraction_bits; left out, 6.
        residual_bits: with order grid: a batch norm's output is saturated to so many bits, its sign included; left
            out, 8. Sums grow beyond it.
        span: with ``order``: convolutions that a shortcut goes around, 1 or 2; left out, 1.
        shortcut_pool: with ``order``: a shortcut halves the image by the average of 2 x 2 (left out: this) or by
            taking every second row and column (stride).
        shortcut_channels: with ``order``: a shortcut comes to more channels by repeating its own (left out: this), or
            by zeros around them.
        positions: with ``order``: the binary weights of the classes read the sum over all positions (left out:
            this), or their mean, rounded to the grid (order grid alone).
    """

    order: Order | None = None
    variant: ResidualVariant | None = None
    stem: Stem = Stem.CIFAR
    blocks: Annotated[tuple[Annotated[Integer, Field(ge=1, le=64)], ...], Field(min_length=1, max_length=16)]
    channels: Annotated[tuple[Width, ...], Field(min_length=1, max_length=16)]
    pad_bit: Literal[0, 1] = 0
    pad_pixel: Annotated[Integer, Field(ge=0, le=255)] | None = None
    fraction_bits: FractionBits | None = None
    residual_bits: ResidualBits | None = None
    span: Literal[1, 2] | None = None
    shortcut_pool: ShortcutPool | None = None
    shortcut_channels: ShortcutChannels | None = None
    positions: Positions | None = None

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, values: Any) -> Any:
        """What is left out is what the order makes it, so that the resolved file says everything."""
        order = values.get("order") if isinstance(values, dict) else None
        return {**DEFAULTS[order], **values} if isinstance(order, str) and order in DEFAULTS else values

    @model_validator(mode="after")
    def _check_kind(self) -> Self:
        if (self.order is None) == (self.variant is None):
            given = "both" if self.order is not None else "neither"
            raise ValueError(
                f"{given} of order and variant given, must be one: order (grid, integer) is exact in integers, "
                "variant (xnor_net, bi_real_net) has full-precision shortcuts and is not exported"
            )
        exact = ("pad_pixel", "span", "shortcut_pool", "shortcut_channels", "positions")
        for key in (*exact, "fraction_bits", "residual_bits") if self.order is None else ():
            if getattr(self, key) is not None:
                raise ValueError(f"{key} goes with order, not with variant = {self.variant}; leave it out")
        if self.order is Order.INTEGER:
            for key in ("fraction_bits", "residual_bits"):
                if getattr(self, key) is not None:
                    raise ValueError(f"{key} goes with order grid; order integer adds the sums as they are")
            if self.positions is Positions.MEAN:
                raise ValueError("positions mean goes with order grid; order integer has bits there, use sum")
        return self

    @model_validator(mode="after")
    def _check_stages(self) -> Self:
        if len(self.blocks) != len(self.channels):
            raise ValueError(
                f"channels has {len(self.channels)} numbers and blocks {len(self.blocks)}; must be one a stage in both"
            )
        return self
