"""FINN's report files, which speak of its nodes, read in terms of our layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bnn.readers import door, parse_json, read_text
from finn_build.errors import FinnError

RESOURCES = {"LUT": "lut", "BRAM_18K": "bram18", "URAM": "uram", "DSP": "dsp"}
MAIN_ROLES = ("matrix", "pool", "input", "label")


def read_report(file: Path) -> Any:
    """The contents of a JSON report; FinnError where it is damaged."""
    try:
        with door(file, "cannot be read", "build again", FinnError):
            return parse_json(read_text(file))
    except OSError as error:
        raise FinnError(f"{file}: cannot be read ({error}); build again") from error


def read_estimates(output: Path, nodes: Sequence[Mapping[str, str]]) -> dict[str, Any] | None:
    """FINN's estimates by our layers, or None where it has not got so far.

    Args:
        output: FINN's output folder.
        nodes: name, layer and role of every node, from the manifest.

    Returns:
        ``layers``: layer to cycles of its main unit, resources of all its units, and ``nodes``: role to name, cycles
        and resources of each. Then the totals that FINN states: resources, frame_ii_cycles, latency_cycles,
        frames_per_second, latency_seconds, and ``slowest``, the layer that sets the rate.
    """
    report = output / "report"
    files = [report / f"estimate_{name}.json" for name in ("layer_cycles", "layer_resources", "network_performance")]
    if not all(file.exists() for file in files):
        return None
    cycles, resources, performance = (read_report(file) for file in files)
    layers: dict[str, dict[str, Any]] = {}
    for node in nodes:
        name = node["name"]
        figures = {"cycles": int(cycles[name]), **resource_figures(resources[name])}
        layer = layers.setdefault(node["layer"], {"cycles": 0, **dict.fromkeys(RESOURCES.values(), 0), "nodes": {}})
        layer["nodes"][node["role"]] = {"name": name, **figures}
        if node["role"] in MAIN_ROLES:
            layer["cycles"] = figures["cycles"]
        for key in RESOURCES.values():
            layer[key] += figures[key]
    slowest = performance["max_cycles_node_name"]
    return {
        "layers": layers,
        "resources": resource_figures(resources["total"]),
        "frame_ii_cycles": int(performance["max_cycles"]),
        "slowest": next((node["layer"] for node in nodes if node["name"] == slowest), slowest),
        "latency_cycles": int(performance["critical_path_cycles"]),
        "frames_per_second": float(performance["estimated_throughput_fps"]),
        "latency_seconds": float(performance["estimated_latency_ns"]) * 1e-9,
    }


def resource_figures(found: Mapping[str, Any]) -> dict[str, int]:
    """LUT, BRAM18, URAM and DSP of one of FINN's tables; what it does not name is 0."""
    return {key: round(float(found.get(name, 0))) for name, key in RESOURCES.items()}


def read_rtlsim(output: Path) -> dict[str, Any] | None:
    """What FINN measured in simulation: finn-plus writes a list of streams, FINN one table."""
    file = output / "report" / "rtlsim_performance.json"
    if not file.exists() or not (report := read_report(file)):
        return None
    try:
        if isinstance(report, list):
            stream = report[-1]
            latencies = stream.get("latency_cycles") or [None]
            return {
                "frame_ii_cycles": int(stream["intervals"][0]),
                "latency_cycles": latencies[0],
                "frames_per_second": float(stream["throughput_fps"]),
            }
        rate = report.get("stable_throughput[images/s]") or report["throughput[images/s]"]
        return {
            "frame_ii_cycles": round(float(report["fclk[mhz]"]) * 1e6 / float(rate)),
            "latency_cycles": report.get("latency_cycles"),
            "frames_per_second": float(rate),
        }
    except (KeyError, IndexError, TypeError, ValueError, ZeroDivisionError) as error:
        raise FinnError(f"{file}: not a simulation report of FINN ({error!r}); build again") from error


def latency_of(output: Path, nodes: Sequence[Mapping[str, str]]) -> dict[str, Any] | None:
    """``latency_cycles`` of one frame and their ``origin``: FINN's simulation, else its estimate; None without both."""
    rtlsim = read_rtlsim(output)
    if rtlsim and rtlsim["latency_cycles"]:
        return {"latency_cycles": int(rtlsim["latency_cycles"]), "origin": "FINN's RTL simulation"}
    if estimate := read_estimates(output, nodes):
        return {"latency_cycles": estimate["latency_cycles"], "origin": "FINN's estimate"}
    return None
