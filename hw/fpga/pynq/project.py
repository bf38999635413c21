"""The folder that Vivado builds an overlay from: design, scripts, and ``settings.tcl`` with all that differs."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from pathlib import Path

from bnn.files import write_text
from bnn.version import VERSION
from hw.boards.board import Board
from hw.fpga.programs import FpgaError
from hw.generator import Design
from hw.generator.design import rtl_files, rtl_headers
from hw.generator.registers import REGISTERS, Access
from hw.generator.verilog import AXIS_LABEL_BITS, IP, MAX_DEFAULT_STREAM_BITS

SCRIPTS = Path(__file__).parent / "tcl"
BUILD_SCRIPT = "build.tcl"
SETTINGS = "settings.tcl"
OVERLAY = "askew_overlay"
DMA_CELL, CORE_CELL = "dma", "core"
LENGTH_BITS = 26
"""Of the DMA's length registers, which count bytes: as many as it has."""
CORE_RANGE, DMA_RANGE = 0x1000, 0x10000
LEAST_MEMORY_BITS = 32
"""Of a port of the DMA to the memory."""
IPXACT_ACCESS = {Access.READ: "read-only", Access.WRITE: "write-only", Access.CLEAR: "read-write"}


class Processor(Enum):
    """The processor beside the fabric: how the scripts call it, and what of it they must know.

    Attributes:
        address_bits: of an address of its memory.
        port_bits: of the port to it.
        control_base: where the port to the fabric's registers begins.
    """

    ZYNQ = ("zynq", 32, 64, 0x4000_0000)
    ZYNQMP = ("zynqmp", 40, 128, 0xA000_0000)

    def __init__(self, label: str, address_bits: int, port_bits: int, control_base: int) -> None:
        self.label = label
        self.address_bits = address_bits
        self.port_bits = port_bits
        self.control_base = control_base

    @classmethod
    def of(cls, board: Board) -> Processor:
        """That of the board's part; FpgaError where it has none."""
        part = board.part.lower()
        if board.family == "xc7" and part.startswith("xc7z"):
            return cls.ZYNQ
        if board.family == "zynquplus" and part.startswith(("xczu", "xck26", "xck24")):
            return cls.ZYNQMP
        raise FpgaError(
            f"pynq bitstream: board {board.name}: its part {board.part} has no processor of a Zynq, which PYNQ runs "
            f"on; `askew implement --board {board.name}` places the design there by itself"
        )


@dataclass(frozen=True, eq=False)
class Overlay:
    """A design with a DMA beside a board's processor.

    Attributes:
        design: what it computes.
        board: where.
        clock_mhz: that is asked of the processor's clock generator.

    Raises:
        FpgaError: when its processor is asked for, and the board has none.
    """

    design: Design
    board: Board
    clock_mhz: float

    @cached_property
    def processor(self) -> Processor:
        """The board's."""
        return Processor.of(self.board)

    @property
    def stream_bits(self) -> int:
        """Of a beat of pixels: no more than the memory's port gives, no more than a beat of the design takes."""
        first = self.design.dataflow.units[0].input
        return min(MAX_DEFAULT_STREAM_BITS, self.processor.port_bits, max(8, 1 << (first.width - 1).bit_length()))

    def settings(self) -> str:
        """``settings.tcl``."""
        processor = self.processor
        named = re.sub(r"[^a-z0-9]", "*", self.board.name.lower())
        values: dict[str, str | int | float] = {
            "design": OVERLAY,
            "part": self.board.part,
            "board_parts": f"*:{named}*:*",
            "processor": processor.label,
            "clock_mhz": f"{self.clock_mhz:g}",
            "core_module": IP,
            "core_cell": CORE_CELL,
            "dma_cell": DMA_CELL,
            "stream_bits": self.stream_bits,
            "memory_bits": max(LEAST_MEMORY_BITS, self.stream_bits),
            "label_bits": AXIS_LABEL_BITS,
            "length_bits": LENGTH_BITS,
            "address_bits": processor.address_bits,
            "dma_base": f"{processor.control_base:#010x}",
            "dma_range": DMA_RANGE,
            "core_base": f"{processor.control_base + DMA_RANGE:#010x}",
            "core_range": CORE_RANGE,
            "askew_version": VERSION,
            "network_hash": self.design.network.hash,
        }
        lines = [f"# {self.board.name}, network {self.design.network.hash}. Written by Askew {VERSION}."]
        lines += [f"set {name} {tcl_word(str(value))}" for name, value in values.items()]
        files = [*rtl_files(), *rtl_headers()]
        names = [*(f"rtl/{path.name}" for path in files), *self.design.sources(), f"{IP}.v"]
        lines.append(f"set sources {tcl_list(names)}")
        lines.append(f"set registers {tcl_list(register_entries())}")
        return "\n".join(lines) + "\n"

    def write(self, folder: Path) -> None:
        """Write the folder in the place of what was there, whole or not at all; what Vivado made in it goes too."""
        temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
        shutil.rmtree(temporary, ignore_errors=True)
        try:
            self.design.write(temporary / "rtl")
            for script in scripts():
                shutil.copyfile(script, temporary / script.name)
            write_text(temporary / SETTINGS, self.settings())
            shutil.rmtree(folder, ignore_errors=True)
            temporary.replace(folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def scripts() -> list[Path]:
    """The hand-written scripts."""
    return sorted(SCRIPTS.glob("*.tcl"))


def register_entries() -> list[str]:
    """Name, address, access in IP-XACT's words and meaning of every word of the registers, each a list of Tcl's."""
    entries = []
    for register in REGISTERS.values():
        for index, address in enumerate(register.addresses):
            name = f"{register.name}_{index}" if register.words > 1 else register.name
            access = IPXACT_ACCESS[register.access]
            entries.append(tcl_list([name, f"{address:#05x}", access, register.meaning])[1:-1])
    return entries


def tcl_word(text: str) -> str:
    """The text as one word of Tcl, whatever is in it; no line breaks."""
    return re.sub(r'([\\{}\[\]$";\s#])', r"\\\1", text) or "{}"


def tcl_list(texts: list[str]) -> str:
    """The texts as one braced list of Tcl."""
    return "{" + " ".join(tcl_word(text) for text in texts) + "}"
