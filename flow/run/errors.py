"""The error of a run folder in which something is amiss, and the checks that raise it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from bnn.errors import UserError


class RunError(UserError):
    """A run folder that lacks what a stage needs, or holds what does not belong together."""


def same_hash(ours: str, theirs: object, our_name: str, their_name: str) -> None:
    """RunError unless both artefacts are of the same network."""
    if ours != theirs:
        raise RunError(
            f"{their_name} is of network {str(theirs)[:12]}, {our_name} is of network {ours[:12]}: they cannot be "
            "compared; run the stage that makes the older one again"
        )


def sha256(file: Path) -> str:
    """SHA-256 of a file's bytes, as hexadecimal digits."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
