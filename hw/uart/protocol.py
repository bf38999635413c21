"""Packets on the serial line between a computer and a chip (``hw/fpga/rtl/askew_uart_pkg.sv`` is the other end).

Every packet ends with its CRC-16, high byte first; numbers are little-endian.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from bnn import UserError

FRAME, IDENTIFY = ord("F"), ord("I")
LABEL, IDENTITY, ERROR = ord("L"), ord("I"), ord("E")
ERRORS = {
    1: "a packet's check was wrong",
    2: "a frame came while another one was still waiting or streaming",
    3: "a packet stopped in its middle",
}
CRC_START = 0xFFFF
CRC_BYTES = 2
MAGIC = b"ASKW"
PROTOCOL = 1
_IDENTITY = struct.Struct("<4sBB32sIIIII")
_LABEL = struct.Struct("<BBHI")


class LineError(UserError):
    """The line to a chip does not work: nothing answers, or not in this protocol, or what comes is damaged."""


@dataclass(frozen=True)
class Identity:
    """What a chip says of itself.

    Attributes:
        network_hash: of the network that it computes, 64 hexadecimal digits.
        frame_bytes: of a frame, a byte a pixel and channel.
        classes: scores of a frame.
        score_bits: of a score, two's complement.
        clock_khz: of the design.
        baud: bits a second on the line.
    """

    network_hash: str
    frame_bytes: int
    classes: int
    score_bits: int
    clock_khz: int
    baud: int

    @property
    def score_bytes(self) -> int:
        """Of a score on the line."""
        return -(-self.score_bits // 8)

    @property
    def reply_bytes(self) -> int:
        """Of the answer to a frame."""
        return _LABEL.size + self.classes * self.score_bytes + CRC_BYTES

    @property
    def request_bytes(self) -> int:
        """Of a frame's packet."""
        return 4 + self.frame_bytes + CRC_BYTES

    def pack(self) -> bytes:
        """As it lies in the chip."""
        numbers = (self.frame_bytes, self.classes, self.score_bits, self.clock_khz, self.baud)
        return _IDENTITY.pack(MAGIC, PROTOCOL, 0, bytes.fromhex(self.network_hash), *numbers)

    @classmethod
    def unpack(cls, packed: bytes) -> Self:
        """From the chip; LineError where it speaks another protocol."""
        magic, protocol, _, network_hash, *numbers = _IDENTITY.unpack(packed)
        if magic != MAGIC or protocol != PROTOCOL:
            raise LineError(
                f"board: what answers is no Askew design of protocol {PROTOCOL}; load the bitstream that "
                "`askew implement` wrote"
            )
        return cls(network_hash.hex(), *numbers)


IDENTITY_BYTES = 1 + _IDENTITY.size + CRC_BYTES
"""Of the whole reply."""
ERROR_BYTES = 2 + CRC_BYTES


@dataclass(frozen=True, eq=False)
class Answer:
    """What a chip says of a frame.

    Attributes:
        number: the frame's, 0..255.
        label: its class.
        cycles: from its first beat to its label; of a frame that was repeated, to the last label.
        scores: (classes,) int64, as the stream into the last unit carries them.
    """

    number: int
    label: int
    cycles: int
    scores: NDArray[np.int64]


def crc16(data: bytes, crc: int = CRC_START) -> int:
    """CRC-16 with polynomial 0x1021, highest bit first; of a whole packet it is 0."""
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc


def packet(body: bytes) -> bytes:
    """``body`` with its check."""
    return body + crc16(body).to_bytes(CRC_BYTES, "big")


def frame_packet(number: int, pixels: NDArray[np.uint8], repeats: int = 1) -> bytes:
    """A frame, of any shape with channels last, to be streamed ``repeats`` (1..65,535) times."""
    return packet(struct.pack("<BBH", FRAME, number % 256, repeats) + pixels.tobytes())


def identify_packet() -> bytes:
    """Asks a chip what it is."""
    return packet(bytes([IDENTIFY]))


def read_answer(reply: bytes, identity: Identity) -> Answer:
    """A frame's answer, whose check must be right already."""
    _, number, label, cycles = _LABEL.unpack_from(reply)
    width = identity.score_bytes
    raw = np.frombuffer(reply[_LABEL.size : -CRC_BYTES], np.uint8).reshape(identity.classes, width).astype(np.int64)
    values = (raw << (8 * np.arange(width))).sum(axis=1)
    scores = np.where(values >> (8 * width - 1), values - (1 << 8 * width), values)
    return Answer(number, label, cycles, scores)
