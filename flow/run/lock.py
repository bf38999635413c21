"""One process at a time writes into a run folder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flow.run.folder import LOCK_FILE, RunError

HELD = "ASKEW_LOCKED_RUN"  # the processes that a training starts work in the run that their parent has locked


@contextmanager
def locked(run: Path) -> Iterator[None]:
    """Hold the run folder for the block.

    The lock goes with its process, however that ends. A folder that is not there yet is made.

    Raises:
        RunError: another process holds it.
    """
    key = str(run.absolute())
    if os.environ.get(HELD) == key:
        yield
        return
    was_there = run.exists()
    run.mkdir(parents=True, exist_ok=True)
    with (run / LOCK_FILE).open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "another process"
            raise RunError(f"{run}: {holder} works there; wait until it is done, or choose another --run") from None
        file.truncate(0)
        file.write(f"askew (process {os.getpid()})")
        file.flush()
        before = os.environ.get(HELD)
        os.environ[HELD] = key
        try:
            yield
        finally:
            if before is None:
                del os.environ[HELD]
            else:
                os.environ[HELD] = before
            if not was_there and run.is_dir() and {entry.name for entry in run.iterdir()} == {LOCK_FILE}:
                (run / LOCK_FILE).unlink()
                run.rmdir()
