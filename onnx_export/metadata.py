"""What an exported file says of itself, readable without a framework."""

from __future__ import annotations

import json
from pathlib import Path

import onnx

from bnn.errors import UserError
from bnn.readers import in_one_line

NETWORK_HASH_KEY = "askew_network_hash"
VERSION_KEY = "askew_version"
INPUT_SCALE_KEY = "input_scale"
VALUES_KEY = "askew_values"


def read_metadata(path: Path) -> dict[str, str]:
    """The metadata of an ONNX file: NETWORK_HASH_KEY, VERSION_KEY and INPUT_SCALE_KEY where `export_qonnx` wrote it.

    Raises:
        FileNotFoundError: there is no such file.
        UserError: it is not an ONNX file.
    """
    try:
        model = onnx.load(path, load_external_data=False)
    except OSError:
        raise
    except Exception as error:  # protobuf raises errors of its own kind
        raise UserError(f"{path}: not a whole ONNX file ({in_one_line(error)}); export it again") from error
    return {entry.key: entry.value for entry in model.metadata_props}


def with_network_hash(content: bytes, network_hash: str) -> bytes:
    """An exported file's bytes with another network hash in its metadata: for another version of the hash's rule."""
    model = onnx.load_model_from_string(content)
    for entry in (*model.metadata_props, *model.graph.metadata_props):  # qonnx reads the latter
        if entry.key == NETWORK_HASH_KEY:
            entry.value = network_hash
    return bytes(model.SerializeToString(deterministic=True))


def value_tensors(metadata: dict[str, str]) -> list[str]:
    """The tensors that are values of the network, the image's first, as `export_graph` names them; none elsewhere."""
    try:
        found = json.loads(metadata.get(VALUES_KEY, "{}"))
        return [str(tensor) for tensor, _ in found.values()]
    except (ValueError, TypeError, AttributeError, RecursionError):  # somebody else's, or damaged
        return []
