"""The report's hardware section as Markdown: cycles and resources of every layer and of the whole, by every source."""

from __future__ import annotations

from collections.abc import Mapping

from flow.report.comparison import SOURCES, stated
from flow.report.sources import column_notes
from flow.report.tables import Table, number, percent, table
from flow.run.figures.report_hardware import BoardBudget, ComparedLayer, Comparison, IntegerTypes, Source

WHOLE = {
    "frame_ii_cycles": "frame initiation interval, cycles",
    "latency_cycles": "latency of one frame, cycles",
    "clock_mhz": "clock, MHz",
    "clock_origin": "clock's origin",
    "frames_per_second": "frames/s at that clock",
    "input_mb_per_s": "pixels taken in at that rate, MB/s",
    "latency_us": "latency of one frame, us",
    "luts": "LUTs",
    "bram18": "BRAM18",
}


def hardware_section(comparison: Comparison, budget: BoardBudget | None = None) -> str:
    """Two or three tables, where their figures come from, and which rungs of the hardware were held to golden."""
    tables = [layer_table(comparison.layers), whole_table(comparison.whole, budget)]
    if comparison.types:
        tables.append(type_table(comparison.types))
    notes = "".join(f"- {title}: {note}\n" for title, note in column_notes(comparison))
    lines = [f"{line}\n" for line in (*checks(comparison.whole), *input_lines(comparison, budget))]
    return "\n".join([*(table(*one) for one in tables), notes, *lines])


def layer_table(layers: Mapping[str, ComparedLayer]) -> Table:
    """Header and rows: PE, SIMD, cycles and resources of every layer."""
    sources = {"askew_model": "ours", "finn_estimate": "FINN"}
    if any(layer.luts.finn_synthesis is not None for layer in layers.values()):
        sources["finn_synthesis"] = "Vivado"
    # FINN's target is folded by FINN's cost, so usually otherwise than our own hardware.
    differs = any(
        theirs not in (None, ours)
        for layer in layers.values()
        for theirs, ours in ((layer.finn_pe, layer.pe), (layer.finn_simd, layer.simd))
    )
    header = ["layer", "PE", "SIMD", "cycles: folds", "our model", "our RTL", "busy", "FINN"]
    header += ["FINN: PE", "FINN: SIMD"] if differs else []
    header += [f"{title}: {name}" for title in ("LUTs", "BRAM18") for name in sources.values()]
    rows = [
        (
            name,
            number(layer.pe),
            number(layer.simd),
            number(layer.cycles.folds),
            number(layer.cycles.askew_model),
            number(layer.cycles.askew_rtl),
            percent(layer.busy_share),
            number(layer.cycles.finn_estimate),
            *((number(layer.finn_pe), number(layer.finn_simd)) if differs else ()),
            *(number(getattr(layer.luts, source)) for source in sources),
            *(number(getattr(layer.bram18, source)) for source in sources),
        )
        for name, layer in layers.items()
    ]
    return header, rows


def whole_table(whole: Mapping[str, Source], budget: BoardBudget | None) -> Table:
    """Header and rows: every quantity of the whole network, one column a source that gives any, and the board's."""
    shown = [source for source in SOURCES if whole[source].says_anything]
    columns = [(SOURCES[source], _texts(whole[source])) for source in shown]
    if budget and shown:
        has = {"luts": number(budget.luts), "bram18": number(budget.bram18)}
        columns.append((f"{budget.board} has", has | {"input_mb_per_s": _mega(budget.input_bytes_per_second)}))
    rows = [(title, *(column.get(name, "-") for _, column in columns)) for name, title in WHOLE.items()]
    return ["whole network", *(title for title, _ in columns)], rows


def _texts(source: Source) -> dict[str, str]:
    texts = {name: number(getattr(source, name)) for name in WHOLE if name not in ("clock_origin", "input_mb_per_s")}
    return texts | {
        "clock_origin": source.clock_origin or "-",
        "input_mb_per_s": _mega(source.input_bytes_per_second),
    }


def _mega(bytes_per_second: float | None) -> str:
    return "-" if bytes_per_second is None else number(bytes_per_second / 1e6)


