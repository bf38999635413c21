"""The accelerator as the board's processor sees it: two DMA engines, one that reads images and one that writes answers.

pynq is imported only when a bitfile is loaded. ``Simulated`` takes its place on any machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from bnn.chain import Chain
from bnn.classes import classes_of
from bnn.errors import UserError
from bnn.readers import in_one_line
from finn_build.board import evaluator
from finn_build.board.command import COMMAND
from finn_build.board.interface import Interface

# Registers of FINN's DMA engines (Vitis HLS's standard control interface).
CONTROL, ADDRESS_LOW, ADDRESS_HIGH, REPETITIONS = 0x00, 0x10, 0x14, 0x1C
START, DONE, IDLE = 0x1, 0x2, 0x4
TIMEOUT_SECONDS = 10.0


class AcceleratorError(UserError, RuntimeError):
    """The accelerator cannot be loaded or does not answer: one line with what to look at."""


class Accelerator(Protocol):
    """Something that answers images."""

    simulated: bool

    def load(self, images: NDArray[np.uint8]) -> None:
        """Put (n, H, W, C) images where the accelerator reads them."""

    def run(self, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        """Answer the loaded images; returns when the last answer is written, AcceleratorError where none comes."""

    def answers(self) -> NDArray[np.int64]:
        """(n, output_values) of the last run."""

    def clock_mhz(self) -> float | None:
        """The clock as read back from the board; None where there is none."""


class Simulated:
    """The integer network in the accelerator's place."""

    simulated = True

    def __init__(self, network: Chain, gives_labels: bool) -> None:
        self._network = network
        self._gives_labels = gives_labels
        self._images = np.zeros((0, *network.input.shape), np.uint8)
        self._answers = np.zeros((0, 1), np.int64)

    def load(self, images: NDArray[np.uint8]) -> None:
        """Keep the images."""
        self._images = images

    def run(self, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        """Compute the answers, however long it takes: a computation ends."""
        starts = range(0, len(self._images), evaluator.FRAMES_AT_ONCE)
        last = self._network.layers[-1].name
        parts = [
            evaluator.trace(self._network, self._images[start : start + evaluator.FRAMES_AT_ONCE])[last]
            for start in starts
        ]
        accumulators = np.concatenate(parts).astype(np.int64)
        self._answers = classes_of(accumulators)[:, None] if self._gives_labels else accumulators

    def answers(self) -> NDArray[np.int64]:
        """(n, output_values)."""
        return self._answers

    def clock_mhz(self) -> float | None:
        """None: it has no clock."""
        return None


class ZynqAccelerator:
    """A bitfile on a Zynq board, with a buffer of frames and one of answers.

    Attributes:
        whole: what must be true of the file, for the message where pynq cannot load it.
        reaching: who reaches the buffers, likewise.
    """

    simulated = False
    whole: ClassVar[str]
    reaching: ClassVar[str]

    def __init__(self, bitfile: Path, clock_mhz: float, input_bytes: int, output_bytes: int) -> None:
        """Load the bitfile, set the clock to ``clock_mhz`` as nearly as the board can.

        Args:
            bitfile: with its .hwh beside it.
            clock_mhz: asked for.
            input_bytes: of a frame.
            output_bytes: of its answer.

        Raises:
            ImportError: pynq is not installed.
            AcceleratorError: the bitfile cannot be loaded.
        """
        import pynq  # type: ignore[import-not-found]  # noqa: PLC0415 - only boards have it

        self._clocks = pynq.ps.Clocks
        self._allocate: Callable[..., Any] = pynq.allocate
        try:
            self._overlay = pynq.Overlay(str(bitfile))
        except Exception as error:  # pynq raises whatever its layers do
            raise AcceleratorError(
                f"{bitfile}: pynq cannot load it ({in_one_line(error)}); run `{COMMAND}`, and see that the file is "
                f"{self.whole}"
            ) from error
        self._clocks.fclk0_mhz = clock_mhz
        self._frame_bytes = input_bytes, output_bytes
        self._count = 0
        self._input: Any = None
        self._output: Any = None

    def load(self, images: NDArray[np.uint8]) -> None:
        """Copy the images into memory that the bitfile reaches; AcceleratorError where there is not so much."""
        if len(images) != self._count:
            self._free()
            self._input = self._buffer(len(images), self._frame_bytes[0])
            self._output = self._buffer(len(images), self._frame_bytes[1])
            self._count = len(images)
        self._input[:] = images.reshape(self._count, -1)
        self._output[:] = 0xFF  # an answer that is not written must not be taken for one of the run before
        self._input.flush()
        self._output.flush()

    def clock_mhz(self) -> float | None:
        """The clock that the processor says it gives."""
        return float(self._clocks.fclk0_mhz)

    def _buffer(self, count: int, frame_bytes: int) -> Any:
        try:
            return self._allocate(shape=(count, frame_bytes), dtype=np.uint8)
        except Exception as error:  # pynq raises whatever its layers do
            raise AcceleratorError(
                f"the board gives no {count * frame_bytes:,} bytes that {self.reaching} ({in_one_line(error)}); give "
                "fewer frames at once with --batch"
            ) from error

    def _free(self) -> None:
        self._count = 0
        for buffer in (self._input, self._output):
            if buffer is not None:
                buffer.freebuffer()
        self._input = self._output = None


def comes_true(is_done: Callable[[], bool], seconds: float) -> bool:
    """Ask until it is done, or for so long; whether it is."""
    end = time.monotonic() + seconds
    while True:
        late = time.monotonic() > end  # asked first: a pause of this process between the two is not its fault
        if is_done():
            return True
        if late:
            return False


class PynqAccelerator(ZynqAccelerator):
    """FINN's bitfile."""

    whole = "whole and of this board"
    reaching = "the engines reach"

    def __init__(self, bitfile: Path, interface: Interface, clock_mhz: float) -> None:
        """As ``ZynqAccelerator``; AcceleratorError, too, where the bitfile has no engines of the interface's names."""
        super().__init__(bitfile, clock_mhz, interface.input_bytes, interface.output_bytes)
        self._interface = interface
        try:
            self._input_dma = getattr(self._overlay, interface.input_dma)
            self._output_dma = getattr(self._overlay, interface.output_dma)
        except AttributeError as error:
            raise AcceleratorError(
                f"{bitfile}: has no DMA engine that driver/ names ({in_one_line(error)}); copy bitfile/ and driver/ of "
                "one build"
            ) from error

    def run(self, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        """Start the writing engine, then the reading one, and wait until all answers are written.

        Raises:
            AcceleratorError: the engine is at work already, or has not finished in time.
        """
        if not self._output_dma.read(CONTROL) & IDLE:
            raise AcceleratorError(
                "the output engine is not idle: load the bitfile again, and see that nothing else uses the accelerator"
            )
        for engine, buffer in ((self._output_dma, self._output), (self._input_dma, self._input)):
            address = int(buffer.device_address)
            engine.write(ADDRESS_LOW, address & 0xFFFFFFFF)
            engine.write(ADDRESS_HIGH, address >> 32)
            engine.write(REPETITIONS, self._count)
            engine.write(CONTROL, START)
        # Reading the bit clears it, so that it is asked for nowhere else.
        if not comes_true(lambda: bool(self._output_dma.read(CONTROL) & DONE), timeout_seconds):
            raise AcceleratorError(self._silence(timeout_seconds))

    def answers(self) -> NDArray[np.int64]:
        """(n, output_values)."""
        self._output.invalidate()
        return self._interface.unpack(np.asarray(self._output))

    def _silence(self, seconds: float) -> str:
        """That it does not answer, how far it came, and what to look at."""
        came = int(self._input_dma.read(CONTROL))
        if came & (DONE | IDLE):
            how_far = "all images were read, but not all answers written: bitfile/ and driver/ must be of one build"
        else:
            how_far = "not all images were read: the bitfile must be of this board and meet its timing at this clock"
        return (
            f"the accelerator has not answered {self._count} frames in {seconds:.3g} s at {self.clock_mhz():.1f} MHz; "
            f"{how_far}; nothing else may use the board meanwhile; a slow design needs more --timeout"
        )
