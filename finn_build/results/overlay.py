"""The deploy folder of our own overlay: as FINN's, with the same ``validate.py`` and the same ``board.json``."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn import Chain, UserError, save_network
from bnn.files import write_json, write_text
from bnn.readers import read_json
from bnn.version import VERSION
from finn_build.board.deployment import OVERLAY_BITFILE
from finn_build.board.overlay import OverlayInterface
from finn_build.package.package import VALIDATION
from finn_build.package.settings import Frames
from finn_build.results.deploy import copy_program, describes_same
from finn_build.results.readme import readme


@dataclasses.dataclass(frozen=True)
class OverlayFiles:
    """A bitfile that was built, and what PYNQ reads beside it.

    Attributes:
        bitfile: the .bit.
        handoff: the .hwh.
        sha256: of the bitfile.
    """

    bitfile: Path
    handoff: Path
    sha256: str


def write_overlay_deploy(
    deploy: Path,
    network: Chain,
    frames: Frames,
    interface: OverlayInterface,
    build: dict[str, Any],
    files: OverlayFiles | None,
) -> dict[str, Any]:
    """Write the folder, whether or not there is a bitfile; returns ``deploy.json``.

    Args:
        deploy: ``runs/NAME/pynq/deploy``.
        network: what the overlay computes.
        frames: golden frames, all of which go to the board.
        interface: how the board's processor reaches the design.
        build: ``board``, ``clock_mhz`` and ``cycles`` of it.
        files: what was built; without them, what was built before for the same network and board stays, and what was
            put there by hand for the same clock too.
    """
    if files is None and (before := _built_before(deploy / "deploy.json", network, build)):
        return before
    described = {
        "network_hash": network.hash,
        "askew_version": VERSION,
        **build,
        "gives": "label",
        "labels": frames.labels is not None,
        "bitfile": OVERLAY_BITFILE if files else None,
        "bitfile_sha256": files.sha256 if files else None,
        "interface": None,
        "overlay": dataclasses.asdict(interface),
    }
    put_by_hand = files is None and describes_same(deploy / "deploy.json", described)
    (deploy / VALIDATION).mkdir(parents=True, exist_ok=True)
    (deploy / "deploy.json").unlink(missing_ok=True)  # written last: without it the folder is none
    arrays: dict[str, NDArray[Any] | None] = {"images": frames.images, "scores": frames.scores, "labels": frames.labels}
    for name, array in arrays.items():
        (deploy / VALIDATION / f"{name}.npy").unlink(missing_ok=True)
        if array is not None:
            np.save(deploy / VALIDATION / f"{name}.npy", array, allow_pickle=False)
    save_network(network.network(), deploy / "network.npz")
    copy_program(deploy)
    if not put_by_hand:
        shutil.rmtree(deploy / "bitfile", ignore_errors=True)
    (deploy / "bitfile").mkdir(exist_ok=True)
    if files is not None:
        shutil.copyfile(files.bitfile, deploy / "bitfile" / OVERLAY_BITFILE)
        shutil.copyfile(files.handoff, (deploy / "bitfile" / OVERLAY_BITFILE).with_suffix(".hwh"))
    write_text(deploy / "README.md", readme(described, deploy.parents[1], network.input.shape))
    write_json(deploy / "deploy.json", described)
    return described


def _built_before(file: Path, network: Chain, build: dict[str, Any]) -> dict[str, Any] | None:
    """``deploy.json`` of a folder that has a bitfile of this network for this board; None where there is none."""
    try:
        before: dict[str, Any] = read_json(file, "write it again")
    except (UserError, OSError):
        return None
    same = (before.get("network_hash"), before.get("board")) == (network.hash, build["board"])
    return before if same and before.get("bitfile") is not None else None
