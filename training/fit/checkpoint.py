"""The files of a training: a checkpoint an epoch, from which it resumes, and the finished model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from bnn.errors import UserError
from bnn.files import atomic_path
from bnn.readers import door, parse_toml
from bnn.values import Shape
from bnn.version import VERSION
from training.config.load import Config
from training.config.section import MAX_WIDTH
from training.fit.torch_file import read_torch
from training.networks.build import build_network, count_weights
from training.networks.models import BinaryNetwork
from training.networks.network import TrainableNetwork

FORMAT = 1
KEPT_EPOCHS = 2  # the last, and the one before in case the disk damages the last
MAX_SIZE = 1 << 16  # of an image, or of its channels

Size = Annotated[int, Field(ge=1, le=MAX_SIZE)]
Tensors = dict[str, Tensor]


class _Content(BaseModel):
    """What a file of ours holds; keys beyond that pass."""

    model_config = ConfigDict(strict=True, arbitrary_types_allowed=True)


class _Result(_Content):
    test_accuracy: Annotated[float, Field(ge=0, le=1)]
    history: Annotated[list[dict[str, float]], Field(min_length=1)]
    resumed_from_epoch: Annotated[int, Field(ge=0)]


class _Trained(_Content):
    format: Literal[1]
    config: str
    config_hash: str
    model_hash: str
    shape: Annotated[list[Size], Field(min_length=3, max_length=3)]
    classes: Annotated[int, Field(ge=1, le=MAX_WIDTH)]
    state: Tensors
    result: _Result


class _Progress(_Content):
    epochs: Annotated[int, Field(ge=1)]
    config: str
    config_hash: str
    world_size: Annotated[int, Field(ge=1)]
    threads: Annotated[int, Field(ge=1)]
    history: Annotated[list[dict[str, float]], Field(min_length=1)]


class _Epoch(_Content):
    askew: _Progress
    epoch: Annotated[int, Field(ge=0)]
    global_step: Annotated[int, Field(ge=0)]
    state_dict: Tensors
    optimizer_states: list[dict[str, Any]]
    lr_schedulers: list[dict[str, Any]]
    loops: dict[str, Any]


class CheckpointError(UserError):
    """A checkpoint that is damaged, or belongs to something else."""


def save_trained(path: Path, model: TrainableNetwork, config: Config, result: dict[str, Any]) -> None:
    """Write the finished model with the configuration that made it, atomically."""
    content = {
        "format": FORMAT,
        "askew_version": VERSION,
        "config": config.to_toml(),
        "config_hash": config.hash,
        "model_hash": config.model_hash,
        "shape": list(model.shape),
        "classes": model.classes,
        "state": {name: tensor.detach().cpu() for name, tensor in model.state_dict().items()},
        "result": result,
    }
    with atomic_path(path) as temporary:
        torch.save(content, temporary)


def load_trained(path: Path, config: Config) -> TrainableNetwork:
    """The finished model on the CPU, in evaluation mode.

    Raises:
        CheckpointError: missing, damaged, of a newer format, or of a model that ``config`` does not describe.
    """
    content = read_trained(path)
    if content["model_hash"] != config.model_hash:
        raise CheckpointError(f"{path}: checkpoint of another model: {difference(content['config'], config, MODEL)}")
    with door(path, "checkpoint does not fit the model", "train again", CheckpointError):
        shape, classes = tuple(content["shape"]), content["classes"]
        _check_size(config, shape, classes, content["state"])
        model = build_network(config, shape, classes)
        model.load_state_dict(content["state"])
        for name, tensor in model.state_dict().items():  # PyTorch itself converts one type or shape into another
            given = content["state"][name]
            if (given.dtype, given.shape) != (tensor.dtype, tensor.shape):
                raise ValueError(f"{name} is {given.dtype} {tuple(given.shape)}, must be {tensor.dtype}")
    return model.eval()


def _check_size(config: Config, shape: Shape, classes: int, state: Tensors) -> None:
    """Refuse a shape or classes that would make a larger model than the weights that are there, before it is made."""
    stated, there = count_weights(config, shape, classes), sum(tensor.numel() for tensor in state.values())
    if stated > there:
        raise ValueError(f"images {shape} and {classes} classes make {stated:,} weights, it has {there:,}")


def load_exportable(path: Path, config: Config) -> TrainableNetwork:
    """The same of a model that the integer network can hold.

    Raises:
        CheckpointError: as for ``load_trained``.
        UserError: the integer network cannot hold it.
    """
    model = load_trained(path, config)
    if model.refusal is not None:
        raise UserError(f"{path}: {model.refusal}")
    return model


def load_binary(path: Path, config: Config) -> BinaryNetwork:
    """The same of a chain of layers; UserError for a graph."""
    model = load_exportable(path, config)
    if not isinstance(model, BinaryNetwork):
        raise UserError(f"{path}: its layers are a graph, this is for chains of dense, conv and pool layers")
    return model


def read_trained(path: Path) -> dict[str, Any]:
    """The content of a finished model's file; CheckpointError where missing, damaged or newer."""
    if not path.exists():
        raise CheckpointError(f"{path}: no trained model; run `askew train` first")
    content = _load(path)
    if content is not None and isinstance(content.get("format"), int) and content["format"] > FORMAT:
        raise CheckpointError(f"{path}: format {content['format']}, this version reads {FORMAT}; update Askew")
    if content is None or not _is(_Trained, content):
        raise CheckpointError(f"{path}: damaged, or no checkpoint of Askew; delete it and train again")
    return content


