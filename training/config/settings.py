"""The sections of a configuration, key by key: types, ranges and defaults. ``config.load`` puts them together."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from training.config.layers import (
    ConvConfig,
    DenseConfig,
    FractionBits,
    Gives,
    LayerConfig,
    PoolConfig,
    ResidualBits,
    belongs_to_a_graph,
)
from training.config.residual import ResidualConfig
from training.config.section import Fraction, Integer, Section, Side
from training.data.sources.preparation import Preparation, pair


class PreActivation(StrEnum):
    """What comes between the batch norm and the shifted sign."""

    NONE = "none"
    RELU = "relu"
    LEAKY_RELU = "leaky_relu"
    PRELU = "prelu"


class Estimator(StrEnum):
    """The straight-through estimator: what stands in for the derivative of the sign."""

    CLIPPED_IDENTITY = "clipped_identity"
    APPROX_SIGN = "approx_sign"


class Optimizer(StrEnum):
    """The optimizer of the latent weights and of everything else that is learned."""

    ADAM = "adam"
    ADAMW = "adamw"
    SGD = "sgd"


class Schedule(StrEnum):
    """How the learning rate falls after the warm-up; cosine and linear end at zero."""

    CONSTANT = "constant"
    COSINE = "cosine"
    LINEAR = "linear"


class Loss(StrEnum):
    """What the training minimizes."""

    CROSS_ENTROPY = "cross_entropy"
    SQUARED_HINGE = "squared_hinge"


class Precision(StrEnum):
    """In what the steps of a training compute; parameters, statistics and evaluation are float32 in any case."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


class DataConfig(Section):
    """The data set.

    Attributes:
        name: one of ``askew data list``, or the path of an ``.npz`` or of a folder with ``train/CLASS/*.JPEG`` and
            ``val/CLASS/*.JPEG``.
        validation_fraction: the share of the training images that is held out and measured after each epoch. Where it
            is 0, `askew train` logs the test images' accuracy instead. They never steer anything: the last epoch's
            model is the result, whatever it says.
        train_limit: use this many training images only.
        resize: rescale a folder's images: a number makes the short side so long and keeps the ratio, [height, width] is
            exact. Left out, the pixels stay as they are in the files, which must then all have one size.
        crop: cut the middle out of a folder's images, a number or [height, width], behind ``resize``.
        channels: of a folder's images, 1 or 3. Left out, it is 1 where every file is grey, else 3.
    """

    name: Annotated[str, Field(min_length=1)]
    validation_fraction: Fraction = 0.0
    train_limit: Annotated[Integer, Field(ge=1)] | None = None
    resize: Side | tuple[Side, Side] | None = None
    crop: Side | tuple[Side, Side] | None = None
    channels: Literal[1, 3] | None = None

    @model_validator(mode="before")
    @classmethod
    def _check_replaced(cls, values: Any) -> Any:
        if isinstance(values, dict) and "image_size" in values:
            size = values["image_size"]
            wanted = f"resize = {round(size * 256 / 224)}, crop = {size}" if isinstance(size, int) else "resize, crop"
            raise ValueError(
                f"image_size is no longer a key; what it did is now {wanted} in [data] and augmentation = "
                "{ random_crop = true } in [training]; without them images stay as they are in their files"
            )
        return values

    @model_validator(mode="after")
    def _check_crop(self) -> Self:
        if isinstance(self.resize, int) and isinstance(self.crop, int) and self.crop > self.resize:
            raise ValueError(f"crop ({self.crop}) must be at most resize ({self.resize})")
        if isinstance(self.resize, tuple) and self.crop is not None:
            crop = pair(self.crop)
            if crop[0] > self.resize[0] or crop[1] > self.resize[1]:
                raise ValueError(f"crop {list(crop)} must be at most resize {list(self.resize)}")
        return self

    @property
    def preparation(self) -> Preparation:
        """What is done to a folder's images."""
        return Preparation(self.resize, self.crop, self.channels)


class Classifier(StrEnum):
    """How a graph comes from its last layer to the classes."""

    DENSE = "dense"
    SUM = "sum"


