"""Our own overlay as the board's processor sees it: one DMA in simple mode, and the design's registers.

Which registers the design has and where, ``deploy.json`` says; those of the DMA are Xilinx' (PG021, direct
register mode).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn.readers import in_one_line
from finn_build.board.accelerator import TIMEOUT_SECONDS, AcceleratorError, ZynqAccelerator, comes_true

READ, WRITE = 0x00, 0x30  # the half that reads memory (MM2S), the half that writes it (S2MM)
CONTROL, STATUS, ADDRESS, ADDRESS_HIGH, LENGTH = 0x00, 0x04, 0x18, 0x1C, 0x28  # in each half
RUN, RESET = 0x1, 0x4
HALTED, IDLE, ERRORS, COMPLETE = 0x1, 0x2, 0x70, 0x1000
ANSWER_BYTES = 4
RESET_READS = 1000  # of the control register, until a reset that takes some cycles is over


@dataclass(frozen=True)
class OverlayInterface:
    """What goes in and comes out, and where the registers lie.

    Attributes:
        input_bytes: of a frame, one a pixel, in the order (y, x, c).
        dma: the DMA's name in the bitfile.
        core: the design's.
        length_bits: of the DMA's length registers, which count bytes.
        network_hash: what the design must say that it is of.
        magic: what its register ``magic`` holds.
        registers: name to address in bytes.
        clear_counters: what is written to ``control`` to clear the counters.
    """

    input_bytes: int
    dma: str
    core: str
    length_bits: int
    network_hash: str
    magic: int
    registers: dict[str, int]
    clear_counters: int


class OverlayAccelerator(ZynqAccelerator):
    """Our own bitfile."""

    whole = "whole, of this board, and has its .hwh beside it"
    reaching = "the DMA reaches"

    def __init__(self, bitfile: Path, interface: OverlayInterface, clock_mhz: float) -> None:
        """As ``ZynqAccelerator``, and ask the design what it is.

        Raises:
            ImportError: pynq is not installed.
            AcceleratorError: the bitfile cannot be loaded, or is no overlay of this network.
        """
        super().__init__(bitfile, clock_mhz, interface.input_bytes, ANSWER_BYTES)
        self._interface = interface
        try:
            self._dma, self._core = getattr(self._overlay, interface.dma), getattr(self._overlay, interface.core)
        except AttributeError as error:
            raise AcceleratorError(
                f"{bitfile}: is no overlay of Askew's ({in_one_line(error)}); copy the deploy folder again"
            ) from error
        self._verify(bitfile)
        self._reset()  # from here on it is halted or idle, unless it is at work

    def run(self, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        """Start the writing half, then the reading one, and wait until all answers are written.

        Raises:
            AcceleratorError: the DMA is at work already or reports an error, the design says that frames were damaged,
                fewer answers came than frames went in, or not in time.
        """
        self._core.write(self._interface.registers["errors"], 0xFFFFFFFF)  # flags: writing 1 clears them
        self._core.write(self._interface.registers["control"], self._interface.clear_counters)
        for half in (READ, WRITE):
            if not self._dma.read(half + STATUS) & (HALTED | IDLE):
                raise AcceleratorError("the DMA is at work: see that nothing else uses the board, and run it again")
        for half, buffer in ((WRITE, self._output), (READ, self._input)):
            address = int(buffer.device_address)
            self._dma.write(half + CONTROL, RUN)
            self._dma.write(half + STATUS, COMPLETE)  # a flag: writing 1 clears it
            self._dma.write(half + ADDRESS, address & 0xFFFFFFFF)
            self._dma.write(half + ADDRESS_HIGH, address >> 32)
            self._dma.write(half + LENGTH, buffer.nbytes)
        if not comes_true(self._is_complete, timeout_seconds):
            self._stop(self._silence(timeout_seconds))
        came = self._dma.read(WRITE + LENGTH)
        if came != self._output.nbytes:
            self._stop(f"{came // ANSWER_BYTES} answers came for {self._count} frames; load the bitfile again")
        if flags := self._core.read(self._interface.registers["errors"]):
            self._stop(f"the design says that frames were too short or too long (errors {flags:#x}); run it again")

    def answers(self) -> NDArray[np.int64]:
        """(n, 1) labels of the last run."""
        self._output.invalidate()
        return np.ascontiguousarray(self._output).view("<u4").astype(np.int64)

    def _is_complete(self) -> bool:
        """All answers are written; AcceleratorError where the DMA reports an error instead."""
        status = self._dma.read(WRITE + STATUS)
        if status & ERRORS or self._dma.read(READ + STATUS) & ERRORS:
            self._stop("the DMA reports an error in the memory's addresses; copy the deploy folder again")
        return bool(status & COMPLETE)

    def _verify(self, bitfile: Path) -> None:
        registers = self._interface.registers
        magic = self._core.read(registers["magic"])
        if magic != self._interface.magic:
            raise AcceleratorError(
                f"{bitfile}: its registers begin with {magic:#010x}, not with {self._interface.magic:#010x}, so that "
                "it is no design of Askew's; copy the deploy folder again"
            )
        words = (self._core.read(registers["network_hash"] + 4 * index) for index in range(8))
        found = "".join(f"{word:08x}" for word in words)
        if found != self._interface.network_hash:
            raise AcceleratorError(
                f"{bitfile}: is of network {found[:12]}, this folder is of {self._interface.network_hash[:12]}; copy "
                "the deploy folder again"
            )

    def _stop(self, reason: str) -> None:
        """Reset the DMA, so that it writes into no memory that is freed, and say why."""
        self._reset()
        raise AcceleratorError(reason)

    def _reset(self) -> None:
        self._dma.write(READ + CONTROL, RESET)  # of both halves
        for _ in range(RESET_READS):
            if not self._dma.read(READ + CONTROL) & RESET:
                return
        raise AcceleratorError("the DMA does not come out of its reset: load the bitfile again")

    def _silence(self, seconds: float) -> str:
        """That it does not answer, how far it came by its own counters, and what to look at."""
        registers = self._interface.registers
        went, came = self._core.read(registers["frames_in"]), self._core.read(registers["frames_out"])
        return (
            f"the accelerator has not answered {self._count} frames in {seconds:.3g} s at {self.clock_mhz():.1f} MHz: "
            f"{went} went in, {came} labels came out; nothing else may use the board meanwhile; a slow design needs "
            "more --timeout"
        )

    def _buffer(self, count: int, frame_bytes: int) -> Any:
        wanted, most = count * frame_bytes, (1 << self._interface.length_bits) - 1
        if wanted > most:
            raise AcceleratorError(
                f"the DMA moves {most:,} bytes at once, {count} frames have {wanted:,}; give fewer frames at once with "
                "--batch"
            )
        return super()._buffer(count, frame_bytes)
