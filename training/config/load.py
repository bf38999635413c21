"""What is trained, and how: a TOML file checked key by key, frozen, hashed and written back in full.

The shipped files are in ``training/configs``; ``training.config.settings`` describes every key and its default.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Self

import tomli_w
from pydantic import Field, PrivateAttr, ValidationError, model_validator

from bnn.errors import UserError
from bnn.readers import door, parse_toml, read_toml
from training.config.complaints import describe
from training.config.section import Section
from training.config.settings import ActivationConfig, DataConfig, NetworkConfig, TrainingConfig

CONFIG_FOLDER = Path(__file__).parent.parent / "configs"


class ConfigError(UserError):
    """A configuration that cannot be used. The message names the file and the key."""


class Config(Section):
    """A whole configuration. Two are the same when their hashes are.

    Attributes:
        name: what the network is called in logs and reports.
        data: the images.
        network: its layers.
        activation: what makes a bit of an accumulator.
        training: how it is trained.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=100)]
    data: DataConfig
    network: NetworkConfig
    activation: ActivationConfig = ActivationConfig()
    training: TrainingConfig = TrainingConfig()

    _source: str = PrivateAttr(default="config")

    @model_validator(mode="after")
    def _check_residual(self) -> Self:
        if self.network.residual is None:
            return self._check_graph()
        if isinstance(self.activation.threshold_shift, tuple):
            raise ValueError('activation.threshold_shift: must be a number or "learned" with network.residual')
        if self.activation.hardtanh is not None:
            raise ValueError("activation.hardtanh: there is no full-precision twin of network.residual; leave it out")
        for key in ("dropout", "input_dropout"):
            if getattr(self.training, key):
                raise ValueError(f"training.{key}: must be 0 with network.residual")
        return self

    def _check_graph(self) -> Self:
        """Chains have everything; graphs neither a twin nor dropout."""
        if self.network.is_graph and self.activation.hardtanh is not None:
            raise ValueError("activation.hardtanh: there is no full-precision twin of a graph; leave it out")
        for key in ("dropout", "input_dropout"):
            if self.network.is_graph and getattr(self.training, key):
                raise ValueError(f"training.{key}: must be 0 where network.layers are a graph")
        return self

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
        settings = read_toml(path, ConfigError)
    except FileNotFoundError:
        names = ", ".join(sorted(file.stem for file in CONFIG_FOLDER.glob("*.toml")))
        raise ConfigError(f"{path}: no such config file; give a TOML file or one of {names}") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None
    return parse_config(settings, str(path), overrides)


def parse_config(settings: dict[str, Any], source: str, overrides: Sequence[str] = ()) -> Config:
    """A configuration from plain values; ``source`` is what errors call their origin."""
    overridden = {}
    for override in overrides:
        key, value = _split_override(override)
        overridden[key] = override
        settings = _with_setting(settings, key.split("."), value, override)
    with door(source, "cannot be used", "correct it", ConfigError):
        try:
            config = Config.model_validate(settings)
        except ValidationError as error:
            raise ConfigError(describe(error, Config, source, overridden)) from None
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
        return key, parse_toml(f"value = {text}", f"--set {override}", ConfigError)["value"]
    except ConfigError:
        return key, text.strip()


def _with_setting(settings: dict[str, Any], keys: list[str], value: Any, override: str) -> dict[str, Any]:
    if len(keys) == 1:
        return {**settings, keys[0]: value}
    section = settings.get(keys[0], {})
    if not isinstance(section, dict):
        raise ConfigError(f"--set {override}: {keys[0]} is a value, not a section")
    return {**settings, keys[0]: _with_setting(section, keys[1:], value, override)}
