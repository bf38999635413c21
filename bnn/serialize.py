"""One network in one ``.npz`` file: versioned, hashed, refused when damaged or newer than this program."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn.errors import UserError
from bnn.files import atomic_path
from bnn.network import ConvLayer, DenseLayer, InputEncoding, Layer, MaxPoolLayer, Network
from bnn.readers import door, parse_json, read_npz

FORMAT = "askew-network"
VERSION = 1
HEADER = "header"
MAX_ELEMENTS = 1 << 28  # of one activation; more cannot be simulated

_LAYER_TYPES: dict[str, type[DenseLayer | ConvLayer | MaxPoolLayer]] = {
    DenseLayer.kind: DenseLayer,
    ConvLayer.kind: ConvLayer,
    MaxPoolLayer.kind: MaxPoolLayer,
}


class NetworkFileError(UserError):
    """A file that is not a whole network file of a version that this program reads."""


def save_network(network: Network, path: Path) -> None:
    """Write ``network`` to ``path`` atomically; OSError where the disk is full or not writable."""
    description, arrays = network.describe()
    header = {"format": FORMAT, "version": VERSION, "hash": network.hash, "network": description}
    encoded = np.frombuffer(json.dumps(header, sort_keys=True).encode(), dtype=np.uint8)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **{HEADER: encoded}, **arrays)


def load_network(path: Path) -> Network:
    """Read and verify a network file.

    Raises:
        FileNotFoundError: there is no such file.
        NetworkFileError: it is damaged, of another kind, or newer than this program; the message says which.
    """
    with door(path, "not a whole network file", "export it again", NetworkFileError):
        contents = read_npz(path)
        header = parse_json(contents.pop(HEADER).tobytes().decode())
        file_format, version = header["format"], header["version"]
    if file_format != FORMAT:
        raise NetworkFileError(f"{path}: format is {file_format!r}, must be {FORMAT!r}")
    if version != VERSION:
        raise NetworkFileError(
            f"{path}: version {version} of the network file, this program reads version {VERSION}; "
            "update askew or export the network again"
        )
    with door(path, "damaged network file", "export it again", NetworkFileError):
        network = _rebuild(header["network"], contents)
        if network.hash != header["hash"]:
            raise NetworkFileError(
                f"{path}: damaged network file: its contents hash to {network.hash[:12]}, its header says "
                f"{str(header['hash'])[:12]}; export it again"
            )
    return network


def _rebuild(description: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Network:
    source = description["input"]
    shape = _triple(source["shape"])
    if min(shape) < 1 or math.prod(shape) > MAX_ELEMENTS:
        raise ValueError(f"input shape {shape}: must be 1 to {MAX_ELEMENTS:,} elements")
    encoding = InputEncoding(shape, arrays["input.table"], bool(source["binary"]))
    layers: list[Layer] = []
    for index, described in enumerate(description["layers"]):
        attributes: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in described.items()
        }
        layer_type = _LAYER_TYPES[attributes.pop("kind")]
        prefix = f"{index}."
        attributes |= {key.removeprefix(prefix): value for key, value in arrays.items() if key.startswith(prefix)}
        if layer_type is not MaxPoolLayer:
            attributes.setdefault("thresholds", None)
        layers.append(layer_type(**attributes))
    network = Network(encoding, tuple(layers))
    for layer, _, _ in network.walk():
        if math.prod(layer.output_shape(shape)) > MAX_ELEMENTS:
            raise ValueError(f"layer {layer.name}: gives more than {MAX_ELEMENTS:,} elements")
        shape = layer.output_shape(shape)
    return network


def _triple(values: list[int]) -> tuple[int, int, int]:
    height, width, channels = values
    return int(height), int(width), int(channels)
