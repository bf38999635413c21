"""A serial port of the operating system. Oracle: the other end of a pseudo-terminal, which changes nothing."""

from __future__ import annotations

import os
import pty
import termios

import pytest

from hw.uart.port import SerialPort
from hw.uart.protocol import LineError


def test_every_byte_goes_both_ways_unchanged():
    ours, theirs = pty.openpty()
    with SerialPort(os.ttyname(theirs), 115200, 0.2) as port:
        data = bytes(range(256))
        port.write(data)
        assert os.read(ours, 1000) == data
        os.write(ours, data)
        assert port.read(256) == data
        assert port.read(1) == b""
        os.write(ours, b"late")
        port.flush()
        speed = termios.tcgetattr(theirs)[4]
        assert speed == termios.B115200
    os.close(ours)
    os.close(theirs)


def test_what_is_no_port_is_said(tmp_path):
    with pytest.raises(LineError, match=r"none: No such file or directory; give the port that"):
        SerialPort(str(tmp_path / "none"), 115200)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(LineError, match=r"file is no serial port"):
        SerialPort(str(tmp_path / "file"), 115200)
    with pytest.raises(LineError, match=r"this system has no baud rate of 12,345"):
        SerialPort(str(tmp_path / "none"), 12345)
