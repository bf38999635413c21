"""Starts the worker with a clean environment, and turns whatever becomes of it into a result or one line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bnn.files import write_json
from finn_build.errors import FinnError, TypesError
from finn_build.worker.buildlog import NO_ERROR, last_error_in

Progress = Callable[[int], None]

ROOT = Path(__file__).resolve().parents[2]
KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH")
# FINN's builder reads the version that this path ends with, and nothing else of it.
NO_VIVADO = "/nonexistent/Vivado/2022.2"


def run_worker(task: str, job: dict[str, Any], folder: Path, progress: Progress | None = None) -> dict[str, Any]:
    """Run one task of ``finn_build.worker.worker``.

    Args:
        task: its name.
        job: what it needs; paths as strings, absolute.
        folder: gets ``worker.log`` and FINN's own log.
        progress: called with the steps and frames done since its last call.

    Raises:
        TypesError: a graph of FINN's computes something else in hardware.
        FinnError: FINN failed; the message has the last error of its log and the log's path.
    """
    log = folder / "worker.log"
    with tempfile.TemporaryDirectory(prefix="askew-finn-") as scratch:
        answer = Path(scratch) / "answer.json"
        write_json(Path(scratch) / "job.json", {**job, "task": task, "answer": str(answer)})
        command = [sys.executable, "-W", "ignore", "-m", "finn_build.worker.worker", str(Path(scratch) / "job.json")]
        # Held back until there is somebody to end the worker, which a Ctrl-C in its own session does not reach.
        unmasked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            with (
                log.open("wb") as log_file,
                subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=log_file,
                    env=_environment(Path(scratch)),
                    cwd=ROOT,
                    start_new_session=True,
                    text=True,
                ) as process,
            ):
                try:
                    signal.pthread_sigmask(signal.SIG_SETMASK, unmasked)
                    assert process.stdout is not None
                    for line in process.stdout:
                        if progress:
                            progress(json.loads(line)["done"])
                    code = process.wait()
                except BaseException:
                    os.killpg(process.pid, signal.SIGKILL)  # it may have compilers below it
                    raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, unmasked)
        if code != 0 or not answer.exists():
            raise FinnError(f"finn {task}: {_reason(code, log, folder)}; its log is {log}")
        result: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
        if "refusal" in result:
            raise TypesError(f"finn {task}: {result['refusal']}")
        return result


def _reason(code: int, log: Path, folder: Path) -> str:
    """The cause: FINN's own log knows best, then what the process printed, then how it ended."""
    for file in (folder / "output" / "build_dataflow.log", log):
        error = last_error_in(file)
        if error != NO_ERROR:
            return f"FINN failed ({error})"
    if code < 0:
        return f"FINN was killed by {signal.Signals(-code).name} (out of memory?)"
    return f"FINN ended with status {code} without an error"


def _environment(scratch: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    build = scratch / "build"
    build.mkdir()
    return {
        **kept,
        "HOME": str(scratch),
        "PYTHONPATH": str(ROOT),
        "FINN_BUILD_DIR": str(build),
        "FINN_SETTINGS": str(scratch / "settings.yaml"),
        "XILINX_VIVADO": NO_VIVADO,
        "OMP_NUM_THREADS": "1",  # small matrices: more threads make the node by node executor 8 times slower
        "OPENBLAS_NUM_THREADS": "1",
    }
