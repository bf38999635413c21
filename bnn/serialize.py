"""One network in one ``.npz`` file: versioned, hashed, refused when damaged or newer than this program.

The file's ``header`` is JSON: format, version, hash, the nodes in order with their plain attributes, and the notes. A
node's arrays are members ``NUMBER.ATTRIBUTE``, the channels of a note ``inverted.NUMBER``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn import version1
from bnn.errors import UserError
from bnn.files import atomic_path
from bnn.network import Network, Notes
from bnn.nodes import KINDS, Node
from bnn.readers import door, parse_json, read_npz

FORMAT = "askew-network"
VERSION = 2
READABLE = (1, VERSION)
HEADER = "header"
MAX_ELEMENTS = 1 << 28  # of one value; more cannot be simulated

_INVERTED = "inverted"


class NetworkFileError(UserError):
    """A file that is not a whole network file of a version that this program reads."""


def save_network(network: Network, path: Path) -> None:
    """Write ``network`` to ``path`` atomically; OSError where the disk is full or not writable."""
    nodes = []
    arrays: dict[str, NDArray[Any]] = {}
    for number, node in enumerate(network.nodes):
        plain, members = node.attributes()
        nodes.append({"kind": node.kind, "name": node.name, "inputs": list(node.inputs), "attributes": plain})
        arrays |= {f"{number}.{attribute}": array for attribute, array in members.items()}
    names = list(network.values)
    for name, channels in network.notes.inverted.items():
        arrays[f"{_INVERTED}.{names.index(name)}"] = channels
    header = {"format": FORMAT, "version": VERSION, "hash": network.hash, "nodes": nodes}
    encoded = np.frombuffer(json.dumps(header, sort_keys=True).encode(), dtype=np.uint8)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **{HEADER: encoded}, **arrays)


def load_network(path: Path) -> Network:
    """Read and verify a network file of version 1 or 2; a chain of version 1 means the same as a graph.

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
    if version not in READABLE:
        raise NetworkFileError(
            f"{path}: version {version} of the network file, this program reads versions 1 and {VERSION}; "
            "update askew or export the network again"
        )
    with door(path, "damaged network file", "export it again", NetworkFileError):
        if version == 1:
            chain = version1.rebuild(header["network"], contents)
            network, found = chain.network(), version1.hash_of(chain)
        else:
            network = _rebuild(header["nodes"], contents)
            found = network.hash
        if found != header["hash"]:
            raise NetworkFileError(
                f"{path}: damaged network file: its contents hash to {found[:12]}, its header says "
                f"{str(header['hash'])[:12]}; export it again"
            )
        for name, value in network.values.items():
            if math.prod(value.shape) > MAX_ELEMENTS:
                raise ValueError(f"value {name}: {value.shape} is more than {MAX_ELEMENTS:,} elements")
    return network


def _rebuild(described_nodes: list[dict[str, Any]], arrays: Mapping[str, NDArray[Any]]) -> Network:
    nodes: list[Node] = []
    inverted: dict[str, NDArray[Any]] = {}
    for number, described in enumerate(described_nodes):
        node_type = KINDS[described["kind"]]
        attributes: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in described["attributes"].items()
        }
        prefix = f"{number}."
        attributes |= {key.removeprefix(prefix): value for key, value in arrays.items() if key.startswith(prefix)}
        if node_type.arity != 0:
            attributes["inputs"] = tuple(_text(name) for name in described["inputs"])
        nodes.append(node_type(name=_text(described["name"]), **attributes))
        if f"{_INVERTED}.{number}" in arrays:
            inverted[nodes[-1].name] = arrays[f"{_INVERTED}.{number}"]
    return Network(tuple(nodes), Notes(inverted))


def _text(name: object) -> str:
    if not isinstance(name, str):
        raise TypeError(f"{name!r} is no name")
    return name
