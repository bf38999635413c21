"""The run folder: one design, everything that a stage reads and writes, and the checks that it all belongs together."""

from __future__ import annotations

import shlex
import shutil
from enum import Enum
from pathlib import Path
from typing import Any

from bnn.chain import Chain, as_chain
from bnn.files import clear_stale, is_temporary, write_figures, write_new_text
from bnn.network import Network
from bnn.readers import DamagedFileError, read_text, read_toml
from bnn.serialize import load_network
from bnn.version import VERSION
from flow.run.errors import RunError, same_hash, sha256
from flow.run.figures import OF_STAGE, Figures, read_figures
from flow.run.golden import MANIFEST, Golden, read_golden, write_golden

__all__ = ["LOCK_FILE", "Golden", "Origin", "RunError", "RunFolder", "same_hash", "sha256"]

LOCK_FILE = ".lock"
IMPORT_TABLE = "import"  # of the config of an imported run
ZOO_TABLE = "zoo"  # of the config of a run from the zoo
NETWORK_SUFFIX = ".npz"


class Origin(Enum):
    """Where a run's network comes from."""

    TRAINED = "trained"
    IMPORTED = "imported"
    ZOO = "zoo"

    @property
    def maker(self) -> str:
        """The stage that makes the integer network."""
        return {Origin.TRAINED: "export", Origin.IMPORTED: "import", Origin.ZOO: "zoo get"}[self]

    @property
    def words(self) -> str:
        """Where the network comes from, behind the name of the run."""
        return {
            Origin.TRAINED: "is trained here, from its config",
            Origin.IMPORTED: "was imported and has no trained model",
            Origin.ZOO: "is from the zoo and has no trained model",
        }[self]


