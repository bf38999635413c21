"""The report's hardware section as Markdown: cycles and resources of every layer and of the whole, by every source."""

from __future__ import annotations

from typing import Any

from flow.report.comparison import BOARD_TIMES, SOURCES
from flow.report.tables import number, percent, table

Table = tuple[list[str], list[tuple[str, ...]]]


def hardware_section(report: dict[str, Any]) -> str:
    """Two or three tables, and which rungs of the hardware were held to golden."""
    comparison = report["comparison"]
    whole = comparison["whole"]
    tables = [layer_table(comparison["layers"]), whole_table(whole, report.get("budget"))]
    if comparison["types"]:
        tables.append(type_table(comparison["types"]))
    return "\n".join([*(table(*one) for one in tables), *checks(whole)])


def layer_table(layers: dict[str, Any]) -> Table:
    """Header and rows: PE, SIMD, cycles and resources of every layer."""
    resources = [
        (key, title, source)
        for key, title in (("luts", "LUT"), ("bram18", "BRAM18"))
        for source in ("askew_model", "finn_estimate", "finn_synthesis")
        if source != "finn_synthesis" or any(layer[key][source] is not None for layer in layers.values())
    ]
    names = {"askew_model": "ours", "finn_estimate": "FINN", "finn_synthesis": "Vivado"}
    # FINN's target is folded by FINN's cost, so usually otherwise than our own hardware.
    differs = any(layer[f"finn_{key}"] not in (None, layer[key]) for layer in layers.values() for key in ("pe", "simd"))
    header = ["layer", "PE", "SIMD", "cycles: folds", "our model", "our RTL", "busy", "FINN"]
    header += ["FINN: PE", "FINN: SIMD"] if differs else []
    header += [f"{title}: {names[source]}" for _, title, source in resources]
    rows = [
        (
            name,
            number(layer["pe"]),
            number(layer["simd"]),
            *(number(layer["cycles"][source]) for source in ("folds", "askew_model", "askew_rtl")),
            percent(layer["busy_share"]),
            number(layer["cycles"]["finn_estimate"]),
            *(number(layer[key]) for key in ("finn_pe", "finn_simd") if differs),
            *(number(layer[key][source]) for key, _, source in resources),
        )
        for name, layer in layers.items()
    ]
    return header, rows


def whole_table(whole: dict[str, Any], budget: dict[str, Any] | None) -> Table:
    """Header and rows: every quantity of the whole network, one column a source that gives any, and the board's."""
    shown = [source for source in SOURCES if any(value is not None for value in whole[source].values())]
    quantities = {
        "frame_ii_cycles": "frame initiation interval, cycles",
        "latency_cycles": "latency of one frame, cycles",
        "clock_mhz": "clock, MHz",
        "frames_per_second": "frames/s at that clock",
        "latency_us": "latency of one frame, us",
        "luts": "LUT",
        "bram18": "BRAM18",
    }
    columns = [(SOURCES[source], whole[source]) for source in shown]
    if budget and shown:
        columns.append((f"{budget['board']} has", budget))
    rows = [(title, *(number(column.get(key)) for _, column in columns)) for key, title in quantities.items()]
    return ["whole network", *(title for title, _ in columns)], rows


def type_table(types: dict[str, Any]) -> Table:
    """Header and rows: what every accumulator in FINN's hardware can reach, and the types that hold it."""
    rows: list[tuple[str, ...]] = []
    for name, layer in types.items():
        reach = f"{number(layer['low'])}..{number(layer['high'])}"
        rows.append((name, reach, layer["accumulator"], layer["threshold"] or "-"))
    return ["FINN's integers", "accumulators reach", "type", "type of the thresholds"], rows


def checks(whole: dict[str, Any]) -> list[str]:
    """One line a rung of the hardware that was held to golden; and what `rtl/` holds, where it is there."""
    lines = [
        f"{SOURCES[source]}: {figures['frames']:,} frames, {figures['mismatches']} mismatches with golden"
        + (f"; simulated with {describe_popcount(figures)}" if figures.get("popcount") else "")
        + f"{describe_stall(figures)}.\n"
        for source, figures in whole.items()
        if figures["frames"] is not None
    ]
    lines += [f"{line}.\n" for line in driver_and_hardware(whole["board"])]
    rtl = whole["askew_rtl"].get("written")
    return [*lines, f"rtl/: {rtl}.\n"] if rtl else lines


def describe_stall(figures: dict[str, Any]) -> str:
    """That streams were made to wait, where they were."""
    if not figures.get("stall"):
        return ""
    return f"; its streams were made to wait ({figures['stall']:.0%} of the cycles), so its cycles are not the design's"


def driver_and_hardware(board: dict[str, Any]) -> list[str]:
    """What of the board's times is the driver's and what the hardware's, as far as it is known."""
    lines = []
    call, rate, residual, latency, driver = (board.get(key) for key in BOARD_TIMES)
    if rate is not None and call is not None:
        lines.append(
            f"board: the hardware alone gives {number(rate)} frames/s; a Python call costs {number(call * 1e6)} us "
            f"besides (line fitted over batch sizes, largest error {percent(residual)})"
        )
    if latency is not None and driver is not None:
        lines.append(
            f"board: of the latency of one frame, {number(latency * 1e6)} us are the hardware's (the build's cycles at "
            f"the board's clock), {number(driver * 1e6)} us the driver's"
        )
    return lines


def describe_popcount(figures: dict[str, Any]) -> str:
    """How the simulated design counted bits, and whether what is delivered counts so too."""
    simulated, delivered = figures["popcount"], figures.get("delivered_popcount")
    if delivered is None:  # from before it was written down
        return f"popcount {simulated}"
    if simulated == delivered:
        return f"popcount {simulated}, as delivered"
    note = figures.get("popcount_note")
    why = f" ({note})" if note else ""
    return (
        f"popcount {simulated} instead of the delivered {delivered}{why}; "
        f"`askew rtlsim --popcount {delivered}` simulates that"
    )
