"""The accelerator as the board's processor sees it: two DMA engines, one that reads images and one that writes answers.

pynq is imported only when a bitfile is loaded. ``Simulated`` takes its place on any machine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bnn.classes import classes_of
from bnn.network import Network
from finn_build.board import evaluator

# Registers of FINN's DMA engines (Vitis HLS's standard control interface).
CONTROL, ADDRESS_LOW, ADDRESS_HIGH, REPETITIONS = 0x00, 0x10, 0x14, 0x1C
START, DONE, IDLE = 0x1, 0x2, 0x4


@dataclass(frozen=True)
class Interface:
    """What goes in and comes out for one frame, as FINN's driver settings say.

    Attributes:
        input_bytes: one byte a pixel, in the order (y, x, c).
        output_values: numbers given for one frame.
        output_bits: bits of each.
        output_signed: whether they are in two's complement.
        output_width: numbers packed together into whole bytes.
        input_dma: the engine's name in the bitfile.
        output_dma: the engine's name in the bitfile.
    """

    input_bytes: int
    output_values: int
    output_bits: int
    output_signed: bool
    output_width: int
    input_dma: str
    output_dma: str

    @property
    def output_bytes(self) -> int:
        """Bytes written for one frame."""
        return self.output_values // self.output_width * (-(-self.output_width * self.output_bits // 8))

    def unpack(self, packed: NDArray[np.uint8]) -> NDArray[np.int64]:
        """(n, output_bytes) as written to memory to (n, output_values); element 0 of each group is lowest."""
        groups = packed.reshape(len(packed), self.output_values // self.output_width, -1)
        bits = np.unpackbits(groups, axis=2, bitorder="little", count=self.output_width * self.output_bits)
        bits = bits.reshape(len(packed), self.output_values, self.output_bits).astype(np.int64)
        values: NDArray[np.int64] = bits @ (np.int64(1) << np.arange(self.output_bits, dtype=np.int64))
        if self.output_signed:
            values -= (values >> (self.output_bits - 1)) << self.output_bits
        return values


class Accelerator(Protocol):
    """Something that answers images."""

    simulated: bool

    def load(self, images: NDArray[np.uint8]) -> None:
        """Put (n, H, W, C) images where the accelerator reads them."""

    def run(self) -> None:
        """Answer the loaded images; returns when the last answer is written."""

    def answers(self) -> NDArray[np.int64]:
        """(n, output_values) of the last run."""

    def clock_mhz(self) -> float | None:
        """The clock as read back from the board; None where there is none."""


class Simulated:
    """The integer network in the accelerator's place."""

    simulated = True

    def __init__(self, network: Network, gives_labels: bool) -> None:
        self._network = network
        self._gives_labels = gives_labels
        self._images = np.zeros((0, *network.input.shape), np.uint8)
        self._answers = np.zeros((0, 1), np.int64)

    def load(self, images: NDArray[np.uint8]) -> None:
        """Keep the images."""
        self._images = images

    def run(self) -> None:
        """Compute the answers."""
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


class PynqAccelerator:
    """FINN's bitfile on a Zynq board."""

    simulated = False

    def __init__(self, bitfile: Path, interface: Interface, clock_mhz: float) -> None:
        """Load the bitfile, set the clock to ``clock_mhz`` as nearly as the board can."""
        import pynq  # type: ignore[import-not-found]  # noqa: PLC0415 - only boards have it

        self._interface = interface
        self._clocks = pynq.ps.Clocks
        self._allocate: Callable[..., Any] = pynq.allocate
        self._overlay = pynq.Overlay(str(bitfile))
        self._clocks.fclk0_mhz = clock_mhz
        self._input_dma = getattr(self._overlay, interface.input_dma)
        self._output_dma = getattr(self._overlay, interface.output_dma)
        self._count = 0
        self._input: Any = None
        self._output: Any = None

    def load(self, images: NDArray[np.uint8]) -> None:
        """Copy the images into memory that the engines reach."""
        if len(images) != self._count:
            self._free()
            self._count = len(images)
            self._input = self._allocate(shape=(self._count, self._interface.input_bytes), dtype=np.uint8)
            self._output = self._allocate(shape=(self._count, self._interface.output_bytes), dtype=np.uint8)
        self._input[:] = images.reshape(self._count, -1)
        self._output[:] = 0xFF  # an answer that is not written must not be taken for one of the run before
        self._input.flush()
        self._output.flush()

    def run(self) -> None:
        """Start the writing engine, then the reading one, and wait until all answers are written."""
        if not self._output_dma.read(CONTROL) & IDLE:
            raise RuntimeError("the output engine is not idle: load the bitfile again")
        for engine, buffer in ((self._output_dma, self._output), (self._input_dma, self._input)):
            address = int(buffer.device_address)
            engine.write(ADDRESS_LOW, address & 0xFFFFFFFF)
            engine.write(ADDRESS_HIGH, address >> 32)
            engine.write(REPETITIONS, self._count)
            engine.write(CONTROL, START)
        while not self._output_dma.read(CONTROL) & DONE:
            pass

    def answers(self) -> NDArray[np.int64]:
        """(n, output_values)."""
        self._output.invalidate()
        return self._interface.unpack(np.asarray(self._output))

    def clock_mhz(self) -> float | None:
        """The clock that the processor says it gives."""
        return float(self._clocks.fclk0_mhz)

    def _free(self) -> None:
        for buffer in (self._input, self._output):
            if buffer is not None:
                buffer.freebuffer()