def input_lines(comparison: Comparison, budget: BoardBudget | None) -> list[str]:
    """What the rate that stands for the run takes in, beside what the board's memory gives; empty without a rate."""
    source = stated(comparison)
    if source is None or source.frames_per_second is None or source.input_bytes_per_second is None:
        return []
    rate, taken = source.frames_per_second, source.input_bytes_per_second
    line = f"Input at {number(rate)} frames/s: {_mega(taken)} MB/s of pixels"
    limit = budget.input_bytes_per_second if budget else None
    if budget is None or limit is None:
        return [f"{line}; what the board's memory gives is not known."]
    line += f"; {budget.board}'s memory gives {_mega(limit)} MB/s at most"
    if taken > limit:
        line += f", and so feeds no more than {number(int(rate * limit / taken))} frames/s"
    return [f"{line}."]


def type_table(types: Mapping[str, IntegerTypes]) -> Table:
    """Header and rows: what every accumulator in FINN's hardware can reach, and the types that hold it."""
    rows: list[tuple[str, ...]] = []
    for name, layer in types.items():
        reach = f"{number(layer.low)}..{number(layer.high)}"
        rows.append((name, reach, layer.accumulator, layer.threshold or "-"))
    return ["FINN's integers", "accumulators reach", "type", "type of the thresholds"], rows


def checks(whole: Mapping[str, Source]) -> list[str]:
    """One line a rung of the hardware that was held to golden; and what `rtl/` holds, where it is there."""
    lines = [
        f"{SOURCES[name]}: {source.frames:,} frames, {source.mismatches} mismatches with golden"
        f"{_simulated_with(source)}.{describe_stall(source)}"
        for name, source in whole.items()
        if source.frames is not None
    ]
    for name in ("askew_board", "board"):
        lines += driver_and_hardware(SOURCES[name], whole[name])
    rtl = whole["askew_rtl"].written
    return [*lines, f"rtl/: {rtl}."] if rtl else lines


def driver_and_hardware(title: str, board: Source) -> list[str]:
    """What of the board's times is the driver's and what the hardware's, as far as it is known."""
    lines = []
    if board.hardware_frames_per_second is not None and board.call_seconds is not None:
        lines.append(
            f"{title}: the hardware alone gives {number(board.hardware_frames_per_second)} frames/s; a Python call "
            f"costs {number(board.call_seconds * 1e6)} us besides (line fitted over batch sizes, largest error "
            f"{percent(board.fit_residual)})."
        )
    if board.hardware_latency_seconds is not None and board.driver_seconds is not None:
        lines.append(
            f"{title}: of the latency of one frame, {number(board.hardware_latency_seconds * 1e6)} us are the "
            f"hardware's (the build's cycles at the board's clock), "
            f"{number(board.driver_seconds * 1e6)} us the driver's."
        )
    return lines


def describe_stall(source: Source) -> str:
    """That a simulation was stalled on purpose, and so says nothing of speed; empty where it was not."""
    if not source.stall:
        return ""
    return (
        f" It was stalled on purpose ({percent(source.stall)} of the cycles at either end), so its cycles are not the "
        "design's and are not shown; a simulation without --stall measures those."
    )


def _simulated_with(source: Source) -> str:
    if source.popcount is None:
        return ""
    return f"; simulated with {describe_popcount(source.popcount, source.delivered_popcount, source.popcount_note)}"


def describe_popcount(simulated: str, delivered: str | None, note: str | None) -> str:
    """How a simulated design counted bits, and whether what is delivered counts so too.

    Args:
        simulated: the style that was simulated.
        delivered: the style that `askew rtl` writes; None in files from before it was written down.
        note: why the two differ.
    """
    if delivered is None:
        return f"popcount {simulated}"
    if simulated == delivered:
        return f"popcount {simulated}, as delivered"
    why = f" ({note})" if note else ""
    return (
        f"popcount {simulated} instead of the delivered {delivered}{why}; "
        f"`askew rtlsim --popcount {delivered}` simulates that"
    )
