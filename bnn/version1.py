"""Network files of version 1: a chain of layers, and a hash over all that it was, names included."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn.chain import Chain
from bnn.layers import ConvLayer, DenseLayer, Layer, MaxPoolLayer
from bnn.network import array_bytes
from bnn.nodes import Encode

_LAYER_TYPES: dict[str, type[DenseLayer | ConvLayer | MaxPoolLayer]] = {
    layer.kind: layer for layer in (DenseLayer, ConvLayer, MaxPoolLayer)
}


def rebuild(description: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Chain:
    """The chain that a file describes; whatever is raised, the file is to blame."""
    source = description["input"]
    height, width, channels = source["shape"]
    shape = (int(height), int(width), int(channels))
    encode = Encode(shape, arrays["input.table"], bool(source["binary"]))
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
    return Chain(encode, tuple(layers))


def hash_of(chain: Chain) -> str:
    """What version 1 took for the hash: SHA-256 over everything that the chain is."""
    arrays: dict[str, NDArray[Any]] = {"input.table": chain.input.table}
    layers = []
    for index, layer in enumerate(chain.layers):
        described: dict[str, Any] = {"kind": layer.kind}
        for attribute in fields(layer):
            value = getattr(layer, attribute.name)
            if isinstance(value, np.ndarray):
                arrays[f"{index}.{attribute.name}"] = value
            elif value is not None:
                described[attribute.name] = list(value) if isinstance(value, tuple) else value
        layers.append(described)
    header = {"input": {"shape": list(chain.input.shape), "binary": chain.input.binary}, "layers": layers}
    digest = hashlib.sha256(json.dumps(header, sort_keys=True, separators=(",", ":")).encode())
    for key in sorted(arrays):
        digest.update(array_bytes(key, arrays[key]))
    return digest.hexdigest()