def epoch_path(folder: Path, epochs_done: int) -> Path:
    """Where the checkpoint behind so many whole epochs lies."""
    return folder / f"epoch-{epochs_done:06d}.ckpt"


def latest_epoch(folder: Path) -> tuple[Path, dict[str, Any]] | None:
    """The newest epoch checkpoint that can be read, and its content; None where there is none."""
    for path in sorted(folder.glob("epoch-*.ckpt"), reverse=True):
        content = _load(path)
        if content is None or not _is(_Epoch, content):
            continue
        if path == epoch_path(folder, content["askew"]["epochs"]):
            return path, content
    return None


def forget_old_epochs(folder: Path) -> None:
    """Delete all but the newest epoch checkpoints, and what a killed process left half-written."""
    for path in [*sorted(folder.glob("epoch-*.ckpt"))[:-KEPT_EPOCHS], *folder.glob(".epoch-*.tmp.ckpt")]:
        path.unlink(missing_ok=True)


MODEL = ("network", "activation")


def difference(toml: str, config: Config, sections: tuple[str, ...] | None = None) -> str:
    """The first setting in which a checkpoint's configuration differs from this one, in words."""
    theirs, ours = _flat(parse_toml(toml, "its config", CheckpointError)), _flat(config.settings())
    for key in sorted({*theirs, *ours}):
        if theirs.get(key) != ours.get(key) and (sections is None or key.split(".")[0] in sections):
            return f"{key} is {_shown(theirs, key)} there and {_shown(ours, key)} in the config"
    return "it was made by another version of the config"


def _shown(settings: dict[str, Any], key: str) -> str:
    text = repr(settings[key]) if key in settings else "unset"
    return text if len(text) <= 80 else f"{text[:77]}..."


def _flat(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat = {}
    for key, value in settings.items():
        flat.update(_flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value})
    return flat


def _load(path: Path) -> dict[str, Any] | None:
    try:
        with door(path, "damaged", "train again", CheckpointError):
            return read_torch(path)
    except (CheckpointError, OSError):
        return None


def _is(model: type[_Content], content: dict[str, Any]) -> bool:
    try:
        model.model_validate(content)
    except ValidationError:
        return False
    return True


def network_state(content: dict[str, Any]) -> dict[str, Tensor]:
    """The network's part of an epoch checkpoint."""
    prefix = "network."
    return {name.removeprefix(prefix): t for name, t in content["state_dict"].items() if name.startswith(prefix)}
