"""Runs side by side: one column of figures a run."""

from __future__ import annotations

from typing import Any

from flow.report.evidence import config_table
from flow.report.tables import number, percent
from flow.run.folder import RunFolder

MEASURED_FIRST = ("askew_rtl", "askew_model", "finn_rtlsim", "finn_estimate")
_ROWS = {
    "frames": "golden frames",
    "weight_bits": "weight bits",
    "threshold_shift": "threshold shift",
    "frame_ii_cycles": "frame initiation interval, cycles",
    "latency_cycles": "latency of one frame, cycles",
    "frames_per_second": "frames/s",
    "latency_us": "latency of one frame, us",
    "luts": "LUTs",
    "bram18": "BRAM18",
}


def side_by_side(run: RunFolder, report: dict[str, Any]) -> dict[str, Any]:
    """What a comparison of runs shows of this one; None where nothing gave a figure.

    Args:
        run: the run.
        report: its ``network_hash``, ``golden``, ``network`` and ``comparison``.

    Returns:
        ``run``, ``network_hash``, ``accuracy``, ``frames``, ``weight_bits``, ``threshold_shift``, cycles and times (as
        measured in RTL, else as the cycle model says, else FINN's), ``luts`` and ``bram18`` (our estimate, else
        FINN's), ``thresholds``: layer to its lowest, median and highest.
    """
    golden, whole = report["golden"] or {}, report["comparison"]["whole"]
    timed: dict[str, Any] = next(
        (whole[source] for source in MEASURED_FIRST if whole[source]["frame_ii_cycles"] is not None), {}
    )
    placed: dict[str, Any] = next(
        (whole[s] for s in ("askew_model", "finn_estimate") if whole[s].get("luts") is not None), {}
    )
    return {
        "run": report["run"],
        "network_hash": report["network_hash"],
        "accuracy": golden.get("accuracy"),
        "frames": golden.get("frames"),
        "weight_bits": report["network"]["weight_bits"],
        "threshold_shift": config_table(run, "activation").get("threshold_shift"),
        **{key: timed.get(key) for key in ("frame_ii_cycles", "latency_cycles", "frames_per_second", "latency_us")},
        **{key: placed.get(key) for key in ("luts", "bram18")},
        "thresholds": {
            layer["name"]: {key: layer["thresholds"][key] for key in ("min", "median", "max")}
            for layer in report["network"]["layers"]
            if layer["thresholds"]
        },
    }


def against_table(columns: list[dict[str, Any]]) -> tuple[list[str], list[tuple[str, ...]]]:
    """Header and rows: a quantity a row, a run a column; then every layer's thresholds."""
    rows = [("accuracy", *(percent(column["accuracy"]) for column in columns))]
    rows += [(title, *(_text(column[key]) for column in columns)) for key, title in _ROWS.items()]
    layers = dict.fromkeys(name for column in columns for name in column["thresholds"])
    for layer in layers:
        ranges = (_range(column["thresholds"].get(layer)) for column in columns)
        rows.append((f"thresholds of {layer}", *ranges))
    return ["run", *(f"{column['run']} ({column['network_hash'][:8]})" for column in columns)], rows


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(part) for part in value)
    return value if isinstance(value, str) else number(value)


def _range(thresholds: dict[str, Any] | None) -> str:
    if not thresholds:
        return "-"
    low, median, high = (number(thresholds[key]) for key in ("min", "median", "max"))
    return f"{low} .. {median} .. {high}"
