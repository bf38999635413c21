"""Xilinx 7-series without a licence: Yosys, nextpnr-xilinx and the tools of Project X-Ray, where they are installed."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from hw.fpga.chip import CHIP, Chip
from hw.fpga.programs import NEXTPNR_XILINX, OF_FLOW, OPENXC7, XC7FRAMES2BIT, FpgaError
from hw.fpga.result import Implementation, Used
from hw.fpga.steps import bring, step, what_step_says
from hw.fpga.tools import run_step
from hw.fpga.xilinx import constraints
from hw.fpga.yosys_nextpnr import Packed, Placed, Placer, Say, check_fits, place_and_route, synthesize
from hw.synth.yosys import BRAM18_OF_CELL, FLIP_FLOPS, LUTS_OF_CELL

FLOW = "openxc7"
SYNTHESIS = "synth_xilinx -family xc7 -abc9 -flatten"
CHIPDB, PRJXRAY = "CHIPDB", "PRJXRAY_DB_DIR"
FASM, FRAMES_FILE, BITSTREAM = "chip.fasm", "chip.frames", f"{CHIP}.bit"
_PART = re.compile(r"(xc7[azks]\d+t?)i?([a-z]{3}\d+)-(\d)\w*", re.IGNORECASE)
_FAMILIES = {"a": "artix7", "z": "zynq7", "k": "kintex7", "s": "spartan7"}


def databases(chip: Chip) -> tuple[str, str, str]:
    """Nextpnr's database of the part, Project X-Ray's of its family, and the part as that spells it.

    Raises:
        FpgaError: the part is no 7-series part, or a folder of databases is not named.
    """
    found = _PART.fullmatch(chip.board.part)
    if found is None:
        raise FpgaError(f"implement: board {chip.board.name}: part {chip.board.part!r} is no 7-series part by its name")
    for variable in (CHIPDB, PRJXRAY):
        if not Path(os.environ.get(variable, "")).is_dir() or variable not in os.environ:
            raise FpgaError(f"implement: flow {FLOW} needs {variable}, the folder of its database; {OPENXC7}")
    device, package, speed = (text.lower() for text in found.groups())
    database = Path(os.environ[CHIPDB]) / f"{device}{package}.bin"
    if not database.is_file():
        raise FpgaError(f"implement: {database} is not there; make it with openXC7's bbaexport.py and bbasm")
    family = str(Path(os.environ[PRJXRAY]) / _FAMILIES[device[3]])
    return str(database), family, f"{device}{package}-{speed}"


def implement(chip: Chip, source: Path, work: Path, seeds: Sequence[int], say: Say) -> Implementation:
    """As of ``hw.fpga.ecp5``.

    Raises:
        FpgaError: a tool or database is missing, a tool fails or is killed, the board names no pins, or the design
            does not fit.
    """
    programs = [tool.require(FLOW) for tool in OF_FLOW[FLOW]]
    if chip.uart is None:
        raise FpgaError(
            f"implement: flow {FLOW} places nothing without pins, and board {chip.board.name} names none ([uart] in a "
            ".toml file of your own); --flow vivado does"
        )
    database, family, part = databases(chip)
    synthesis = synthesize(chip, source, work, SYNTHESIS, say)
    check_fits(chip.board, _wanted(chip, synthesis.cells))
    options = ("--chipdb", database, "--xdc", "chip.xdc", "--fasm", FASM, "--timing-allow-fail")
    placer = Placer(programs[0], NEXTPNR_XILINX.found() or "", options, {"chip.xdc": constraints(chip)})
    placed = place_and_route(chip.board, synthesis, placer, work, seeds, say)
    packed = _pack(chip, placed, programs[1:], (family, part), work, say)
    tools = {"nextpnr-xilinx": placer.version, "xc7frames2bit": XC7FRAMES2BIT.found() or ""}
    return placed.implementation(synthesis, packed, tools)


def counts(used: Mapping[str, Used]) -> tuple[int, int, int]:
    """Tables of 6 inputs, flip-flops and block RAMs of 18 kbit."""

    def of(*names: str) -> int:
        return sum(used[name].used for name in names if name in used)

    return of("SLICE_LUTX"), of("SLICE_FFX"), of("RAMB18E1_RAMB18E1") + 2 * of("RAMB36E1_RAMB36E1")


def _pack(chip: Chip, placed: Placed, programs: Sequence[str], target: tuple[str, str], work: Path, say: Say) -> Packed:
    if placed.fmax_mhz < float(chip.clock_hz / 1_000_000):
        return None, "the clock is not met", {}
    fasm, (family, part) = placed.folder / FASM, target

    def make(folder: Path) -> dict[str, object]:
        say("bitstream")
        to_frames = [programs[0], "--part", part, "--db-root", family, FASM, FRAMES_FILE]
        bring(fasm, folder / FASM)
        seconds = run_step(to_frames, folder, "fasm2frames", "frames.log")
        to_bits = [programs[1], "--part_file", f"{family}/{part}/part.yaml", "--part_name", part]
        to_bits += ["--frm_file", FRAMES_FILE, "--output_file", BITSTREAM]
        return {"seconds": seconds + run_step(to_bits, folder, "xc7frames2bit", "bits.log")}

    packed = step(work, "bitstream", [fasm, XC7FRAMES2BIT.found() or ""], make)
    return packed / BITSTREAM, "", {"bitstream": float(what_step_says(packed)["seconds"])}


def _wanted(chip: Chip, cells: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    luts = sum(LUTS_OF_CELL.get(kind, 0) * number for kind, number in cells.items())
    ffs = sum(number for kind, number in cells.items() if kind in FLIP_FLOPS)
    blocks = sum(BRAM18_OF_CELL.get(kind, 0) * number for kind, number in cells.items())
    board = chip.board
    return {
        "tables of 6 inputs": (luts, board.luts),
        "flip-flops": (ffs, board.ffs),
        "block RAMs of 18 kbit": (blocks, board.bram18),
    }
