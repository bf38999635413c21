"""Steps of a flow that are done once: a folder for each, named after the hash of all that it is made from."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from bnn.files import write_json
from bnn.readers import read_json

DONE = "done.json"


def step(folder: Path, name: str, made_from: Iterable[str | Path], make: Callable[[Path], dict[str, object]]) -> Path:
    """The folder ``folder/NAME-HASH`` of a step; made where it is not there, whole or not at all.

    Args:
        folder: of all steps.
        name: of this one.
        made_from: texts (options, versions, scripts) and files, in order.
        make: makes everything in an empty folder, and returns what is written to ``done.json`` beside ``sha256``.

    Returns:
        The folder. Another one of the same name, made from something else, is removed after it is complete.
    """
    digest = hashlib.sha256()
    for part in made_from:
        data = part.read_bytes() if isinstance(part, Path) else part.encode()
        digest.update(len(data).to_bytes(8, "little") + data)
    target = folder / f"{name}-{digest.hexdigest()[:16]}"
    if (target / DONE).is_file():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{target.name}.{os.getpid()}.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        done = make(temporary)
        write_json(temporary / DONE, {"sha256": digest.hexdigest(), **done})
        shutil.rmtree(target, ignore_errors=True)
        temporary.replace(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    for other in folder.glob(f"{name}-*"):
        if other != target:
            shutil.rmtree(other, ignore_errors=True)
    return target


def bring(file: Path, place: Path) -> None:
    """The file under another name, without a second copy where the file system has links.

    Tools get their files so: those of the wheels see only what is in or below the folder that they run in.
    """
    place.unlink(missing_ok=True)
    try:
        os.link(file, place)
    except OSError:
        shutil.copyfile(file, place)


def what_step_says(folder: Path) -> dict[str, Any]:
    """What ``make`` returned for the step in this folder."""
    return dict(read_json(folder / DONE, "delete the folder, and run the same command again"))