class RunFolder:
    """``runs/NAME``: where each artefact of one design lies.

    Raises RunError, naming the command that helps, where something needed is not there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = path / "config.toml"
        self.checkpoint = path / "checkpoint.ckpt"
        self.model = path / "model.onnx"
        self.network_file = path / "network.npz"
        self.golden_folder = path / "golden"
        self.folding = path / "folding.json"
        self.rtl = path / "rtl"
        self.finn = path / "finn"
        self.report_json = path / "report.json"
        self.report_markdown = path / "report.md"
        self.report_html = path / "report.html"

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """An existing run."""
        run = cls(path)
        if not run.config.exists():
            raise RunError(f"{path}: no run there; make it with `askew train --config NAME --run {path}`")
        run._clear_stale()
        return run

    @classmethod
    def claim(cls, path: Path, resolved_config: str) -> RunFolder:
        """The run for this very configuration: a new folder, or one that the same configuration made.

        New is also one in which a run was killed before its config was whole. Of two that claim a folder at once, with
        configurations that differ, one gets it.
        """
        run = cls(path)
        if not run.config.exists():
            if path.exists() and (
                not path.is_dir()
                or not all(is_temporary(entry.name) or entry.name == LOCK_FILE for entry in path.iterdir())
            ):
                raise RunError(f"{path}: exists and is not a run folder; choose another --run")
            path.mkdir(parents=True, exist_ok=True)
            write_new_text(run.config, resolved_config)
        existing = read_text(run.config, error_type=RunError)
        if existing != resolved_config:
            other = {Origin.IMPORTED: "import", Origin.ZOO: "`zoo get`"}.get(run.origin, "config")
            raise RunError(
                f"{path}: this run was made by another {other} ({_first_difference(existing, resolved_config)}); "
                "choose another --run or delete the folder"
            )
        run._clear_stale()
        return run

    def _clear_stale(self) -> None:
        below = (
            "checkpoints",
            "logs",
            "golden",
            "fpga",
            "finn",
            "finn/estimate",
            "finn/build",
            "finn/deploy",
            "shift_cost",
        )
        clear_stale([self.path, *(self.path / name for name in below)])

    def config_table(self) -> dict[str, Any]:
        """The run's config as plain values; empty where it is damaged, which `train` refuses by line and reason."""
        try:
            return read_toml(self.config)
        except (DamagedFileError, OSError):
            return {}

    @property
    def origin(self) -> Origin:
        """Whether `askew train`, `import` or `zoo get` made this run: the last two say so in its config."""
        table = self.config_table()
        if IMPORT_TABLE in table:
            return Origin.IMPORTED
        return Origin.ZOO if ZOO_TABLE in table else Origin.TRAINED

    def import_table(self) -> dict[str, str]:
        """The config's [import]: model and images, perhaps labels, and what a pixel is; RunError where damaged."""
        table = self.config_table().get(IMPORT_TABLE)
        if not isinstance(table, dict) or not {"model", "images"} <= table.keys():
            raise RunError(
                f"{self.config}: damaged: its table [{IMPORT_TABLE}] needs model and images; import into another --run"
            )
        wrong = [key for key, value in table.items() if not isinstance(value, str)]
        if wrong:
            raise RunError(f"{self.config}: damaged: {wrong[0]} in table [{IMPORT_TABLE}] must be text in quotes")
        return table

    def zoo_network(self) -> str:
        """The config's zoo.network: the name that the network bears in the zoo; RunError where damaged."""
        table = self.config_table().get(ZOO_TABLE)
        name = table.get("network") if isinstance(table, dict) else None
        if not isinstance(name, str):
            raise RunError(
                f"{self.config}: damaged: its table [{ZOO_TABLE}] needs network, a name; get it into another --run"
            )
        return name

    @property
    def has_model(self) -> bool:
        """Whether an ONNX file belongs to it: not where it was imported from a network file."""
        return self.origin is not Origin.IMPORTED or Path(self.import_table()["model"]).suffix != NETWORK_SUFFIX

    def release(self) -> None:
        """Give up a run in which nothing was made yet, so that a mended config can claim it."""
        own = (self.config, self.path / LOCK_FILE)
        if not any(file.is_file() and file not in own for file in self.path.rglob("*")):
            shutil.rmtree(self.path)

    def require(self, file: Path, stage: str) -> Path:
        """``file``, or RunError with the command that makes it."""
        if not file.exists():
            raise RunError(f"{file}: not there yet; make it with `{self.mending(stage)}`")
        return file

    def mending(self, stage: str) -> str:
        """The command that makes a stage's result fresh."""
        name = self.origin.maker if stage == "export" else stage
        return f"askew run --run {shlex.quote(str(self.path))} --to {shlex.quote(name)}"

    def network(self) -> Network:
        """The integer network of this run."""
        return load_network(self.require(self.network_file, "export"))

    def chain(self) -> Chain:
        """The integer network as the layers that hardware is built of; NetworkError names a node that is none."""
        return as_chain(self.network())

    def write_golden(self, golden: Golden, network: Network) -> None:
        """Write ``golden/``; its manifest goes last, so that without one there is no golden answer."""
        write_golden(golden, network, self.golden_folder)

    def golden(self, network: Network, frames: int | None = None) -> Golden:
        """The first golden frames, or all; refused when damaged, of another network or of another form."""
        self.require(self.golden_folder / MANIFEST, "export")
        return read_golden(self.golden_folder, network, f"make it again with `{self.mending('export')}`", frames)

    def write_result(self, stage: str, network: Network, figures: dict[str, Any]) -> None:
        """Write ``STAGE.json`` with the hash of the network that the figures belong to."""
        write_figures(self.path / f"{stage}.json", {"network_hash": network.hash, "askew_version": VERSION, **figures})

    def result(self, stage: str, network: Network | None = None) -> dict[str, Any] | None:
        """The figures of a stage, or None where it has not run; RunError when they belong to another network."""
        file = self.path / f"{stage}.json"
        if not file.exists():
            return None
        model = OF_STAGE.get(stage, Figures)
        figures = read_figures(file, model, "delete it and run its stage again", RunError)
        if network is not None:
            same_hash(network.hash, figures.get("network_hash"), str(self.network_file), str(file))
        return figures


def _first_difference(existing: str, wanted: str) -> str:
    there, here = existing.splitlines(), wanted.splitlines()
    for old, new in zip(there, here, strict=False):
        if old != new:
            return f"it has `{old.strip()}`, you ask for `{new.strip()}`"
    return "one has more lines than the other"
