"""Whole designs through Yosys."""

from __future__ import annotations

from pathlib import Path

from bnn.files import write_json
from bnn.version import VERSION
from hw.generator import Design
from hw.generator.verilog import TOP
from hw.synth.yosys import SynthResult, run_yosys


def synthesize(design: Design, out_dir: Path, *, flat: bool = False, flatten_first: bool = False) -> SynthResult:
    """Synthesize ``design``, leaving ``synth.json``, Yosys' log and the design itself in ``out_dir``.

    Args:
        design: it must be without stall gates.
        out_dir: made where it does not exist.
        flat: all units may melt into one another, so that the result has no shares of units.
        flatten_first: as of ``run_yosys``.

    Raises:
        SynthError: Yosys is missing or fails.
    """
    assert not design.stall_gates
    folder = out_dir / "design"
    design.write(folder)
    listed = (folder / "files.f").read_text(encoding="utf-8").split()
    sources = [name for name in listed if not name.startswith("+")]  # Yosys looks for headers beside each file
    units = [] if flat else [unit for unit in design.dataflow if not unit.melts]
    apart = [f"i_dataflow.i_{unit.name}" for unit in units]
    result = run_yosys(folder, sources, TOP, apart=apart, flatten_first=flatten_first)
    described = {"network_hash": design.network.hash, "askew_version": VERSION} | result.describe()
    write_json(out_dir / "synth.json", described)
    return result
