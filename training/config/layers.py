"""The layers that ``network.layers`` may hold: those of a chain, and those of which a graph is made besides.

A chain is a list of dense, conv and pool. As soon as one layer has a key that only graphs have (``input``, ``gives``, a
kind of its own), the list is a graph: each layer reads the one above it, or those that it names.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Discriminator, Field, Tag

from training.config.section import MAX_WIDTH, Integer, Margin, Name, Section, Step, Width

Names = Annotated[tuple[Name, ...], Field(min_length=2, max_length=64)]
FractionBits = Annotated[Integer, Field(ge=0, le=16)]
ResidualBits = Annotated[Integer, Field(ge=2, le=16)]


class PoolPosition(StrEnum):
    """Where a max pool stands in its stage."""

    BEFORE_ACTIVATION = "before_activation"
    AFTER_ACTIVATION = "after_activation"


class Gives(StrEnum):
    """What a layer of a graph makes of its sums."""

    BITS = "bits"
    GRID = "grid"
    INTEGERS = "integers"


class DenseConfig(Section):
    """``{dense = WIDTH}``: every output sees every input.

    Attributes:
        dense: outputs.
        name: instead of the automatic ``fc1``, ``fc2``...
        input: in a graph, the layer that it reads, or "input" for the image; left out, the one above.
        gives: in a graph, bits (batch norm, shift, sign; as in a chain), grid (batch norm, rounded to a grid) or
            integers (the sums themselves); left out, bits.
        fraction_bits: of a grid: its step is 2^-fraction_bits; left out, the network's.
        residual_bits: of a grid: it saturates at -2^(residual_bits - 1) steps and one below the opposite; left out,
            the network's.
    """

    dense: Width
    name: Name | None = None
    input: Name | None = None
    gives: Gives | None = None
    fraction_bits: FractionBits | None = None
    residual_bits: ResidualBits | None = None


class ConvConfig(Section):
    """``{conv = CHANNELS}``: a convolution with a square or (vertical, horizontal) kernel.

    Attributes:
        conv: output channels.
        kernel: window size.
        stride: window step.
        padding: rows and columns added on every side.
        pad_bit: what a padded position reads as where the input is binary: 0 for -1, 1 for +1. Bipolar has no 0,
            so it must be said wherever there is padding.
        pad_pixel: the same where the input is pixels, 0..255; of fewer bits, its highest are taken as of any pixel.
        name: instead of the automatic ``conv1``, ``conv2``...
        input: in a graph, the layer that it reads, or "input" for the image; left out, the one above.
        gives: in a graph, bits (batch norm, shift, sign; as in a chain), grid (batch norm, rounded to a grid) or
            integers (the sums themselves); left out, bits.
        fraction_bits: of a grid: its step is 2^-fraction_bits; left out, the network's.
        residual_bits: of a grid: it saturates at -2^(residual_bits - 1) steps and one below the opposite; left out,
            the network's.
    """

    conv: Width
    kernel: Step | tuple[Step, Step] = 3
    stride: Step | tuple[Step, Step] = 1
    padding: Margin | tuple[Margin, Margin] = 0
    pad_bit: Literal[0, 1] | None = None
    pad_pixel: Annotated[Integer, Field(ge=0, le=255)] | None = None
    name: Name | None = None
    input: Name | None = None
    gives: Gives | None = None
    fraction_bits: FractionBits | None = None
    residual_bits: ResidualBits | None = None


class PoolConfig(Section):
    """``{pool = SIZE}``: a max pool; in a chain, behind a convolution, before or after its activation.

    Attributes:
        pool: window size.
        stride: window step; left out, the window size.
        position: before_activation or after_activation; not in a graph, where a pool stands behind what it reads.
        padding: rows and columns added on every side, which never are the maximum; in a graph alone.
        name: instead of the automatic ``pool1``, ``pool2``...
        input: in a graph, the layer that it reads; left out, the one above.
    """

    pool: Step | tuple[Step, Step]
    stride: Step | tuple[Step, Step] | None = None
    position: PoolPosition = PoolPosition.AFTER_ACTIVATION
    padding: Margin | tuple[Margin, Margin] | None = None
    name: Name | None = None
    input: Name | None = None


class AddConfig(Section):
    """``{add = [NAME, NAME, ...]}``: the sum of integers of one shape and grid.

    Attributes:
        add: the layers that are added.
        name: instead of the automatic ``add1``, ``add2``...
    """

    add: Names
    name: Name | None = None


class ConcatenateConfig(Section):
    """``{concatenate = [NAME, NAME, ...]}``: the channels of one behind the channels of the other.

    Attributes:
        concatenate: the layers, all bits or all integers of one grid; one that is named twice is repeated.
        name: instead of the automatic ``concatenate1``, ``concatenate2``...
    """

    concatenate: Names
    name: Name | None = None


class SignConfig(Section):
    """``{sign = true}``: the pre-activation, minus the shift, sign: integers to bits, without a batch norm.

    Attributes:
        sign: true.
        name: instead of the automatic ``sign1``, ``sign2``...
        input: the layer that it reads; left out, the one above.
    """

    sign: Literal[True]
    name: Name | None = None
    input: Name | None = None


class BatchNormConfig(Section):
    """``{batch_norm = "bits"}`` or ``{batch_norm = "grid"}``: a batch norm of integers, and the sign or the grid.

    Attributes:
        batch_norm: what it gives: bits (shifted and signed) or grid (rounded to a grid).
        name: instead of the automatic ``norm1``, ``norm2``...
        input: the layer that it reads; left out, the one above.
        fraction_bits: of a grid: its step is 2^-fraction_bits; left out, the network's.
        residual_bits: of a grid: it saturates at -2^(residual_bits - 1) steps and one below the opposite; left out,
            the network's.
    """

    batch_norm: Literal[Gives.BITS, Gives.GRID]
    name: Name | None = None
    input: Name | None = None
    fraction_bits: FractionBits | None = None
    residual_bits: ResidualBits | None = None


class AveragePoolConfig(Section):
    """``{average_pool = SIZE}``: the mean of a window of integers, rounded to their own grid, halves upwards.

    Attributes:
        average_pool: window size.
        stride: window step; left out, the window size.
        name: instead of the automatic ``average1``, ``average2``...
        input: the layer that it reads; left out, the one above.
    """

    average_pool: Step | tuple[Step, Step]
    stride: Step | tuple[Step, Step] | None = None
    name: Name | None = None
    input: Name | None = None


class PadChannelsConfig(Section):
    """``{pad_channels = [BEFORE, AFTER]}``: so many channels of zeros around those of integers.

    Attributes:
        pad_channels: how many before, and how many after.
        name: instead of the automatic ``pad1``, ``pad2``...
        input: the layer that it reads; left out, the one above.
    """

    pad_channels: tuple[
        Annotated[Integer, Field(ge=0, le=MAX_WIDTH)],
        Annotated[Integer, Field(ge=0, le=MAX_WIDTH)],
    ]
    name: Name | None = None
    input: Name | None = None


LAYER_MODELS: dict[str, type[Section]] = {
    "dense": DenseConfig,
    "conv": ConvConfig,
    "pool": PoolConfig,
    "add": AddConfig,
    "concatenate": ConcatenateConfig,
    "sign": SignConfig,
    "batch_norm": BatchNormConfig,
    "average_pool": AveragePoolConfig,
    "pad_channels": PadChannelsConfig,
}
GRAPH_KEYS = ("input", "gives", "padding", "fraction_bits", "residual_bits")  # padding: a pool's


def _layer_kind(layer: Any) -> str | None:
    if isinstance(layer, BaseModel):
        return next((kind for kind in LAYER_MODELS if hasattr(layer, kind)), None)
    return next((kind for kind in LAYER_MODELS if isinstance(layer, dict) and kind in layer), None)


LayerConfig = Annotated[
    Annotated[DenseConfig, Tag("dense")]
    | Annotated[ConvConfig, Tag("conv")]
    | Annotated[PoolConfig, Tag("pool")]
    | Annotated[AddConfig, Tag("add")]
    | Annotated[ConcatenateConfig, Tag("concatenate")]
    | Annotated[SignConfig, Tag("sign")]
    | Annotated[BatchNormConfig, Tag("batch_norm")]
    | Annotated[AveragePoolConfig, Tag("average_pool")]
    | Annotated[PadChannelsConfig, Tag("pad_channels")],
    Discriminator(
        _layer_kind,
        custom_error_type="layer_kind",
        custom_error_message=f"a layer needs one of the keys {', '.join(LAYER_MODELS)}",
    ),
]


def belongs_to_a_graph(layer: Section) -> bool:
    """Whether a chain cannot have this layer."""
    if not isinstance(layer, (DenseConfig, ConvConfig, PoolConfig)):
        return True
    keys = GRAPH_KEYS if not isinstance(layer, ConvConfig) else tuple(key for key in GRAPH_KEYS if key != "padding")
    return any(getattr(layer, key, None) is not None for key in keys)
