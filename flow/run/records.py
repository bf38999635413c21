"""What a stage's results were made from: fingerprints by content, kept in one record a stage.

``runs/NAME/stages/STAGE.json`` is written last, after all that it speaks of. A result without a record, or one that is
not what its record says, is not taken for a result.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bnn.files import write_json
from bnn.readers import DamagedFileError, read_json
from bnn.version import VERSION
from flow.run.errors import sha256

RECORDS = "stages"


@dataclass(frozen=True)
class Record:
    """What one stage left behind.

    Attributes:
        stage: its name.
        options: the lasting options that it ran with.
        made_from: fingerprints of what it needed: artefacts by name, and what lies outside the run folder.
        made: fingerprints of the artefacts that it made.
        seconds: how long it took.
    """

    stage: str
    options: dict[str, Any]
    made_from: dict[str, str]
    made: dict[str, str]
    seconds: float

    def write(self, run: Path) -> None:
        """Write it into the run's folder of records, whole or not at all."""
        file = _file(run, self.stage)
        file.parent.mkdir(exist_ok=True)
        write_json(
            file,
            {
                "stage": self.stage,
                "askew_version": VERSION,
                "options": self.options,
                "made_from": self.made_from,
                "made": self.made,
                "seconds": self.seconds,
            },
        )


def read_record(run: Path, stage: str) -> Record | None:
    """The record of a stage; None where there is none, or what lies there cannot be one."""
    file = _file(run, stage)
    if not file.is_file():
        return None
    try:
        found = read_json(file, "")
        options, made_from, made = (dict(found[key]) for key in ("options", "made_from", "made"))
        seconds = float(found.get("seconds", 0))
    except (DamagedFileError, OSError, KeyError, TypeError, ValueError):
        return None
    if found.get("stage") != stage or not all(isinstance(v, str) for v in (*made_from.values(), *made.values())):
        return None
    return Record(stage, options, made_from, made, seconds)


def fingerprint(path: Path) -> str | None:
    """SHA-256 of a file's bytes, or of a folder's names and bytes; None where it is not there.

    Hidden files and folders are left out: they are temporary.
    """
    if path.is_file():
        return sha256(path)
    if not path.is_dir():
        return None
    total = hashlib.sha256()
    for file in sorted(file for file in path.rglob("*") if file.is_file()):
        name = file.relative_to(path)
        if not any(part.startswith(".") for part in name.parts):
            total.update(f"{name.as_posix()}\0{sha256(file)}\n".encode())
    return total.hexdigest()


def _file(run: Path, stage: str) -> Path:
    return run / RECORDS / f"{stage.replace(' ', '-')}.json"