class NetworkConfig(Section):
    """The hidden layers; the binary weights to the classes are added by themselves.

    Attributes:
        input_bits: 1 (a pixel is compared with a threshold), 8 (the pixel itself), or between: its highest bits.
        input_threshold: for 1 bit, the share of full scale from which a pixel is +1.
        thermometer: in the place of input_bits: a pixel becomes so many bits, each +1 from a threshold of its own on,
            evenly spread; makes the layers a graph.
        layers: hidden layers in order: a chain, or a graph, where each may name the layers that it reads.
        fraction_bits: of a graph: the step of its grids is 2^-fraction_bits, unless a layer says otherwise.
        residual_bits: of a graph: bits of its grids, their sign included, unless a layer says otherwise.
        classifier: of a graph: dense (one weight a class for every value; left out: this) or sum (one a channel, and
            the sum over all positions).
        residual: a residual network, in the place of ``layers``.
    """

    input_bits: Annotated[Integer, Field(ge=1, le=8)] = 8
    input_threshold: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    thermometer: Annotated[Integer, Field(ge=2, le=255)] | None = None
    layers: tuple[LayerConfig, ...] = ()
    fraction_bits: FractionBits | None = None
    residual_bits: ResidualBits | None = None
    classifier: Classifier | None = None
    residual: ResidualConfig | None = None

    @model_validator(mode="after")
    def _check_residual(self) -> Self:
        if self.residual is None:
            return self
        if self.layers:
            raise ValueError("layers must be empty where there is a residual section, which describes all of them")
        for key in ("fraction_bits", "residual_bits", "classifier"):
            if getattr(self, key) is not None:
                raise ValueError(f"{key} belongs into the residual section here (classifier: positions)")
        if self.residual.order is not None:
            if self.input_bits == 1:
                raise ValueError("input_bits (1) must be 2 to 8 with a residual section, or use thermometer")
            if self.thermometer and self.residual.pad_pixel is not None:
                raise ValueError("residual.pad_pixel: with thermometer the stem's input is bits; pad_bit says how")
        elif self.input_bits != 8:
            raise ValueError(f"input_bits ({self.input_bits}) must be 8 where there is a residual section")
        elif self.thermometer is not None:
            raise ValueError("thermometer goes with residual.order, not with residual.variant; leave it out")
        return self

    @model_validator(mode="after")
    def _check_input(self) -> Self:
        if self.thermometer is not None and self.input_bits != 8:
            raise ValueError(f"thermometer takes the place of input_bits ({self.input_bits}); leave one of them out")
        return self

    @model_validator(mode="after")
    def _check_chain(self) -> Self:
        if self.is_graph or self.residual is not None:
            return self
        for key in ("fraction_bits", "residual_bits", "classifier"):
            if getattr(self, key) is not None:
                raise ValueError(f"{key} is of graphs, and these layers are a chain; leave it out")
        return self

    @property
    def is_graph(self) -> bool:
        """Whether ``layers`` are a graph, or what ``residual`` describes is one."""
        if self.residual is not None:
            return self.residual.order is not None
        return self.thermometer is not None or any(belongs_to_a_graph(layer) for layer in self.layers)

    @property
    def hidden_count(self) -> int:
        """Number of signs: of a chain, dense and convolutional hidden layers."""
        return sum(_has_sign(layer) for layer in self.layers)


def _has_sign(layer: Section) -> bool:
    if isinstance(layer, (ConvConfig, DenseConfig)):
        return layer.gives in {None, Gives.BITS}
    return not isinstance(layer, PoolConfig) and (
        hasattr(layer, "sign") or getattr(layer, "batch_norm", None) is Gives.BITS
    )


class HardtanhConfig(Section):
    """The full-precision twin: real weights, and clip(x - shift_x, -half_width, half_width) + shift_y for the sign.

    Shifted along x it is what a shifted threshold is to the sign; along y its outputs are unbalanced by themselves.
    Kim et al. (CVPR 2021) ask with such networks whether it is the lack of balance that helps.

    Attributes:
        shift_x: where its middle is.
        shift_y: what is added to its output.
        half_width: its output spans twice this.
    """

    shift_x: float = 0.0
    shift_y: float = 0.0
    half_width: Annotated[float, Field(gt=0.0, le=1000.0)] = 1.0


class ActivationConfig(Section):
    """What stands between an accumulator and its bit: batch norm, pre-activation, minus the shift, sign.

    Attributes:
        threshold_shift: a number, one a hidden layer, or "learned" (one a channel).
        learned_shift_start: where a learned shift starts.
        batch_norm_bias_start: where the batch norms' biases start; -t does what a shift of t does.
        pre_activation: none, relu, leaky_relu or prelu (one slope a channel).
        leaky_slope: slope below zero of leaky_relu, and where prelu starts.
        ste: clipped_identity or approx_sign.
        ste_half_width: the estimator lets gradients through where what the sign takes lies within +- this; unset: 1.
        hardtanh: makes the network its own full-precision twin; it trains, and cannot be exported.
    """

    threshold_shift: float | tuple[float, ...] | Literal["learned"] = 0.0
    learned_shift_start: float = 0.0
    batch_norm_bias_start: float = 0.0
    pre_activation: PreActivation = PreActivation.NONE
    leaky_slope: Annotated[float, Field(ge=0.0, le=1.0)] = 0.1
    ste: Estimator = Estimator.CLIPPED_IDENTITY
    ste_half_width: Annotated[float, Field(gt=0.0, le=1000.0)] | None = None
    hardtanh: HardtanhConfig | None = None

    @field_validator("ste_half_width", mode="after")
    @classmethod
    def _one_is_unset(cls, value: float | None) -> float | None:
        return None if value == 1.0 else value  # the same training has the same hash

    @field_validator("threshold_shift", mode="before")
    @classmethod
    def _check_shift(cls, value: Any) -> Any:
        numbers = value if isinstance(value, (list, tuple)) else [value]
        if value != "learned" and any(isinstance(n, bool) or not isinstance(n, (int, float)) for n in numbers):
            raise ValueError('must be a number, a list of numbers (one a hidden layer) or "learned"')
        return value

    @model_validator(mode="after")
    def _check_relu(self) -> Self:
        # relu gives nothing below 0, and sign(0) is +1: the output would always be +1
        starts = self.shifts if self.shifts is not None else (self.learned_shift_start,)
        if self.pre_activation is PreActivation.RELU and min(starts) <= 0:
            raise ValueError("pre_activation relu needs every threshold_shift above 0, or all outputs are +1")
        return self

    @model_validator(mode="after")
    def _check_hardtanh(self) -> Self:
        if self.hardtanh is not None and (self.shifts is None or any(self.shifts)):
            raise ValueError("hardtanh has no threshold: use hardtanh.shift_x in the place of threshold_shift")
        return self

    @property
    def shifts(self) -> tuple[float, ...] | None:
        """The fixed shifts that were given, or None where they are learned."""
        if isinstance(self.threshold_shift, str):
            return None
        return self.threshold_shift if isinstance(self.threshold_shift, tuple) else (self.threshold_shift,)


