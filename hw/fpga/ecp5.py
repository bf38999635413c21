"""Lattice ECP5 without a licence: Yosys, nextpnr, ecppack, all of them Python wheels."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from hw.boards.board import Board
from hw.fpga.chip import CHIP, Chip
from hw.fpga.programs import ECPPACK, NEXTPNR_ECP5, FpgaError
from hw.fpga.result import Implementation, Used
from hw.fpga.steps import bring, step, what_step_says
from hw.fpga.tools import run_step
from hw.fpga.yosys_nextpnr import ROUTED, Packed, Placed, Placer, Say, check_fits, place_and_route, synthesize
from hw.units import PopcountStyle

FLOW = "ecp5"
CONFIGURATION, BITSTREAM = "chip.config", f"{CHIP}.bit"
SYNTHESIS = "synth_ecp5 -abc9"
COMB_OF_CELL = {"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 6, "INV": 1}
"""Tables that a cell takes; a LUT RAM takes a third slice for writing."""
_PART = re.compile(r"LFE5(U|UM|UM5G)-(12|25|45|85)F-([678])(BG|MG|TG)(\d+)[CI]")
_PACKAGES = {"BG": "CABGA", "MG": "CSFBGA", "TG": "TQFP"}


def device_options(board: Board) -> list[str]:
    """Nextpnr's options for a board's part; FpgaError where the part is not an ECP5's full name."""
    found = _PART.fullmatch(board.part)
    if found is None:
        raise FpgaError(
            f"implement: board {board.name}: part {board.part!r} is no ECP5 by its full name, such as LFE5U-85F-6BG381C"
        )
    series, size, speed, package, pins = found.groups()
    prefix = {"U": "", "UM": "um-", "UM5G": "um5g-"}[series]
    return [f"--{prefix}{size}k", "--package", f"{_PACKAGES[package]}{pins}", "--speed", speed]


def constraints(chip: Chip) -> str:
    """Pins and the oscillator's clock, in Lattice's language."""
    pins = chip.uart
    assert pins is not None
    text = f'FREQUENCY PORT "clk_i" {pins.clock_mhz:g} MHZ;\n'

    def place(port: str, site: str, *attributes: str) -> str:
        settings = " ".join([f"IO_TYPE={pins.io_standard}", *attributes])
        return f'LOCATE COMP "{port}" SITE "{site}";\nIOBUF PORT "{port}" {settings};\n'

    text += place("clk_i", pins.clock, "PULLMODE=NONE") + place("rx_i", pins.rx, "PULLMODE=UP") + place("tx_o", pins.tx)
    text += place("reset_i", pins.reset, "PULLMODE=DOWN") if pins.reset else ""
    for port, sites in (("led_o", pins.leds), ("high_o", pins.high)):
        text += "".join(place(f"{port}[{index}]", site) for index, site in enumerate(sites))
    return text


def implement(chip: Chip, source: Path, work: Path, seeds: Sequence[int], say: Say) -> Implementation:
    """Synthesize, place, route, time and pack the chip whose sources lie in ``source``.

    Args:
        chip: what is there.
        source: what ``Chip.write`` wrote.
        work: finished steps stay there, and are not done again.
        seeds: of the placer, one run each.
        say: is told what begins.

    Raises:
        FpgaError: a tool is missing, fails or is killed, the design does not fit, or its popcounts are carry chains.
    """
    if chip.design.popcount is PopcountStyle.CARRY:
        raise FpgaError(
            "implement: popcounts in carry chains count wrongly after Yosys' synth_ecp5; leave the style to the board"
        )
    ecppack, program, device = ECPPACK.require(FLOW), NEXTPNR_ECP5.require(FLOW), device_options(chip.board)
    synthesis = synthesize(chip, source, work, SYNTHESIS, say)
    check_fits(chip.board, wanted(chip.board, synthesis.cells))
    if chip.uart is None:
        options, files = ["--out-of-context", "--freq", f"{chip.asked_mhz:g}"], {}
    else:
        options, files = ["--lpf", "chip.lpf", "--textcfg", CONFIGURATION], {"chip.lpf": constraints(chip)}
    placer = Placer(program, NEXTPNR_ECP5.found() or "", (*device, "--timing-allow-fail", *options), files)
    placed = place_and_route(chip.board, synthesis, placer, work, seeds, say)
    packed = _pack(chip, placed, ecppack, work, say)
    tools = {"nextpnr-ecp5": placer.version, "ecppack": ECPPACK.found() or ""}
    return placed.implementation(synthesis, packed, tools, netlist=synthesis.netlist, routed=placed.folder / ROUTED)


def counts(used: Mapping[str, Used]) -> tuple[int, int, int]:
    """Tables of 4 inputs, flip-flops and block RAMs of 18 kbit."""
    comb, ffs, blocks = (used[name].used if name in used else 0 for name in ("TRELLIS_COMB", "TRELLIS_FF", "DP16KD"))
    return comb, ffs, blocks


def _pack(chip: Chip, placed: Placed, ecppack: str, work: Path, say: Say) -> Packed:
    if chip.uart is None:
        return None, f"board {chip.board.name} names no pins ([uart] in its file)", {}
    if placed.fmax_mhz < float(chip.clock_hz / 1_000_000):
        return None, "the clock is not met", {}
    configuration = placed.folder / CONFIGURATION

    def make(folder: Path) -> dict[str, object]:
        say("bitstream")
        bring(configuration, folder / CONFIGURATION)
        command = [ecppack, "--compress", CONFIGURATION, BITSTREAM]
        return {"seconds": run_step(command, folder, "ecppack", "said.log")}

    packed = step(work, "bitstream", [configuration, ECPPACK.found() or ""], make)
    return packed / BITSTREAM, "", {"bitstream": float(what_step_says(packed)["seconds"])}


def wanted(board: Board, cells: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """Resource in words to how much Yosys' cells take at least, and how much the board has."""
    luts = sum(COMB_OF_CELL.get(kind, 0) * number for kind, number in cells.items())
    return {
        "tables of 4 inputs": (luts, board.luts),
        "flip-flops": (cells.get("TRELLIS_FF", 0), board.ffs),
        "block RAMs of 18 kbit": (cells.get("DP16KD", 0) + cells.get("PDPW16KD", 0), board.bram18),
    }
