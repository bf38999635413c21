"""What flows of Yosys and nextpnr share: synthesis once, place and route once a seed, the fastest is kept."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hw.boards.board import Board
from hw.fpga.chip import CHIP, SOURCES, Chip
from hw.fpga.nextpnr import NO_ROOM, read_report
from hw.fpga.programs import FpgaError
from hw.fpga.result import Implementation, Seed, TimedPath, Used
from hw.fpga.steps import bring, step, what_step_says
from hw.fpga.tools import run_step
from hw.synth.yosys import find_yosys, yosys_version

NETLIST, ROUTED, REPORT = "netlist.json", "routed.json", "report.json"

Say = Callable[[str], None]
Packed = tuple[Path | None, str, dict[str, float]]
"""The bitstream, why there is none, and step to the seconds that it took."""


@dataclass(frozen=True)
class Synthesis:
    """What Yosys made: its JSON netlist, how long that took, and primitive to how many there are."""

    netlist: Path
    seconds: float
    cells: dict[str, int]


@dataclass(frozen=True)
class Placer:
    """A nextpnr for one chip.

    Attributes:
        program: where it is.
        version: as it says.
        options: all but netlist, seed and outputs of every flow.
        files: constraint files that the options name; file name to text.
    """

    program: str
    version: str
    options: tuple[str, ...]
    files: dict[str, str]


@dataclass(frozen=True)
class Placed:
    """What place and route gave with the fastest seed: its folder, clock, paths, counts, and every seed."""

    folder: Path
    fmax_mhz: float
    paths: tuple[TimedPath, ...]
    used: dict[str, Used]
    seeds: tuple[Seed, ...]
    best_seed: int

    @property
    def seconds(self) -> float:
        """Of the fastest seed."""
        return next(seed.seconds for seed in self.seeds if seed.seed == self.best_seed)

    def implementation(
        self,
        synthesis: Synthesis,
        packed: Packed,
        tools: dict[str, str],
        *,
        netlist: Path | None = None,
        routed: Path | None = None,
    ) -> Implementation:
        """All of it together.

        Args:
            synthesis: what was placed.
            packed: what became of it.
            tools: program to version, Yosys apart.
            netlist: after synthesis, where it can be simulated.
            routed: after place and route, likewise.
        """
        bitstream, note, packing = packed
        return Implementation(
            fmax_mhz=self.fmax_mhz,
            paths=self.paths,
            used=self.used,
            seeds=self.seeds,
            best_seed=self.best_seed,
            seconds={"synthesis": synthesis.seconds, "place_and_route": self.seconds, **packing},
            tools={"yosys": yosys_version(), **tools},
            netlist=netlist,
            routed=routed,
            bitstream=bitstream,
            note=note,
        )


def synthesize(chip: Chip, source: Path, work: Path, synthesis: str, say: Say) -> Synthesis:
    """Run Yosys' ``synthesis`` command on the chip whose sources lie in ``source``, once.

    Memories in tables keep their place until all is mapped (see askew_rom_lut), then everything melts.

    Raises:
        FpgaError: Yosys is missing, fails or is killed.
    """
    yosys = find_yosys()
    names = (source / SOURCES).read_text(encoding="utf-8").split()

    lines = [
        f"read_verilog -sv -defer {' '.join(names)}",
        f"{synthesis} -top {CHIP}",
        "setattr -mod -unset keep_hierarchy *",
        "flatten",
        "opt_clean",
        "tee -o stat.json stat -json",
        f"write_json {NETLIST}",
    ]
    script = "\n".join(lines) + "\n"

    def make(folder: Path) -> dict[str, object]:
        say("synthesis")
        shutil.copytree(source, folder, dirs_exist_ok=True)
        (folder / "synth.ys").write_text(script, encoding="utf-8")
        seconds = run_step([yosys, "-q", "-l", "yosys.log", "-s", "synth.ys"], folder, "Yosys", "said.log", "ERROR")
        return {"seconds": seconds, "cells": _cells(folder / "stat.json")}

    inputs = [source / name for name in [*names, *sorted(chip.memories())]]
    folder = step(work, "synthesis", [script, yosys_version(), *inputs], make)
    said = what_step_says(folder)
    return Synthesis(folder / NETLIST, float(said["seconds"]), {k: int(v) for k, v in said["cells"].items()})


def place_and_route(
    board: Board, synthesis: Synthesis, placer: Placer, work: Path, seeds: Sequence[int], say: Say
) -> Placed:
    """Place and route a netlist with every seed, each once.

    Raises:
        FpgaError: nextpnr fails or is killed, or finds no room.
    """
    runs: dict[int, tuple[Path, float, TimedPath | None, dict[str, Used]]] = {}
    results: list[Seed] = []
    for seed in seeds:

        def make(folder: Path, seed: int = seed) -> dict[str, object]:
            say(f"place and route, seed {seed}")
            for name, text in placer.files.items():
                (folder / name).write_text(text, encoding="utf-8")
            bring(synthesis.netlist, folder / NETLIST)
            command = [placer.program, *placer.options, "--json", NETLIST]
            command += ["--seed", str(seed), "--write", ROUTED, "--report", REPORT, "--log", "nextpnr.log", "--quiet"]
            try:
                return {"seconds": run_step(command, folder, "nextpnr", "said.log", "ERROR")}
            except FpgaError as error:
                if any(words in str(error) for words in NO_ROOM):
                    raise FpgaError(too_large(board, f"nextpnr finds no room ({error})")) from error
                raise

        parts: list[str | Path] = [
            synthesis.netlist,
            placer.version,
            *placer.options,
            *placer.files.values(),
            str(seed),
        ]
        folder = step(work, f"seed-{seed}", [*parts, str(seed)], make)
        runs[seed] = (folder, *read_report(folder / REPORT))
        results.append(Seed(seed, runs[seed][1], float(what_step_says(folder)["seconds"])))
    best = max(runs, key=lambda seed: (runs[seed][1], -seed))
    folder, fmax_mhz, slowest, used = runs[best]
    slower = (path for seed, (_, _, path, _) in runs.items() if path and seed != best)
    others = sorted(slower, key=lambda path: -path.delay_ns)
    paths = tuple([slowest, *others] if slowest else others)
    return Placed(folder, fmax_mhz, paths, used, tuple(results), best)


def check_fits(board: Board, wanted: dict[str, tuple[int, int]]) -> None:
    """FpgaError where Yosys' counts exceed what the board has; nothing is placed then.

    Args:
        board: the board.
        wanted: resource in words to how much the design takes at least, and how much there is.
    """
    for what, (count, offered) in wanted.items():
        if count > offered:
            raise FpgaError(too_large(board, f"Yosys counts {count:,} {what}, of which it has {offered:,}"))


def too_large(board: Board, why: str) -> str:
    """One line."""
    return (
        f"implement: the design does not fit on {board.name}: {why}; fold for a lower rate with "
        "`askew fold --target-fps`, or for a smaller share with --utilization"
    )


def _cells(stat: Path) -> dict[str, int]:
    modules = json.loads(stat.read_text(encoding="utf-8"))["modules"]
    assert len(modules) == 1, "flattened"
    return {kind: int(number) for kind, number in next(iter(modules.values()))["num_cells_by_type"].items()}
