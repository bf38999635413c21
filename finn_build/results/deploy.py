"""The deploy folder: what is copied to the board, with nothing to install there but NumPy and pynq.

README.md           what to put where, which Python, the one command
validate.py         run it on the board; ``--simulate`` runs it anywhere
bitfile/ driver/    what FINN built; until it has, the user may put there what was built elsewhere
validation/         the test set and its golden scores
network.npz         the integer network
deploy.json         which network, board and clock this is, and how the accelerator's answers are packed
board.json          what the board measured, copied back
bnn/ finn_build/    the parts of this program that validate.py needs
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from bnn import UserError, load_network
from bnn.files import write_json, write_text
from bnn.readers import read_json
from bnn.version import VERSION
from finn_build.board.interface import read_interface
from finn_build.errors import FinnError
from finn_build.package.package import LABELS, OUTPUT, VALIDATION, damaged_files, read_manifest
from finn_build.results.readme import readme
from finn_build.results.reports import latency_of
from finn_build.results.results import bitfile_of

ROOT = Path(__file__).resolve().parents[2]
SAME = ("network_hash", "board", "clock_mhz")  # of deploy.json: a bitfile that was put there by hand is kept for these


def write_deploy(folder: Path) -> dict[str, Any]:
    """Write ``folder/deploy`` from ``folder/build``, whether or not FINN has built a bitfile; returns ``deploy.json``.

    Args:
        folder: ``runs/NAME/finn``.

    Raises:
        FinnError: there is no build package, it is damaged, or FINN's driver is not what this program knows.
    """
    package = folder / "build"
    manifest = read_manifest(package)
    if damaged := damaged_files(package, manifest):
        raise FinnError(
            f"{package / damaged[0]}: missing or damaged; write the package again with `askew finn package`"
        )
    output, deploy = package / OUTPUT, folder / "deploy"
    bitfile = bitfile_of(output)
    described = {
        "network_hash": manifest["network_hash"],
        "askew_version": VERSION,
        "board": manifest["configuration"]["board"],
        "clock_mhz": manifest["configuration"]["clock_mhz"],
        "gives": manifest["gives"],
        "labels": LABELS in manifest["sha256"],
        "bitfile": bitfile and bitfile["file"],
        "bitfile_sha256": bitfile and bitfile["sha256"],
        "interface": read_interface(output / "driver", FinnError) if bitfile else None,
        "cycles": latency_of(output, manifest["nodes"]),
    }
    put_by_hand = bitfile is None and describes_same(deploy / "deploy.json", described)
    deploy.mkdir(parents=True, exist_ok=True)
    (deploy / "deploy.json").unlink(missing_ok=True)  # written last: without it the folder is none
    for name in (VALIDATION, *(() if put_by_hand else ("bitfile", "driver"))):
        shutil.rmtree(deploy / name, ignore_errors=True)
    shutil.copytree(package / VALIDATION, deploy / VALIDATION)
    shutil.copy2(package / "network.npz", deploy / "network.npz")
    copy_program(deploy)
    if bitfile is not None:
        shutil.copytree(output / "bitfile", deploy / "bitfile")
        shutil.copytree(output / "driver", deploy / "driver")
    shape = load_network(package / "network.npz").input.shape
    write_text(deploy / "README.md", readme(described, folder.parent, shape))
    write_json(deploy / "deploy.json", described)
    return described


def describes_same(file: Path, described: dict[str, Any]) -> bool:
    """Whether the folder was made without a bitfile for the same network, board and clock."""
    try:
        before = read_json(file, "write it again")
    except (UserError, OSError):
        return False
    return before.get("bitfile") is None and all(before.get(key) == described[key] for key in SAME)


def copy_program(deploy: Path) -> None:
    """``bnn``, the board's part of this package, and ``validate.py``: all that runs on the board."""
    for name in ("bnn", "finn_build"):
        shutil.rmtree(deploy / name, ignore_errors=True)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "bnn", deploy / "bnn", ignore=ignored)
    shutil.copytree(ROOT / "finn_build" / "board", deploy / "finn_build" / "board", ignore=ignored)
    shutil.copy2(ROOT / "finn_build" / "__init__.py", deploy / "finn_build" / "__init__.py")
    (deploy / "finn_build" / "board" / "launcher.py").replace(deploy / "validate.py")
