"""A serial port of this computer, with nothing but the operating system."""

from __future__ import annotations

import os
import select
import termios
import time
import tty
from typing import Self

from hw.uart.protocol import LineError

TIMEOUT_SECONDS = 2.0


class SerialPort:
    """8 data bits, no parity, 1 stop bit, no flow control. A context manager."""

    def __init__(self, path: str, baud: int, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        """Open the port.

        Raises:
            LineError: there is no such port, it may not be used, or the operating system does not know the baud rate.
        """
        speed = getattr(termios, f"B{baud}", None)
        if speed is None:
            raise LineError(f"board: this system has no baud rate of {baud:,}; use another in the board's file")
        try:
            self._file = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        except OSError as error:
            raise LineError(f"board: {path}: {error.strerror}; give the port that the board is on to --port") from error
        self._timeout_seconds = timeout_seconds
        try:
            tty.setraw(self._file)
            settings = termios.tcgetattr(self._file)
            settings[2] = termios.CS8 | termios.CREAD | termios.CLOCAL
            settings[4] = settings[5] = speed
            termios.tcsetattr(self._file, termios.TCSANOW, settings)
        except termios.error as error:
            os.close(self._file)
            raise LineError(f"board: {path} is no serial port ({error.args[-1]})") from error

    def write(self, data: bytes) -> None:
        """Send all of it; LineError where the port takes nothing more."""
        while data:
            _, ready, _ = select.select([], [self._file], [], self._timeout_seconds)
            if not ready:
                raise LineError("board: the port takes no more bytes")
            data = data[os.write(self._file, data) :]

    def read(self, count: int) -> bytes:
        """So many bytes, or fewer where nothing comes for the time-out."""
        found = b""
        end = time.monotonic() + self._timeout_seconds
        while len(found) < count and (left := end - time.monotonic()) > 0:
            ready, _, _ = select.select([self._file], [], [], left)
            if not ready:
                break
            try:
                got = os.read(self._file, count - len(found))
            except OSError as error:
                raise LineError(f"board: the port is gone ({error.strerror})") from error
            if not got:
                break
            found += got
            end = time.monotonic() + self._timeout_seconds
        return found

    def flush(self) -> None:
        """Drop what came and was not read."""
        termios.tcflush(self._file, termios.TCIOFLUSH)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)
