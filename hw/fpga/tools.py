"""Running the steps of a flow, and what one that fails or is killed says."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

from hw.fpga.programs import FpgaError
from hw.synth.yosys import complaint

KILLED = (-signal.SIGKILL, 128 + signal.SIGKILL, -signal.SIGTERM, 128 + signal.SIGTERM)


def run_step(command: list[str], folder: Path, tool: str, log: str, *markers: str) -> float:
    """Run one step of a flow in ``folder``; the seconds that it took.

    Args:
        command: program and arguments.
        folder: where it runs.
        tool: what errors call it.
        log: file in the folder that gets all that it says.
        markers: a line with one of them says why it failed.

    Raises:
        FpgaError: it failed or was killed.
    """
    start = time.perf_counter()
    try:
        ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=dict(os.environ))
    except OSError as error:
        raise FpgaError(f"implement: {tool} cannot be started: {command[0]}: {error.strerror}") from error
    (folder / log).write_text(ran.stdout + ran.stderr, encoding="utf-8")
    if ran.returncode in KILLED:
        raise FpgaError(
            f"implement: {tool} was killed, as when memory runs out; what is done is kept, and the same command goes "
            "on from there"
        )
    if ran.returncode:
        raise FpgaError(f"implement: {tool} says: {complaint(ran, *(markers or ('ERROR',)))}")
    return time.perf_counter() - start
