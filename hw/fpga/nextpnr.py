"""What nextpnr reports, for whichever family: clocks, the slowest path of each, and how much is used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bnn.readers import read_json
from hw.fpga.programs import FpgaError
from hw.fpga.result import TimedPath, Used, unit_of

NO_ROOM = (
    "no Bels remaining",
    "Unable to find legal placement",
    "failed to place",
    "no more available",
    "No wire found",
)


def read_report(file: Path) -> tuple[float, TimedPath | None, dict[str, Used]]:
    """Highest clock in MHz, the slowest path between registers, and resources, of ``--report``.

    Where there are several clocks, the slowest is the design's: the others have next to nothing on them.

    Raises:
        FpgaError: there is no clock in it, as where everything was optimized away.
    """
    report = read_json(file, "run the same command again")
    clocks = {name: float(clock["achieved"]) for name, clock in report.get("fmax", {}).items()}
    if not clocks:
        raise FpgaError("implement: nextpnr found no path between registers; is the design empty?")
    slowest = min(clocks, key=lambda name: clocks[name])
    paths = [
        _path(found)
        for found in report.get("critical_paths", [])
        if slowest in found["from"] and slowest in found["to"]
    ]
    used = {name: Used(int(entry["used"]), int(entry["available"])) for name, entry in report["utilization"].items()}
    return clocks[slowest], paths[0] if paths else None, used


def _path(found: dict[str, Any]) -> TimedPath:
    steps = found["path"]
    first, last = steps[0]["from"], steps[-1]["to"]
    cells = [step for step in steps if step.get("type") != "routing"]
    start, end = (f"{place['cell']}.{place['port']}" for place in (first, last))
    # A register that a table was packed with may bear a name of Yosys' own; the wire behind it has the source's.
    nets = [str(step["net"]) for step in steps if step.get("net")]
    return TimedPath(
        delay_ns=round(sum(float(step["delay"]) for step in steps), 3),
        logic_ns=round(sum(float(step["delay"]) for step in cells), 3),
        levels=sum(1 for step in steps if step.get("type") == "logic"),
        start=start,
        end=end,
        start_unit=_first_unit([start, *nets]),
        end_unit=_first_unit([end, *reversed(nets)]),
    )


def _first_unit(names: list[str]) -> str:
    return next((unit for name in names if (unit := unit_of(name)) != "chip"), "chip")
