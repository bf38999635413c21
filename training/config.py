"""What is trained, and how: a TOML file checked key by key, frozen, hashed and written back in full.

The shipped files are in ``training/configs``. Every key has its default here, so that this file is their reference.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import tomli_w
from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    PrivateAttr,
    Strict,
    Tag,
    ValidationError,
    field_validator,
    model_validator,
)

from bnn.errors import UserError

CONFIG_FOLDER = Path(__file__).parent / "configs"

MAX_WIDTH = 65_536  # outputs of one layer; far above every binary network that was published

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=64)]
Integer = Annotated[int, Strict()]
Width = Annotated[Integer, Field(ge=1, le=MAX_WIDTH)]
Step = Annotated[Integer, Field(ge=1, le=64)]
Margin = Annotated[Integer, Field(ge=0, le=63)]
Fraction = Annotated[float, Field(ge=0.0, lt=1.0)]


class ConfigError(UserError):
    """A configuration that cannot be used. The message names the file and the key."""


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


class PoolPosition(StrEnum):
    """Where a max pool stands in its stage."""

    BEFORE_ACTIVATION = "before_activation"
    AFTER_ACTIVATION = "after_activation"


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


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, allow_inf_nan=False)


class DataConfig(_Section):
    """The data set.

    Attributes:
        name: one of ``askew data list``, or the path of an ``.npz``.
        validation_fraction: the share of the training images that is held out and measured after each epoch. The test
            images are measured once, at the end, and never steer anything.
        train_limit: use this many training images only.
    """

    name: Annotated[str, Field(min_length=1)]
    validation_fraction: Fraction = 0.0
    train_limit: Annotated[Integer, Field(ge=1)] | None = None


class DenseConfig(_Section):
    """``{dense = WIDTH}``: every output sees every input."""

    dense: Width
    name: Name | None = None


class ConvConfig(_Section):
    """``{conv = CHANNELS}``: a convolution with a square or (vertical, horizontal) kernel.

    Attributes:
        conv: output channels.
        kernel: window size.
        stride: window step.
        padding: rows and columns added on every side.
        pad_bit: what a padded position reads as where the input is binary: 0 for -1, 1 for +1. Bipolar has no 0,
            so it must be said wherever there is padding.
        pad_pixel: the same where the input is 8-bit pixels.
        name: instead of the automatic ``conv1``, ``conv2``...
    """

    conv: Width
    kernel: Step | tuple[Step, Step] = 3
    stride: Step | tuple[Step, Step] = 1
    padding: Margin | tuple[Margin, Margin] = 0
    pad_bit: Literal[0, 1] | None = None
    pad_pixel: Annotated[Integer, Field(ge=0, le=255)] | None = None
    name: Name | None = None


class PoolConfig(_Section):
    """``{pool = SIZE}``: a max pool behind the convolution that it follows, before or after its activation."""

    pool: Step | tuple[Step, Step]
    stride: Step | tuple[Step, Step] | None = None
    position: PoolPosition = PoolPosition.AFTER_ACTIVATION
    name: Name | None = None


LAYER_KINDS = ("dense", "conv", "pool")


def _layer_kind(layer: Any) -> str | None:
    if isinstance(layer, BaseModel):
        return next((kind for kind in LAYER_KINDS if hasattr(layer, kind)), None)
    return next((kind for kind in LAYER_KINDS if isinstance(layer, dict) and kind in layer), None)


LayerConfig = Annotated[
    Annotated[DenseConfig, Tag("dense")] | Annotated[ConvConfig, Tag("conv")] | Annotated[PoolConfig, Tag("pool")],
    Discriminator(
        _layer_kind,
        custom_error_type="layer_kind",
        custom_error_message="a layer needs one of the keys dense, conv and pool",
    ),
]


class NetworkConfig(_Section):
    """The hidden layers; the dense layer to the classes is added by itself.

    Attributes:
        input_bits: 1 (a pixel is compared with a threshold) or 8 (the pixel itself).
        input_threshold: for 1 bit, the share of full scale from which a pixel is +1.
        layers: hidden layers in order.
    """

    input_bits: Literal[1, 8] = 8
    input_threshold: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    layers: tuple[LayerConfig, ...] = ()

    @property
    def hidden_count(self) -> int:
        """Number of activations: dense and convolutional hidden layers."""
        return sum(not isinstance(layer, PoolConfig) for layer in self.layers)


class ActivationConfig(_Section):
    """What stands between an accumulator and its bit: batch norm, pre-activation, minus the shift, sign.

    Attributes:
        threshold_shift: a number, one a hidden layer, or "learned" (one a channel).
        learned_shift_start: where a learned shift starts.
        batch_norm_bias_start: where the batch norms' biases start; -t does what a shift of t does.
        pre_activation: none, relu, leaky_relu or prelu (one slope a channel).
        leaky_slope: slope below zero of leaky_relu, and where prelu starts.
        ste: clipped_identity or approx_sign.
    """

    threshold_shift: float | tuple[float, ...] | Literal["learned"] = 0.0
    learned_shift_start: float = 0.0
    batch_norm_bias_start: float = 0.0
    pre_activation: PreActivation = PreActivation.NONE
    leaky_slope: Annotated[float, Field(ge=0.0, le=1.0)] = 0.1
    ste: Estimator = Estimator.CLIPPED_IDENTITY

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

    @property
    def shifts(self) -> tuple[float, ...] | None:
        """The fixed shifts that were given, or None where they are learned."""
        if isinstance(self.threshold_shift, str):
            return None
        return self.threshold_shift if isinstance(self.threshold_shift, tuple) else (self.threshold_shift,)


class AugmentationConfig(_Section):
    """What happens to training images in the batch.

    Attributes:
        shift_pixels: move by up to so many pixels either way, padding with 0.
        flip: mirror left and right, for half of the images.
    """

    shift_pixels: Annotated[Integer, Field(ge=0, le=64)] = 0
    flip: bool = False


class TrainingConfig(_Section):
    """The training itself.

    Attributes:
        epochs: passes over the training images.
        batch_size: images a step, over all devices together.
        learning_rate: after the warm-up, before the schedule lowers it.
        warmup_epochs: the learning rate climbs linearly from 0 for so long.
        momentum: of SGD.
        weight_decay: pulls latent weights towards 0 (adam: as L2 loss; adamw: decoupled).
        dropout: share of hidden activations that is dropped while training.
        input_dropout: share of inputs that is dropped while training.
        label_smoothing: of the cross entropy.
        weight_start: latent weights start uniformly within +- this; they stay within +-1.
        seed: everything random follows from it and the epoch.
    """

    epochs: Annotated[Integer, Field(ge=1, le=1_000_000)] = 20
    batch_size: Annotated[Integer, Field(ge=1, le=1_000_000)] = 256
    optimizer: Optimizer = Optimizer.ADAM
    learning_rate: Annotated[float, Field(gt=0.0, le=1000.0)] = 0.01
    schedule: Schedule = Schedule.COSINE
    warmup_epochs: Annotated[float, Field(ge=0.0)] = 0.0
    momentum: Fraction = 0.9
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.0
    loss: Loss = Loss.CROSS_ENTROPY
    label_smoothing: Fraction = 0.0
    dropout: Fraction = 0.0
    input_dropout: Fraction = 0.0
    weight_start: Annotated[float, Field(gt=0.0, le=1.0)] = 0.1
    augmentation: AugmentationConfig = AugmentationConfig()
    seed: Annotated[Integer, Field(ge=0, lt=2**31)] = 0


class Config(_Section):
    """A whole configuration. Two are the same when their hashes are."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=100)]
    data: DataConfig
    network: NetworkConfig
    activation: ActivationConfig = ActivationConfig()
    training: TrainingConfig = TrainingConfig()

    _source: str = PrivateAttr(default="config")

    @model_validator(mode="after")
    def _check_shift_count(self) -> Self:
        shift = self.activation.threshold_shift
        if isinstance(shift, tuple) and len(shift) != self.network.hidden_count:
            raise ValueError(
                f"activation.threshold_shift: {len(shift)} numbers, must be one for each of the "
                f"{self.network.hidden_count} hidden layers"
            )
        return self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Config) and self.hash == other.hash

    def __hash__(self) -> int:
        return int(self.hash[:15], 16)

    @property
    def source(self) -> str:
        """The file that it came from, for messages."""
        return self._source

    @property
    def hash(self) -> str:
        """SHA-256 of every setting, as 64 hexadecimal digits."""
        return _hash(self.settings())

    @property
    def model_hash(self) -> str:
        """SHA-256 of what decides the model's structure: its network and activations."""
        settings = self.settings()
        return _hash({key: settings[key] for key in ("network", "activation")})

    def settings(self) -> dict[str, Any]:
        """Every setting, defaults included, as plain values; what is unset is left out."""
        return self.model_dump(mode="json", exclude_none=True)

    def to_toml(self) -> str:
        """Every setting, defaults included, as TOML that ``load_config`` reads back to the same configuration."""
        return tomli_w.dumps(self.settings())

    def with_overrides(self, overrides: Sequence[str]) -> Config:
        """The same with ``section.key=value`` settings; ConfigError as from ``load_config``."""
        return parse_config(self.settings(), self.source, overrides)


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> Config:
    """Read a TOML file, or a shipped configuration by its name, and put ``section.key=value`` settings on top.

    Values are TOML; what TOML does not read is taken as a string.

    Raises:
        ConfigError: file missing or not TOML; a key unknown, missing, of the wrong type or out of range.
    """
    shipped = CONFIG_FOLDER / f"{path}.toml"
    path = shipped if not Path(path).exists() and shipped.exists() else Path(path)
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        names = ", ".join(sorted(file.stem for file in CONFIG_FOLDER.glob("*.toml")))
        raise ConfigError(f"{path}: no such config file; give a TOML file or one of {names}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: is not TOML: {error}") from None
    return parse_config(settings, str(path), overrides)


