"""Levels of logic between registers: what Yosys counts where no router is, on 7-series."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from hw.generator import Design
from hw.generator.verilog import TOP
from hw.synth.yosys import SYNTH, SynthError, complaint, find_yosys


def logic_levels(design: Design, folder: Path) -> tuple[int, list[str]]:
    """The longest path between registers of ``design`` in 7-series cells: tables, carry chains and multiplexers.

    A carry chain counts as one level for every four bits, and a multiplexer of a slice as one, though both are fast.

    Args:
        design: what to synthesize.
        folder: Yosys runs there.

    Returns:
        How many levels, and the names of the cells on the path.

    Raises:
        SynthError: Yosys is missing or does not take the sources.
    """
    design.write(folder)
    sources = [name for name in (folder / "files.f").read_text(encoding="utf-8").split() if not name.startswith("+")]
    script = [
        "read_verilog -lib -specify +/xilinx/cells_sim.v",
        f"read_verilog -sv -defer {' '.join(sources)}",
        f"hierarchy -check -top {TOP}",
        f"{SYNTH} -top {TOP}",
        "setattr -mod -unset keep_hierarchy *",
        "flatten",
        "select -set registers t:FD* t:RAM* t:SRL*",
        "tee -o levels.txt ltp @registers %n",
    ]
    (folder / "levels.ys").write_text("\n".join(script) + "\n", encoding="utf-8")
    command = [find_yosys(), "-q", "-l", "levels.log", "-s", "levels.ys"]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    report = folder / "levels.txt"
    found = re.search(r"length=(\d+)", report.read_text(encoding="utf-8")) if report.exists() else None
    if ran.returncode or found is None:
        raise SynthError(f"levels of {TOP}: Yosys says: {complaint(ran, 'ERROR')}; see {folder / 'levels.log'}")
    cells = re.findall(r"\(via ([^)]*)\)", report.read_text(encoding="utf-8"))
    return int(found[1]), cells
