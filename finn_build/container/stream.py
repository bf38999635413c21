"""Runs a long command, shows and keeps what it prints with the step and time, and cleans up whatever ends it."""

from __future__ import annotations

import codecs
import os
import pty
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from finn_build.worker.buildlog import Step, step_of

SILENCE_SECONDS = 60.0  # then a line says that it is still running
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Emit = Callable[[str], None]


def run_streaming(
    command: Sequence[str],
    log: Path,
    emit: Emit,
    clean_up: Callable[[], None],
    *,
    environment: Mapping[str, str] | None = None,
    in_terminal: bool = False,
) -> int:
    """Run ``command`` and return its status.

    Args:
        command: program and arguments.
        log: gets every line, after what it already has.
        emit: gets every line with the time since the start and the current step before it.
        clean_up: called when this is interrupted (Ctrl-C, SIGTERM, SIGHUP) or fails, before the command is killed.
        environment: None for ours.
        in_terminal: give the command a terminal of its own, for programs that refuse to run without one.

    Raises:
        KeyboardInterrupt: after the clean-up.
        OSError: the log cannot be written (a full disk), after the clean-up.
    """
    with _signals_interrupt(), log.open("a", encoding="utf-8") as kept:
        reader, writer = pty.openpty() if in_terminal else os.pipe()
        try:
            process = subprocess.Popen(
                command,
                stdin=writer if in_terminal else subprocess.DEVNULL,
                stdout=writer,
                stderr=writer,
                env=environment,
                start_new_session=True,  # Ctrl-C is ours to pass on, after the container is stopped
            )
        except OSError:
            os.close(reader)
            raise
        finally:
            os.close(writer)
        with process:
            try:
                shown = _Shown(emit)
                for line in _lines(reader):
                    if line is not None:
                        kept.write(line + "\n")
                        kept.flush()
                    shown.line(line)
                return process.wait()
            except BaseException:
                _in_peace(clean_up)
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                raise
            finally:
                os.close(reader)


class _Shown:
    """Lines with the time and step in front of them."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._start = time.monotonic()
        self._step: Step | None = None

    def line(self, line: str | None) -> None:
        """Show a line; None for a minute of silence."""
        if line is not None:
            self._step = step_of(line) or self._step
        seconds = int(time.monotonic() - self._start)
        clock = f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        step = f" {self._step.name} {self._step.index}/{self._step.total}" if self._step else ""
        self._emit(f"[{clock}{step}] {'still running' if line is None else line}")


def _lines(reader: int) -> Iterator[str | None]:
    """Every line that arrives; None after each SILENCE_SECONDS without one."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    pending = ""
    while True:
        if not select.select([reader], [], [], SILENCE_SECONDS)[0]:
            yield None
            continue
        try:
            received = os.read(reader, 65536)
        except OSError:  # a terminal whose program has ended
            received = b""
        pending += decoder.decode(received, final=not received)
        *lines, pending = pending.split("\n")
        for line in lines:
            yield line.rstrip("\r")
        if not received:
            if pending:
                yield pending.rstrip("\r")
            return


@contextmanager
def _signals_interrupt() -> Iterator[None]:
    """Every signal that asks us to end becomes a KeyboardInterrupt, so that there is one way out."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt(signal.Signals(number).name)

    with _handling(interrupt):
        yield


def _in_peace(clean_up: Callable[[], None]) -> None:
    """Clean up; a second Ctrl-C meanwhile must not leave a container behind."""
    with _handling(signal.SIG_IGN):
        clean_up()


@contextmanager
def _handling(handler: signal.Handlers | Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Handle the ending signals so for a while; only the main thread may, and only it is interrupted."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {number: signal.signal(number, handler) for number in ENDING_SIGNALS}
    try:
        yield
    finally:
        for number, former in previous.items():
            signal.signal(number, former)