class AugmentationConfig(Section):
    """What happens to training images in the batch.

    Attributes:
        shift_pixels: move by up to so many pixels either way, padding with 0.
        flip: mirror left and right, for half of the images.
        rotate_degrees: turn about the middle by up to so much either way.
        zoom: enlarge or shrink by up to this share.
        random_crop: train on random parts of a folder's files (8 to 100 percent of the area, ratio 3/4 to 4/3), each
            resized to the size of the test images, as is usual for ImageNet. Nothing but ``flip`` goes with it.
    """

    shift_pixels: Annotated[Integer, Field(ge=0, le=64)] = 0
    flip: bool = False
    rotate_degrees: Annotated[float, Field(gt=0.0, le=180.0)] | None = None
    zoom: Annotated[float, Field(gt=0.0, lt=1.0)] | None = None
    random_crop: bool | None = None

    @model_validator(mode="after")
    def _check_random_crop(self) -> Self:
        for key in ("shift_pixels", "rotate_degrees", "zoom"):
            if self.random_crop and getattr(self, key):
                raise ValueError(f"{key}: must be left out with random_crop, which moves the images already")
        return self


class TrainingConfig(Section):
    """The training itself.

    Attributes:
        epochs: passes over the training images.
        batch_size: images a step, over all devices together.
        optimizer: adam, adamw or sgd.
        learning_rate: after the warm-up, before the schedule lowers it.
        schedule: how the learning rate falls after the warm-up: constant, cosine or linear, both of these to 0.
        warmup_epochs: the learning rate climbs linearly from 0 for so long.
        hold_epochs: then it stays for so long before the schedule lowers it. Until its end a training does not depend
            on ``epochs``: what follows can be chosen late.
        momentum: of SGD.
        weight_decay: pulls the matrices' weights, latent or real, towards 0 (adam: as L2 loss; adamw: decoupled).
        loss: cross_entropy or squared_hinge.
        dropout: share of hidden activations that is dropped while training.
        input_dropout: share of inputs that is dropped while training.
        label_smoothing: of the cross entropy.
        weight_start: latent weights start uniformly within +- this; they stay within +-1.
        augmentation: what happens to training images; left out, nothing.
        precision: float32 or bfloat16, of activations and their gradients while training; "auto" or unset: bfloat16
            for networks with convolutions on a CPU that computes in it, float32 elsewhere.
        seed: everything random follows from it and the epoch.
    """

    epochs: Annotated[Integer, Field(ge=1, le=1_000_000)] = 20
    batch_size: Annotated[Integer, Field(ge=1, le=1_000_000)] = 256
    optimizer: Optimizer = Optimizer.ADAM
    learning_rate: Annotated[float, Field(gt=0.0, le=1000.0)] = 0.01
    schedule: Schedule = Schedule.COSINE
    warmup_epochs: Annotated[float, Field(ge=0.0)] = 0.0
    hold_epochs: Annotated[float, Field(ge=0.0)] | None = None
    momentum: Fraction = 0.9
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.0
    loss: Loss = Loss.CROSS_ENTROPY
    label_smoothing: Fraction = 0.0
    dropout: Fraction = 0.0
    input_dropout: Fraction = 0.0
    weight_start: Annotated[float, Field(gt=0.0, le=1.0)] = 0.1
    augmentation: AugmentationConfig = AugmentationConfig()
    precision: Precision | None = None
    seed: Annotated[Integer, Field(ge=0, lt=2**31)] = 0

    @field_validator("precision", mode="before")
    @classmethod
    def _auto_is_unset(cls, value: Any) -> Any:
        return None if value == "auto" else value
