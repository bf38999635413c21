"""Xilinx parts with Vivado, where it is on the path: one batch script, and what its reports say."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from hw.fpga.chip import CHIP, SOURCES, Chip
from hw.fpga.programs import VIVADO, FpgaError
from hw.fpga.result import Implementation, Seed, TimedPath, Used, unit_of
from hw.fpga.steps import step, what_step_says
from hw.fpga.tools import run_step
from hw.fpga.xilinx import constraints
from hw.fpga.yosys_nextpnr import Say, too_large

FLOW = "vivado"
BITSTREAM = f"{CHIP}.bit"
TIMING, UTILIZATION, PATHS = "timing.rpt", "utilization.rpt", "paths.rpt"
DIRECTIVES = ("Explore", "ExtraNetDelay_high", "AltSpreadLogic_high", "ExtraTimingOpt", "SSI_SpreadLogic_high")
"""Of place_design: Vivado has no seeds, so that a seed is one of these."""
NO_ROOM = ("Place 30-640", "Place 30-487", "over-utilized", "DRC UTLZ-1")


def script(chip: Chip, sources: Sequence[str], seed: int) -> str:
    """The batch script. A chip without pins is built out of context, and has no bitstream."""
    has_pins = chip.uart is not None
    lines = [
        f"read_verilog -sv {{{' '.join(sources)}}}",
        "read_xdc chip.xdc" if has_pins else "read_xdc -mode out_of_context chip.xdc",
        f"synth_design -top {CHIP} -part {chip.board.part}" + ("" if has_pins else " -mode out_of_context"),
        "opt_design",
        f"place_design -directive {DIRECTIVES[(seed - 1) % len(DIRECTIVES)]}",
        "phys_opt_design",
        "route_design",
        f"report_timing_summary -file {TIMING}",
        f"report_timing -max_paths 10 -nworst 1 -file {PATHS}",
        f"report_utilization -file {UTILIZATION}",
        "write_checkpoint -force routed.dcp",
    ]
    return "\n".join([*lines, *([f"write_bitstream -force {BITSTREAM}"] if has_pins else []), "exit"]) + "\n"


def implement(chip: Chip, source: Path, work: Path, seeds: Sequence[int], say: Say) -> Implementation:
    """As of ``hw.fpga.ecp5``. Synthesis is done again with every seed, as Vivado keeps it in one process.

    Raises:
        FpgaError: Vivado is missing, fails or is killed, or the design does not fit.
    """
    program, version = VIVADO.require(FLOW), VIVADO.found() or ""
    names = (source / SOURCES).read_text(encoding="utf-8").split()
    files = [source / name for name in [*names, *sorted(chip.memories())]]
    sources = [f"{source.absolute()}/{name}" for name in names]
    if len(seeds) > len(DIRECTIVES):
        raise FpgaError(f"implement: --seeds {len(seeds)}: Vivado has {len(DIRECTIVES)} ways to place; ask for so many")
    runs: dict[int, tuple[Path, float]] = {}
    for seed in seeds:

        def make(folder: Path, seed: int = seed) -> dict[str, object]:
            say(f"Vivado, {DIRECTIVES[seed - 1]}")
            (folder / "mem").symlink_to((source / "mem").absolute())
            (folder / "chip.xdc").write_text(constraints(chip), encoding="utf-8")
            (folder / "run.tcl").write_text(script(chip, sources, seed), encoding="utf-8")
            command = [program, "-mode", "batch", "-nojournal", "-log", "vivado.log", "-source", "run.tcl"]
            try:
                return {"seconds": run_step(command, folder, "Vivado", "said.log", "ERROR:")}
            except FpgaError as error:
                if any(words in str(error) for words in NO_ROOM):
                    raise FpgaError(too_large(chip.board, f"Vivado finds no room ({error})")) from error
                raise

        parts: list[str | Path] = [version, constraints(chip), script(chip, names, seed), *files]
        folder = step(work, f"seed-{seed}", parts, make)
        runs[seed] = (folder, read_fmax(folder / TIMING, float(chip.clock_hz / 1_000_000)))
    best = max(runs, key=lambda seed: (runs[seed][1], -seed))
    folder, fmax_mhz = runs[best]
    took = {seed: float(what_step_says(run[0])["seconds"]) for seed, run in runs.items()}
    note = "" if chip.uart else f"board {chip.board.name} names no pins ([uart] in its file)"
    if not note and fmax_mhz < float(chip.clock_hz / 1_000_000):
        note = "the clock is not met"
    return Implementation(
        fmax_mhz=fmax_mhz,
        paths=read_paths(folder / PATHS),
        used=read_utilization(folder / UTILIZATION),
        seeds=tuple(Seed(seed, run[1], took[seed]) for seed, run in runs.items()),
        best_seed=best,
        seconds={"vivado": took[best]},
        tools={"vivado": version},
        bitstream=None if note else folder / BITSTREAM,
        note=note,
    )


def counts(used: Mapping[str, Used]) -> tuple[int, int, int]:
    """Tables of 6 inputs, flip-flops and block RAMs of 18 kbit."""

    def first(*names: str) -> int:
        return next((used[name].used for name in names if name in used), 0)

    luts, ffs = first("Slice LUTs", "CLB LUTs"), first("Slice Registers", "CLB Registers")
    return luts, ffs, 2 * first("RAMB36/FIFO", "RAMB36/FIFO*") + first("RAMB18")


def read_fmax(timing: Path, clock_mhz: float) -> float:
    """The highest clock, of the worst slack in a timing summary.

    Raises:
        FpgaError: there is no slack in it, as where Vivado saw no clock.
    """
    lines = timing.read_text(encoding="utf-8", errors="replace").splitlines()
    for index, line in enumerate(lines):
        if line.split()[:2] == ["WNS(ns)", "TNS(ns)"] and index + 2 < len(lines):
            found = re.match(r"\s*(-?\d+\.\d+)\s", lines[index + 2])
            if found:
                return 1000 / (1000 / clock_mhz - float(found[1]))
    raise FpgaError(f"implement: {timing}: no worst slack in it, so the clock that was reached is not known")


def read_utilization(report: Path) -> dict[str, Used]:
    """Every row of a utilization report that says how much is used and available."""
    found: dict[str, Used] = {}
    header: list[str] = []
    for line in report.read_text(encoding="utf-8", errors="replace").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []
        if "Used" in cells and "Available" in cells:
            header = cells
        elif header and len(cells) == len(header):
            row = dict(zip(header, cells, strict=True))
            used, available = row["Used"], row["Available"]
            name = cells[0].rstrip("*").strip()
            if used.replace(".", "", 1).isdigit() and name not in found:
                found[name] = Used(int(float(used)), int(float(available)) if available.isdigit() else None)
    return found


def read_paths(report: Path) -> tuple[TimedPath, ...]:
    """The slowest paths of a timing report, worst first."""
    paths = []
    for part in report.read_text(encoding="utf-8", errors="replace").split("\nSlack ")[1:]:
        start, end = (re.search(rf"^\s*{name}:\s+(\S+)", part, re.MULTILINE) for name in ("Source", "Destination"))
        delay = re.search(r"Data Path Delay:\s+([\d.]+)ns\s+\(logic ([\d.]+)ns", part)
        levels = re.search(r"Logic Levels:\s+(\d+)", part)
        if start and end and delay and levels:
            units = (unit_of(start[1]), unit_of(end[1]))
            paths.append(TimedPath(float(delay[1]), float(delay[2]), int(levels[1]), start[1], end[1], *units))
    return tuple(paths)
