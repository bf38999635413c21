"""Building an overlay with Vivado, where it is on the path: what its reports say, and the two files that PYNQ loads."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from hw.fpga import vivado
from hw.fpga.programs import VIVADO, FpgaError
from hw.fpga.pynq.project import BUILD_SCRIPT, OVERLAY, SETTINGS, scripts
from hw.fpga.result import Used
from hw.fpga.steps import step, what_step_says
from hw.fpga.tools import run_step

COMMAND = f"vivado -mode batch -source {BUILD_SCRIPT}"
OUT = "out"
RESULT, TIMING, UTILIZATION = "result.txt", "timing.rpt", "utilization.rpt"


@dataclass(frozen=True)
class Built:
    """An overlay, placed and routed.

    Attributes:
        clock_mhz: what the processor's clock generator gives, nearest to what was asked.
        slack_ns: worst setup slack at that clock.
        used: resource to how much of it.
        seconds: that it took.
        tools: program to version.
        bitfile, handoff: the .bit and the .hwh; None where timing is missed.
    """

    clock_mhz: float
    slack_ns: float
    used: dict[str, Used]
    seconds: float
    tools: dict[str, str]
    bitfile: Path | None
    handoff: Path | None

    @property
    def met(self) -> bool:
        """Whether the router confirmed the clock."""
        return self.slack_ns >= 0

    @property
    def fmax_mhz(self) -> float:
        """The highest clock, by the worst setup slack."""
        return 1000 / (1000 / self.clock_mhz - self.slack_ns)


def missing(project: Path) -> str | None:
    """What is missing here to build the project, and how to build it elsewhere, in one line; None where nothing is."""
    if VIVADO.path() is not None:
        return None
    return (
        f"pynq bitstream: needs Vivado, which is missing: {VIVADO.remedy}; the project is ready in {project}: "
        f"where Vivado is, `{COMMAND}` in a copy of it makes {OUT}/{OVERLAY}.bit and .hwh"
    )


def build(project: Path, work: Path) -> Built:
    """Build a project; once for the same project and version of Vivado.

    Args:
        project: as ``Overlay.write`` wrote it.
        work: folder of finished builds.

    Raises:
        FpgaError: Vivado is missing, fails or is killed, misses hold times, or leaves no bitstream
            though timing is met.
    """
    if said := missing(project):
        raise FpgaError(said)
    program, version = VIVADO.path() or "", VIVADO.found() or ""
    design = sorted(path for path in (project / "rtl").rglob("*") if path.is_file() and path.name != "manifest.json")

    def make(folder: Path) -> dict[str, object]:
        for name in (SETTINGS, *(script.name for script in scripts())):
            shutil.copyfile(project / name, folder / name)
        shutil.copytree(project / "rtl", folder / "rtl")
        command = [program, "-mode", "batch", "-nojournal", "-log", "vivado.log", "-source", BUILD_SCRIPT]
        try:
            seconds = run_step(command, folder, "Vivado", "said.log", "ERROR:")
        except FpgaError as error:
            raise FpgaError(str(error).replace("implement:", "pynq bitstream:", 1)) from error
        return {"seconds": seconds}

    files = [project / SETTINGS, *(project / script.name for script in scripts()), *design]
    folder = step(work, "overlay", [version, *(str(file.relative_to(project)) for file in files), *files], make)
    return read_built(folder / OUT, float(what_step_says(folder)["seconds"]), {"vivado": version})


def read_built(out: Path, seconds: float, tools: dict[str, str]) -> Built:
    """What ``build.tcl`` left in ``out``; FpgaError where it is not whole."""
    try:
        lines = (out / RESULT).read_text(encoding="utf-8").splitlines()
        said = dict(line.split(" ", 1) for line in lines)
        figures = {key: float(said[key]) for key in ("slack_ns", "hold_slack_ns", "clock_hz")}
    except (OSError, KeyError, ValueError) as error:
        raise FpgaError(f"pynq bitstream: {out / RESULT}: not what build.tcl writes ({error}); build again") from error
    if figures["hold_slack_ns"] < 0:
        raise FpgaError(
            f"pynq bitstream: Vivado missed hold times by {-figures['hold_slack_ns']:.3f} ns, which no lower clock "
            f"mends, so there is no bitstream; {out / TIMING} has the paths"
        )
    built = Built(
        clock_mhz=figures["clock_hz"] / 1e6,
        slack_ns=figures["slack_ns"],
        used=vivado.read_utilization(out / UTILIZATION),
        seconds=seconds,
        tools=tools,
        bitfile=_file(out / f"{OVERLAY}.bit"),
        handoff=_file(out / f"{OVERLAY}.hwh"),
    )
    if built.met != (built.bitfile is not None and built.handoff is not None):
        raise FpgaError(f"pynq bitstream: {out}: Vivado left no whole pair of {OVERLAY}.bit and .hwh; build again")
    return built


def _file(path: Path) -> Path | None:
    """A file that is there and not empty."""
    return path if path.is_file() and path.stat().st_size else None