def parse_config(settings: dict[str, Any], source: str, overrides: Sequence[str] = ()) -> Config:
    """A configuration from plain values; ``source`` is what errors call their origin."""
    overridden = {}
    for override in overrides:
        key, value = _split_override(override)
        overridden[key] = override
        settings = _with_setting(settings, key.split("."), value, override)
    try:
        config = Config.model_validate(settings)
    except ValidationError as error:
        raise ConfigError(_describe(error, source, overridden)) from None
    config._source = source
    return config


def _hash(settings: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(settings, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _split_override(override: str) -> tuple[str, Any]:
    key, equals, text = override.partition("=")
    key = key.strip()
    if not equals or not all(part.isidentifier() for part in key.split(".")):
        raise ConfigError(f"--set {override}: must be section.key=value, such as training.epochs=5")
    try:
        return key, tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return key, text.strip()


def _with_setting(settings: dict[str, Any], keys: list[str], value: Any, override: str) -> dict[str, Any]:
    if len(keys) == 1:
        return {**settings, keys[0]: value}
    section = settings.get(keys[0], {})
    if not isinstance(section, dict):
        raise ConfigError(f"--set {override}: {keys[0]} is a value, not a section")
    return {**settings, keys[0]: _with_setting(section, keys[1:], value, override)}


def _describe(error: ValidationError, source: str, overridden: dict[str, str]) -> str:
    """The most telling of pydantic's complaints as one line that names the origin and the key."""
    # a typo explains the rest; of a union's branches, the one that got furthest was meant
    complaint = min(error.errors(), key=lambda one: (one["type"] != "extra_forbidden", -len(one["loc"])))
    location = _location(complaint["loc"])
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")
    origin = next((f"--set {text}" for name, text in overridden.items() if f"{key}.".startswith(f"{name}.")), source)
    if complaint["type"] == "extra_forbidden":
        known = _known_keys(complaint["loc"][:-1])
        nearest = get_close_matches(str(location[-1]), known, 1, 0.6)
        advice = f"did you mean {nearest[0]}?" if nearest else f"the keys here are {', '.join(known)}"
        return f"{origin}: unknown key {key}; {advice}"
    if complaint["type"] == "missing":
        return f"{origin}: key {key} is missing"
    message = complaint["msg"].removeprefix("Value error, ").removeprefix("Input ")
    given = complaint["input"]
    shown = f" (given: {given!r})" if isinstance(given, (str, int, float, bool)) else ""
    return f"{origin}: {key}: {message}{shown}" if key else f"{origin}: {message}"


def _location(location: tuple[int | str, ...]) -> list[int | str]:
    """Where a complaint is, without what pydantic adds to say which branch of a union it tried."""
    kept: list[int | str] = []
    for index, part in enumerate(location):
        is_last = index == len(location) - 1
        is_tag = bool(kept) and isinstance(kept[-1], int) and part in LAYER_KINDS and not is_last
        is_branch = isinstance(part, str) and (not part.isidentifier() or part in {"int", "float", "tuple"})
        if not is_tag and not is_branch:
            kept.append(part)
    return kept


def _known_keys(location: Iterable[int | str]) -> list[str]:
    """The keys of the section at ``location``."""
    section: type[BaseModel] = Config
    models = {"data": DataConfig, "network": NetworkConfig, "activation": ActivationConfig, "training": TrainingConfig}
    layer_models = {"dense": DenseConfig, "conv": ConvConfig, "pool": PoolConfig}
    for part in location:
        if part == "augmentation":
            section = AugmentationConfig
        elif isinstance(part, str):
            section = models.get(part) or layer_models.get(part) or section
    return list(section.model_fields)
