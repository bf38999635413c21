"""Runs side by side: one column of figures a run."""

from __future__ import annotations

from flow.report.comparison import stated
from flow.report.evidence import config_table
from flow.report.tables import Table, number, percent
from flow.run.figures.report import ReportFigures
from flow.run.figures.report_hardware import Source
from flow.run.figures.report_network import Column, ThresholdRange
from flow.run.folder import RunFolder

PLACED_FIRST = ("askew_model", "finn_estimate")
_ROWS = {
    "frames": "golden frames",
    "weight_bits": "weight bits",
    "threshold_shift": "threshold shift",
    "frame_ii_cycles": "frame initiation interval, cycles",
    "latency_cycles": "latency of one frame, cycles",
    "frames_per_second": "frames/s",
    "clock": "clock of these figures, MHz",
    "latency_us": "latency of one frame, us",
    "luts": "LUTs",
    "bram18": "BRAM18",
}


def side_by_side(run: RunFolder, report: ReportFigures) -> Column | None:
    """What a comparison of runs shows of this one; None without a network.

    Args:
        run: the run.
        report: its ``run``, ``network_hash``, ``golden``, ``network`` and ``comparison``.
    """
    if report.network is None or report.comparison is None or report.network_hash is None:
        return None
    golden, whole = report.golden, report.comparison.whole
    timed = stated(report.comparison)
    placed: Source | None = next((whole[name] for name in PLACED_FIRST if whole[name].luts is not None), None)
    return Column(
        run=report.run,
        network_hash=report.network_hash,
        accuracy=golden.accuracy if golden else None,
        frames=golden.frames if golden else None,
        weight_bits=report.network.weight_bits,
        threshold_shift=config_table(run, "activation").get("threshold_shift"),
        frame_ii_cycles=timed.frame_ii_cycles if timed else None,
        latency_cycles=timed.latency_cycles if timed else None,
        frames_per_second=timed.frames_per_second if timed else None,
        latency_us=timed.latency_us if timed else None,
        clock_mhz=timed.clock_mhz if timed else None,
        clock_origin=timed.clock_origin if timed else None,
        luts=placed.luts if placed else None,
        bram18=placed.bram18 if placed else None,
        thresholds={
            layer.name: ThresholdRange(
                min=layer.thresholds.min, median=layer.thresholds.median, max=layer.thresholds.max
            )
            for layer in report.network.layers
            if layer.thresholds
        },
    )


def against_table(columns: list[Column]) -> Table:
    """Header and rows: a quantity a row, a run a column; then every layer's thresholds."""
    rows: list[tuple[str, ...]] = [("accuracy", *(percent(column.accuracy) for column in columns))]
    rows += [(title, *(_text(column, name) for column in columns)) for name, title in _ROWS.items()]
    layers = dict.fromkeys(name for column in columns for name in column.thresholds)
    for layer in layers:
        rows.append((f"thresholds of {layer}", *(_range(column.thresholds.get(layer)) for column in columns)))
    return ["run", *(f"{column.run} ({column.network_hash[:8]})" for column in columns)], rows


def _text(column: Column, name: str) -> str:
    if name == "clock":
        return "-" if column.clock_mhz is None else f"{number(column.clock_mhz)}, {column.clock_origin}"
    value = getattr(column, name)
    if isinstance(value, list):
        return ", ".join(str(part) for part in value)
    return value if isinstance(value, str) else number(value)


def _range(thresholds: ThresholdRange | None) -> str:
    if thresholds is None:
        return "-"
    return " .. ".join(number(value) for value in (thresholds.min, thresholds.median, thresholds.max))
