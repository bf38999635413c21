"""The whole of a chip: a dataflow, the shell that talks to a computer over a serial line, clock, reset and lamps.

Structure only; the logic is in ``hw/fpga/rtl``.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

from bnn.files import write_json
from bnn.version import VERSION
from hw.boards.board import Board
from hw.boards.rates import clock_hz
from hw.boards.uart import UartPins
from hw.cycles import predict_cycles
from hw.fpga.pll import ECP5, XC7, Pll, solve_pll
from hw.generator import Design
from hw.generator.design import rtl_files, rtl_headers
from hw.generator.verilog import DATAFLOW, emit_dataflow, emit_instance
from hw.uart.protocol import Identity
from hw.units import module_name

CHIP = module_name("chip")
SHELL_FOLDER = Path(__file__).parent / "rtl"
IDENTITY_FILE = "mem/uart_identity.hex"
SOURCES = "files.f"
CHIP_MANIFEST = "chip.json"
PLACELESS_BAUD = 1_000_000  # of a chip without pins, whose serial line leads nowhere
TIMEOUT_SECONDS = Fraction(1, 10)
LARGEST_STEP = 1 << 12
PLLS = {"ecp5": ECP5, "xc7": XC7}


@dataclass(frozen=True, eq=False)
class Chip:
    """One design on one board.

    Attributes:
        design: what it computes.
        board: where.
        asked_mhz: the clock that is asked for.
    """

    design: Design
    board: Board
    asked_mhz: float

    @property
    def uart(self) -> UartPins | None:
        """The board's serial line; without one the chip has no pins, and there is no bitstream."""
        return self.board.uart

    @cached_property
    def pll(self) -> Pll | None:
        """The clock generator; None where the chip takes its clock as it comes.

        Raises:
            UserError: the board's oscillator cannot be brought near the clock that is asked for.
        """
        if self.uart is None or self.board.family not in PLLS or self.uart.clock_mhz == self.asked_mhz:
            return None
        return solve_pll(self.uart.clock_mhz, self.asked_mhz, PLLS[self.board.family])

    @cached_property
    def clock_hz(self) -> Fraction:
        """The clock that the design gets, in Hz."""
        return self.pll.clock_mhz * 1_000_000 if self.pll else clock_hz(self.asked_mhz)

    @cached_property
    def bit_cycles(self) -> Fraction:
        """Cycles that a bit on the serial line lasts, as the shell has it."""
        baud = min(self.uart.baud if self.uart else PLACELESS_BAUD, int(self.clock_hz / 8))
        return 1 / Fraction(baud / self.clock_hz).limit_denominator(LARGEST_STEP)

    @property
    def baud(self) -> int:
        """Bits a second on the serial line."""
        return round(self.clock_hz / self.bit_cycles)

    @cached_property
    def identity(self) -> Identity:
        """What the chip says of itself."""
        pixels, scores = self.design.dataflow.units[0].input, self._scores
        return Identity(
            network_hash=self.design.network.hash,
            frame_bytes=pixels.elements,
            classes=scores.elements,
            score_bits=scores.bits,
            clock_khz=round(self.clock_hz / 1000),
            baud=self.baud,
        )

    @property
    def _scores(self) -> Any:
        """The stream into the last unit."""
        return self.design.dataflow.units[-2].output

    def sources(self) -> dict[str, str]:
        """The SystemVerilog that is particular to this chip; file name to text."""
        header = [
            f"Askew {VERSION}, network {self.design.network.hash}, for {self.board.name}.",
            "Generated: instances, parameters and the wires between them. Logic is in rtl/.",
        ]
        dataflow = emit_dataflow(self.design.dataflow, header, stall_gates=False, score_tap=True)
        return {f"{DATAFLOW}.sv": dataflow, f"{CHIP}.sv": self._top(header)}

    def memories(self) -> dict[str, str]:
        """File name below the folder to contents: the weights, and what the chip says of itself."""
        identity = "".join(f"{byte:02x}\n" for byte in self.identity.pack())
        return dict(self.design.memories()) | {IDENTITY_FILE: identity}

    def write(self, folder: Path) -> None:
        """Write everything that synthesis and simulation read into an empty folder."""
        for name in ("mem", "rtl"):
            (folder / name).mkdir(parents=True)
        files = [*rtl_files(), *rtl_files(SHELL_FOLDER)]
        ordered = sorted(files, key=lambda path: (not path.stem.endswith("_pkg"), path.name))
        for path in [*ordered, *rtl_headers()]:
            shutil.copyfile(path, folder / "rtl" / path.name)
        for name, text in [*self.sources().items(), *self.memories().items()]:
            (folder / name).write_text(text, encoding="utf-8")
        names = [*(f"rtl/{path.name}" for path in ordered), *self.sources()]
        (folder / SOURCES).write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
        write_json(folder / CHIP_MANIFEST, self.manifest())

    def replace(self, folder: Path) -> None:
        """Write everything to ``folder``, in the place of what was there, whole or not at all."""
        temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
        shutil.rmtree(temporary, ignore_errors=True)
        try:
            self.write(temporary)
            shutil.rmtree(folder, ignore_errors=True)
            temporary.replace(folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def manifest(self) -> dict[str, Any]:
        """What the folder was made from, and how long the chip takes by the cycle model."""
        predicted = predict_cycles(self.design.dataflow)
        return {
            "network_hash": self.design.network.hash,
            "askew_version": VERSION,
            "board": self.board.name,
            "part": self.board.part,
            "clock_mhz": float(self.clock_hz / 1_000_000),
            "baud": self.baud,
            "bit_cycles": [self.bit_cycles.numerator, self.bit_cycles.denominator],
            "latency_cycles": predicted.latency_cycles,
            "frame_ii_cycles": predicted.frame_ii_cycles,
        }

    def _top(self, header: list[str]) -> str:
        pins = self.uart
        ports = ["input  logic clk_i", "input  logic rx_i", "output logic tx_o"]
        if pins is None:
            ports.append("input  logic rst_ni")
        else:
            ports += ["input  logic reset_i"] if pins.reset else []
            ports += [f"output logic [{len(pins.leds) - 1}:0] led_o"] if pins.leds else []
            ports += [f"output logic [{len(pins.high) - 1}:0] high_o"] if pins.high else []
        pixels, label, scores = self.design.dataflow.units[0].input, self.design.dataflow.units[-1].output, self._scores
        text = "".join(f"// {line}\n" for line in header) + f"module {CHIP} (\n    " + ",\n    ".join(ports) + "\n);\n"
        text += "  logic clk, rst_n, busy, failed;\n" + self._clock() + "\n"
        text += "  logic pixels_valid, pixels_ready, pixels_last, label_valid, label_ready, label_last, scores_valid;\n"
        text += f"  logic [{pixels.width - 1}:0] pixels_data;\n  logic [{label.width - 1}:0] label_data;\n"
        text += (
            f"  logic [{scores.width - 1}:0] scores_data;\n  logic unused_last;\n  assign unused_last = label_last;\n"
        )
        baud = 1 / self.bit_cycles
        parameters = {
            "BEATS": pixels.beats,
            "BEAT_BYTES": pixels.lanes,
            "CLASSES": scores.elements,
            "LANES": scores.lanes,
            "SCORE_W": scores.bits,
            "LABEL_W": label.width,
            "STEP": baud.numerator,
            "MODULUS": baud.denominator,
            "TIMEOUT": int(self.clock_hz * TIMEOUT_SECONDS),
            "IDENTITY_BYTES": len(self.identity.pack()),
            "IDENTITY_FILE": f'"{IDENTITY_FILE}"',
        }
        shell = {
            "clk_i": "clk",
            "rst_ni": "rst_n",
            "rx_i": "rx_i",
            "tx_o": "tx_o",
            "pixels_valid_o": "pixels_valid",
            "pixels_ready_i": "pixels_ready",
            "pixels_data_o": "pixels_data",
            "pixels_last_o": "pixels_last",
            "label_valid_i": "label_valid",
            "label_ready_o": "label_ready",
            "label_i": "label_data",
            "scores_valid_i": "scores_valid",
            "scores_i": "scores_data",
            "busy_o": "busy",
            "error_o": "failed",
        }
        text += emit_instance(module_name("uart_shell"), "i_shell", parameters, shell)
        core = {"clk_i": "clk", "rst_ni": "rst_n", "scores_valid": "scores_valid", "scores_data": "scores_data"}
        for name in ("valid", "ready", "data", "last"):
            core |= {f"pixels_{name}": f"pixels_{name}", f"result_{name}": f"label_{name}"}
        text += emit_instance(DATAFLOW, "i_dataflow", {}, core)
        if pins is None:
            return text + "  logic unused_lamps;\n  assign unused_lamps = busy ^ failed;\nendmodule\n"
        lamps = ["rst_n", "busy", "failed", *(f"shown[{i}]" for i in range(label.width))][: len(pins.leds)]
        text += f"  logic [{label.width - 1}:0] shown;\n"
        text += "  always_ff @(posedge clk) if (label_valid && label_ready) shown <= label_data;\n"
        if pins.leds:
            text += f"  assign led_o = {len(pins.leds)}'({{{', '.join(reversed(lamps))}}});\n"
        text += "  assign high_o = '1;\n" if pins.high else ""
        return text + "endmodule\n"

    def _clock(self) -> str:
        """The clock generator, and a reset that lasts until it is locked and some cycles more."""
        if self.uart is None:
            return "  assign clk = clk_i;\n  assign rst_n = rst_ni;\n"
        text = "  logic locked;\n" + ("  logic feedback;\n" if self.pll and self.board.family == "xc7" else "")
        if self.pll is None:
            text += "  assign clk = clk_i;\n  assign locked = 1'b1;\n"
        else:
            text += emit_instance(*_generator(self.board.family, self.uart.clock_mhz, self.pll))
        ports = {"clk_i": "clk", "locked_i": "locked", "button_i": "reset_i" if self.uart.reset else "1'b0"}
        return text + emit_instance(module_name("chip_reset"), "i_reset", {}, ports | {"rst_no": "rst_n"})


def shell_sources() -> str:
    """SHA-256 of the hand-written modules of the shell."""
    total = hashlib.sha256()
    for path in rtl_files(SHELL_FOLDER):
        total.update(path.name.encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


def _generator(family: str, oscillator_mhz: float, pll: Pll) -> tuple[str, str, dict[str, int | str], dict[str, str]]:
    """The family's primitive, the instance's name, its parameters and its ports."""
    if family == "ecp5":
        parameters: dict[str, int | str] = {
            "CLKI_DIV": pll.input_divider,
            "CLKFB_DIV": pll.multiplier,
            "CLKOP_DIV": pll.output_divider,
            "CLKOP_CPHASE": pll.output_divider // 2,
            "CLKOP_ENABLE": '"ENABLED"',
            "FEEDBK_PATH": '"CLKOP"',
        }
        ports = {"CLKI": "clk_i", "CLKFB": "clk", "CLKOP": "clk", "LOCK": "locked", "RST": "1'b0", "STDBY": "1'b0"}
        ports |= dict.fromkeys(("PHASESEL0", "PHASESEL1", "PHASEDIR", "PHASESTEP", "PHASELOADREG"), "1'b0")
        ports |= {"PLLWAKESYNC": "1'b0", "ENCLKOP": "1'b0"}
        return "EHXPLLL", "i_pll", parameters, ports
    parameters = {
        "CLKIN1_PERIOD": f"{1000 / oscillator_mhz:.3f}",
        "DIVCLK_DIVIDE": pll.input_divider,
        "CLKFBOUT_MULT": pll.multiplier,
        "CLKOUT0_DIVIDE": pll.output_divider,
    }
    ports = {"CLKIN1": "clk_i", "CLKFBOUT": "feedback", "CLKFBIN": "feedback", "CLKOUT0": "clk", "LOCKED": "locked"}
    return "PLLE2_BASE", "i_pll", parameters, ports | {"PWRDWN": "1'b0", "RST": "1'b0"}
