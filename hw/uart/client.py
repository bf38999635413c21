"""The client of a chip on a serial line: frames there, answers back, and how long that takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hw.uart.protocol import (
    CRC_BYTES,
    ERROR,
    ERROR_BYTES,
    ERRORS,
    IDENTITY,
    IDENTITY_BYTES,
    LABEL,
    Answer,
    Identity,
    LineError,
    crc16,
    frame_packet,
    identify_packet,
    read_answer,
)

MOST_REPEATS = 1100
LONGEST_MILLISECONDS = 500  # that a frame is repeated for: well within what a port waits


class Port(Protocol):
    """A serial line."""

    def write(self, data: bytes) -> None:
        """Send all of it."""

    def read(self, count: int) -> bytes:
        """So many bytes, or fewer where they do not come in time."""

    def flush(self) -> None:
        """Drop what came and was not read."""


@dataclass(frozen=True, eq=False)
class Answers:
    """What a chip answered to n frames.

    Attributes:
        labels: (n,) int64.
        scores: (n, classes) int64, as the stream into the last unit carries them.
        cycles: (n,) int64, each frame's latency alone in the chip.
        seconds: for all of them, line included.
        round_trip_seconds: of one frame alone, line included: the median of some.
        frame_ii_cycles: between labels while one frame streams again and again.
    """

    labels: NDArray[np.int64]
    scores: NDArray[np.int64]
    cycles: NDArray[np.int64]
    seconds: float
    round_trip_seconds: float
    frame_ii_cycles: float


class Client:
    """A chip that answers on a port."""

    def __init__(self, port: Port) -> None:
        """Ask the chip what it is.

        Raises:
            LineError: nothing answers, or something else.
        """
        self._port = port
        port.flush()
        port.write(identify_packet())
        self.identity = Identity.unpack(self._reply(IDENTITY, IDENTITY_BYTES)[1:-CRC_BYTES])

    def run(
        self,
        images: NDArray[np.uint8],
        advance: Callable[[int], None] | None = None,
        repeats: tuple[int, int] | None = None,
    ) -> Answers:
        """Every frame of (n, H, W, C) once, n at least 1, and then the first one often, to measure the rate.

        Args:
            images: the frames.
            advance: is told how many more frames were answered.
            repeats: how often the first frame is streamed, a few times and many times; None: as is good for a board.

        Raises:
            LineError: an answer does not come, is damaged, or is an error; the message says which.
        """
        assert images[0].size == self.identity.frame_bytes
        start = time.perf_counter()
        self._port.write(frame_packet(0, images[0]))
        answers = [self._answer(0)]
        ahead = self._frames_ahead(answers[0].cycles)
        for number in range(1, len(images) + ahead - 1):
            if number < len(images):
                self._port.write(frame_packet(number, images[number]))
            if number >= ahead and len(answers) < len(images):
                answers.append(self._answer(len(answers)))
                if advance:
                    advance(1)
        if advance:
            advance(1)
        seconds = time.perf_counter() - start
        trips = [self._round_trip(images[0]) for _ in range(3)]
        few_and_many = repeats or self._repeats(answers[0].cycles)
        few, many = (self._repeat(images[0], count) for count in few_and_many)
        return Answers(
            labels=np.array([answer.label for answer in answers], np.int64),
            scores=np.stack([answer.scores for answer in answers]),
            cycles=np.array([answer.cycles for answer in answers], np.int64),
            seconds=seconds,
            round_trip_seconds=float(np.median(trips)),
            frame_ii_cycles=(many - few) / (few_and_many[1] - few_and_many[0]),
        )

    def _frames_ahead(self, cycles: int) -> int:
        """How many frames may be on their way, where one takes so many cycles in the chip.

        Two, unless answers take longer on the line than frames do, or a frame would come before the one before it has
        been streamed: the chip refuses that.
        """
        identity = self.identity
        on_line = identity.request_bytes * 10 / identity.baud
        in_chip = cycles / (identity.clock_khz * 1000)
        return 2 if identity.reply_bytes <= identity.request_bytes and in_chip < on_line else 1

    def _repeats(self, cycles: int) -> tuple[int, int]:
        """How often a frame is repeated to measure the rate of a chip that takes so many cycles for one."""
        many = max(10, min(MOST_REPEATS, LONGEST_MILLISECONDS * self.identity.clock_khz // max(1, cycles)))
        return many // 10 + 1, many

    def _round_trip(self, image: NDArray[np.uint8]) -> float:
        start = time.perf_counter()
        self._port.write(frame_packet(0, image))
        self._answer(0)
        return time.perf_counter() - start

    def _repeat(self, image: NDArray[np.uint8], repeats: int) -> int:
        self._port.write(frame_packet(0, image, repeats))
        return self._answer(0).cycles

    def _answer(self, number: int) -> Answer:
        answer = read_answer(self._reply(LABEL, self.identity.reply_bytes), self.identity)
        if answer.number != number % 256:
            raise LineError(f"board: an answer to frame {answer.number} came instead of one to {number % 256}")
        return answer

    def _reply(self, kind: int, count: int) -> bytes:
        """A reply of ``count`` bytes whose check is right."""
        reply = self._port.read(1)
        if not reply:
            raise LineError("board: nothing answers; is the bitstream loaded, and is this its port and baud rate?")
        wanted = ERROR_BYTES if reply[0] == ERROR else count
        reply += self._port.read(wanted - 1)
        if len(reply) < wanted or crc16(reply) or reply[0] not in (kind, ERROR):
            raise LineError(
                f"board: a damaged answer ({len(reply)} of {wanted} bytes, from {reply[:4].hex(' ')} on); "
                "is the baud rate that of the bitstream?"
            )
        if reply[0] == ERROR:
            raise LineError(f"board: the chip says: {ERRORS.get(reply[1], f'error {reply[1]}')}; run it again")
        return reply
