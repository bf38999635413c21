"""Reading the zoo: each file is held to the checksum in the index, each network to its hash."""

from __future__ import annotations

import difflib
import lzma
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bnn.errors import UserError
from bnn.network import Network
from bnn.serialize import NetworkFileError, load_network
from flow.run.errors import sha256
from flow.run.figures.zoo import ZooIndex, ZooNetwork

FOLDER = Path(__file__).parent / "networks"
INDEX = "index.json"
AGAIN = "install Askew again"
NETWORK, MODEL, CONFIG = ".npz", ".onnx.xz", ".toml"  # the files of a network, by the ends of their names


class ZooError(UserError):
    """A network that is not in the zoo, or a damaged one."""


@dataclass(frozen=True)
class Entry:
    """One network of the zoo.

    Attributes:
        name: as `askew zoo list` shows it: that of the training config.
        about: what the index says of it.
        folder: where its files lie.
    """

    name: str
    about: ZooNetwork
    folder: Path

    @property
    def config(self) -> Path:
        """The whole configuration of its training; `askew train --config` takes it."""
        return self._whole(CONFIG)

    @property
    def model(self) -> Path:
        """The QONNX file that was exported from the trained model, compressed; `model_bytes` gives it as it was."""
        return self._whole(MODEL)

    def model_bytes(self) -> bytes:
        """The QONNX file that was exported from the trained model."""
        return lzma.decompress(self.model.read_bytes())  # whole, as its checksum says: nothing unknown is unpacked

    def network(self) -> Network:
        """The integer network.

        Raises:
            ZooError: the file is damaged, or another network than the index says.
        """
        file = self._whole(NETWORK)
        try:
            network = load_network(file)
        except NetworkFileError as error:
            raise ZooError(f"zoo network {self.name}: {error}") from None
        if network.hash != self.about.network_hash:
            raise ZooError(
                f"zoo network {self.name}: {file} holds network {network.hash[:12]}, {INDEX} says "
                f"{self.about.network_hash[:12]}; {AGAIN}"
            )
        return network

    def _whole(self, end: str) -> Path:
        """One of its files; ZooError unless its bytes are those of the index."""
        file = self.folder / f"{self.name}{end}"
        if not file.is_file():
            raise ZooError(f"zoo network {self.name}: {file} is missing; {AGAIN}")
        if sha256(file) != self.about.sha256.get(file.name):
            raise ZooError(f"zoo network {self.name}: {file} is damaged: its SHA-256 is not that of {INDEX}; {AGAIN}")
        return file


def entries() -> list[Entry]:
    """All networks of the zoo, in the order in which they were put there."""
    return [Entry(name, about, FOLDER) for name, about in _index(FOLDER).networks.items()]


def find_entry(name: str) -> Entry:
    """The network of that name; ZooError lists all, the nearest first."""
    found = {entry.name: entry for entry in entries()}
    if name not in found:
        close = difflib.get_close_matches(name.lower().replace("_", "-"), found, n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        raise ZooError(f"zoo network {name!r}: unknown, {hint}must be one of {', '.join(found)}")
    return found[name]


def find_trained(config_name: str) -> Entry | None:
    """What the zoo has under a config's name; None where it has nothing, or is damaged, which is not training's."""
    try:
        return next((entry for entry in entries() if entry.name == config_name), None)
    except ZooError:
        return None


@cache
def _index(folder: Path) -> ZooIndex:
    file = folder / INDEX
    if not file.is_file():
        raise ZooError(f"zoo: {file} is missing; {AGAIN}")
    return ZooIndex.read(file, AGAIN, ZooError)
