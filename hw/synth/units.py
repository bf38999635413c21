"""Units by themselves through Yosys, several in one run, because Yosys takes longer to start than for a small unit."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from hw.generator.design import rtl_files, rtl_headers
from hw.generator.verilog import emit_instance, stream_ports
from hw.resources import Resources
from hw.synth.specification import Specification, specify
from hw.synth.yosys import run_yosys
from hw.units import module_name

UNITS = module_name("units")


def synthesize_units(texts: Sequence[str], folder: Path) -> list[Resources]:
    """What every unit takes that one of ``texts`` specifies; none is optimized together with another.

    Raises:
        SpecificationError: a text names no unit.
        SynthError: Yosys is missing or fails.
    """
    specified = [specify(text, f"unit{index}") for index, text in enumerate(texts)]
    (folder / "mem").mkdir(parents=True, exist_ok=True)
    for specification in specified:
        for name, text in specification.memories.items():
            (folder / name).write_text(text, encoding="ascii")
    (folder / f"{UNITS}.sv").write_text(_emit(specified), encoding="utf-8")
    sources = [*_copied(rtl_files(), folder), f"{UNITS}.sv"]
    result = run_yosys(folder, sources, UNITS, apart=[f"i_{spec.unit.name}" for spec in specified])
    return [result.units[spec.unit.name] for spec in specified]


def synthesize_module(name: str, parameters: dict[str, int | str], folder: Path) -> Resources:
    """What one module of hw/rtl or hw/synth takes as the top of a run."""
    folder.mkdir(parents=True, exist_ok=True)
    sources = _copied([*rtl_files(), *sorted(Path(__file__).parent.glob("*.sv"))], folder)
    return run_yosys(folder, sources, name, parameters=parameters).resources


def _emit(specified: Sequence[Specification]) -> str:
    """A module with every unit, whose streams are all its ports."""
    ports, instances = ["input logic clk_i", "input logic rst_ni"], ""
    for specification in specified:
        unit = specification.unit
        source, sink = f"{unit.name}_from", f"{unit.name}_to"
        ports += [f"{way} logic {side}" for way, side in (("input", f"{source}_valid"), ("output", f"{source}_ready"))]
        ports += [f"input logic [{unit.input.width - 1}:0] {source}_data", f"input logic {source}_last"]
        ports += [f"{way} logic {side}" for way, side in (("output", f"{sink}_valid"), ("input", f"{sink}_ready"))]
        ports += [f"output logic [{unit.output.width - 1}:0] {sink}_data", f"output logic {sink}_last"]
        wired = stream_ports(source, sink) | dict.fromkeys(unit.side_outputs(), "")
        instances += emit_instance(unit.module, f"i_{unit.name}", unit.parameters(), wired)
    return f"module {UNITS} (\n    " + ",\n    ".join(ports) + "\n);\n" + instances + "endmodule\n"


def _copied(paths: Sequence[Path], folder: Path) -> list[str]:
    """Copies below ``folder``: the WebAssembly build of Yosys sees a /tmp of its own, in which a repository may lie."""
    (folder / "rtl").mkdir(parents=True, exist_ok=True)
    for path in rtl_headers():
        shutil.copy(path, folder / "rtl")
    return [str(Path(shutil.copy(path, folder / "rtl")).relative_to(folder)) for path in paths]
