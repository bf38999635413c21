"""Commands in processes of their own that can be killed at any moment, started from one that has imported everything.

Importing takes seconds, and a kill in that time would show nothing.
"""

import contextlib
import multiprocessing
import os
import signal
import sys
import time
from pathlib import Path

from flow.cli.main import run as askew

PRELOADED = (
    "tests.support.kills",
    "flow.stages.measure",
    "flow.report.html",
    "flow.stages.hardware",
    "training.fit.train",
    "onnx_export.export",
    "qonnx.core.onnx_exec",
)


def _serve(arguments: list[str], cache: str, said: str) -> None:
    os.setsid()
    os.environ["ASKEW_CACHE"] = cache
    with Path(said).open("a", encoding="utf-8") as opened:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(opened.fileno(), stream.fileno())
    sys.exit(askew(arguments))


class Started:
    """One command of `askew` at work.

    Attributes:
        began: `time.perf_counter` at its start.
    """

    def __init__(self, arguments: list[str], cache: Path, said: Path) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(list(PRELOADED))
        self._process = context.Process(target=_serve, args=(arguments, str(cache), str(said)))
        self._process.start()
        self.began = time.perf_counter()

    def kill(self, *, with_children: bool) -> int | None:
        """SIGKILL; with its children, or so that they go on without it. Its exit status, negative for a signal."""
        if with_children:
            self.end_children()
        else:
            self._process.kill()
        return self.wait()

    def wait(self) -> int | None:
        """Its exit status, when it has ended."""
        self._process.join()
        return self._process.exitcode

    def end_children(self) -> None:
        """SIGKILL for all that it has started and that is still there."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid or 0, signal.SIGKILL)
