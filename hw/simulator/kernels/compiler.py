"""How the kernels are compiled: without the interpreter's lock, and kept on disk for the next start."""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, ParamSpec, TypeVar, cast

import numba
from numba.core import config, event
from platformdirs import user_cache_dir

P = ParamSpec("P")
R = TypeVar("R")
logger = logging.getLogger("askew.simulator")


def cache_folder() -> Path | None:
    """A folder for compiled kernels that this user can write, or None.

    Its name holds a hash of the kernels' sources: Numba itself notices a change in a kernel's own file, but not one
    in a function of another file that the kernel calls.
    """
    digest = hashlib.sha256(numba.__version__.encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    root = Path(os.environ.get("NUMBA_CACHE_DIR") or user_cache_dir("askew"))
    folder = root / f"kernels-{digest.hexdigest()[:16]}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        return None


CACHE_FOLDER = cache_folder()


def compiled(function: Callable[P, R], *, inline: Literal["never", "always"] = "never") -> Callable[P, R]:
    """Compile a function of NumPy arrays and numbers when it is first called, once for each kind of arguments."""
    settings: Any = config
    before = settings.CACHE_DIR
    settings.CACHE_DIR = str(CACHE_FOLDER or "")
    try:
        dispatcher = numba.njit(nogil=True, error_model="numpy", cache=CACHE_FOLDER is not None, inline=inline)(
            function
        )
    finally:
        settings.CACHE_DIR = before
    return cast(Callable[P, R], dispatcher)


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """Like ``compiled``, as a part of whatever calls it: else arrays' references are counted at every call."""
    return compiled(function, inline="always")


class Announcement(event.Listener):
    """Says once that kernels are being compiled, which takes seconds, where they were not found on disk."""

    def __init__(self) -> None:
        self.made = False

    def on_start(self, event: Any) -> None:
        """A function was not in the cache and is being compiled."""
        if not self.made:
            kept = f"kept in {CACHE_FOLDER}" if CACHE_FOLDER else "not kept: no folder for them can be written"
            logger.info("compiling the simulator's kernels for this machine, some ten seconds (%s)", kept)
        self.made = True

    def on_end(self, event: Any) -> None:
        """Nothing to say."""


event.register("numba:compile", Announcement())  # type: ignore[no-untyped-call]
