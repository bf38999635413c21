"""What a FINN build has come to, finished or half-finished, in one JSON of our layers."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bnn import Chain
from bnn.readers import door
from bnn.version import VERSION
from finn_build.board.command import COMMAND
from finn_build.board.deployment import BITFILES
from finn_build.errors import FinnError
from finn_build.package.package import OUTPUT, read_manifest
from finn_build.results.figures import ResultsFigures
from finn_build.results.reports import RESOURCES, read_estimates, read_report, read_rtlsim, resource_figures
from finn_build.worker.buildlog import NO_ERROR, last_error_in, steps_in

BUILD_LOG = "build.log"
BOARD_FILE = "board.json"

_VERIFICATION = re.compile(r"verify_(?P<step>\w+?)_(?P<frame>\d+)_(?P<result>SUCCESS|FAIL)\.np[yz]")
# Vivado's summary: a header that starts with WNS(ns), a rule, then the figures.
_SLACK = re.compile(r"WNS\(ns\).*\n[\s-]*\n\s*(?P<slack>-?\d+\.\d+)")


def collect_results(folder: Path, network: Chain | None = None) -> dict[str, Any]:
    """Read ``folder/build`` and ``folder/deploy``; also written to ``folder/results.json``.

    Args:
        folder: ``runs/NAME/finn``.
        network: what the build must be of; None takes any.

    Returns:
        ``estimate``, ``hls``, ``rtlsim``, ``out_of_context``, ``post_synthesis``, ``timing``, ``bitfile``, ``board``:
        each None where FINN or the board has not got so far and then named in ``missing`` with what would fill it;
        ``verification`` (FINN's step to frames and failed); ``steps`` that ran; ``last_error`` or None.

    Raises:
        FinnError: there is no build, a report is damaged, or it is of another network.
    """
    package = folder / "build"
    with door(package, "damaged, or reports of another form", "build again", FinnError):
        return _collect(folder, package, network)


def _collect(folder: Path, package: Path, network: Chain | None) -> dict[str, Any]:
    manifest = read_manifest(package)
    if network is not None:
        _same_network(network.hash, manifest["network_hash"], package)
    output, nodes = package / OUTPUT, manifest["nodes"]
    board = manifest["configuration"]["board"]
    build = f"askew bitstream --run {folder.parent} --board {board}"
    bitfile = bitfile_of(output)
    measured, stale = board_figures(folder, manifest["network_hash"], bitfile)
    found: dict[str, tuple[Any, str]] = {
        "estimate": (read_estimates(output, nodes), build),
        "hls": (_hls(output, nodes), build),
        "rtlsim": (read_rtlsim(output), build),
        "out_of_context": (_out_of_context(output), build),
        "post_synthesis": (_post_synthesis(output, nodes), build),
        "timing": (_timing(output), build),
        "bitfile": (bitfile, build),
        "board": (
            measured,
            f"{stale}run `{COMMAND}` on the board, in a copy of {folder / 'deploy'}, and copy board.json back",
        ),
    }
    error = last_error_in(package / BUILD_LOG)
    results: dict[str, Any] = {
        "network_hash": manifest["network_hash"],
        "askew_version": VERSION,
        **{key: manifest["configuration"][key] for key in ("board", "part", "clock_mhz", "compiler")},
        "steps": [step.name for step in steps_in(package / BUILD_LOG)],
        "last_error": None if bitfile or error == NO_ERROR else error,
        "verification": verification(output),
        **{key: value for key, (value, _) in found.items()},
        "missing": {key: command for key, (value, command) in found.items() if value is None},
    }
    return ResultsFigures.model_validate(results).write(folder / "results.json")


def verification(output: Path) -> dict[str, dict[str, int]]:
    """FINN's own verification by its steps: frames and how many of them failed. The newest file of a frame counts."""
    newest: dict[tuple[str, int], tuple[float, bool]] = {}
    for file in (output / "verification_output").glob("verify_*"):
        if match := _VERIFICATION.fullmatch(file.name):
            key = match["step"], int(match["frame"])
            newest[key] = max(newest.get(key, (0.0, True)), (file.stat().st_mtime, match["result"] == "FAIL"))
    steps: dict[str, dict[str, int]] = {}
    for (step, _), (_, failed) in sorted(newest.items()):
        counts = steps.setdefault(step, {"frames": 0, "failed": 0})
        counts["frames"] += 1
        counts["failed"] += failed
    return steps


def bitfile_of(output: Path) -> dict[str, str] | None:
    """The bitfile that a build gave, its name and checksum; None where there is none, or an empty one."""
    for name in BITFILES:
        file = output / "bitfile" / name
        if file.is_file() and file.stat().st_size:
            with file.open("rb") as opened:
                return {"file": name, "sha256": hashlib.file_digest(opened, "sha256").hexdigest()}
    return None


def _hls(output: Path, nodes: Sequence[Mapping[str, str]]) -> dict[str, Any] | None:
    """What Vitis HLS counted, by layer."""
    return _by_layer(output / "report" / "estimate_layer_resources_hls.json", nodes, "total")


def _post_synthesis(output: Path, nodes: Sequence[Mapping[str, str]]) -> dict[str, Any] | None:
    """What Vivado placed, by layer; the total has the shell too."""
    return _by_layer(output / "report" / "post_synth_resources.json", nodes, "(top)")


def _by_layer(file: Path, nodes: Sequence[Mapping[str, str]], total: str) -> dict[str, Any] | None:
    if not file.exists():
        return None
    report = read_report(file)
    layers: dict[str, dict[str, int]] = {}
    for node in nodes:
        if node["name"] in report:
            layer = layers.setdefault(node["layer"], dict.fromkeys([*RESOURCES.values(), "ff"], 0))
            for key, value in _placed(report[node["name"]]).items():
                layer[key] += value
    return {"resources": _placed(report.get(total, {})), "layers": layers}


def _placed(found: Mapping[str, Any]) -> dict[str, int]:
    """Vivado counts block RAMs of 36 and 18 kbit apart; one of 36 is two of 18."""
    figures = resource_figures(found)
    figures["bram18"] += 2 * round(float(found.get("BRAM_36K", 0)))
    return figures | {"ff": round(float(found.get("FF", 0)))}


def _out_of_context(output: Path) -> dict[str, Any] | None:
    file = output / "report" / "ooc_synth_and_timing.json"
    if not file.exists():
        return None
    report = read_report(file)
    return {
        **_placed(report),
        "slack_ns": float(report.get("WNS", 0)),
        "fmax_mhz": float(report.get("fmax_mhz", 0)),
        "frames_per_second": float(report.get("estimated_throughput_fps", 0)),
    }


def _timing(output: Path) -> dict[str, Any] | None:
    file = output / "report" / "post_route_timing.rpt"
    if not file.exists():
        return None
    match = _SLACK.search(file.read_text(encoding="utf-8", errors="replace"))
    if not match:
        raise FinnError(f"{file}: has no WNS(ns), so it is not a timing summary of Vivado; build again")
    slack = float(match["slack"])
    return {"slack_ns": slack, "met": slack >= 0}


def board_figures(
    folder: Path, network_hash: str, bitfile: Mapping[str, str] | None
) -> tuple[dict[str, Any] | None, str]:
    """What the board measured, and why it does not count: a simulation in its place, or another bitfile."""
    file = folder / "deploy" / BOARD_FILE
    if not file.exists():
        return None, ""
    report: dict[str, Any] = read_report(file)
    _same_network(network_hash, report.get("network_hash"), file)
    if report.get("simulated"):
        return None, "what is there is a simulation; "
    if bitfile and report.get("bitfile_sha256") not in (None, bitfile["sha256"]):
        return None, "what is there was measured with another bitfile; "
    return report, ""


def _same_network(wanted: str, found: object, where: Path) -> None:
    if found != wanted:
        raise FinnError(
            f"{where} is of network {str(found)[:12]}, this one is {wanted[:12]}: they cannot be compared; delete it "
            "or build again"
        )
