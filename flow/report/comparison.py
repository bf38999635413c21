"""The comparison that the flow is for: what every stage says of the same network's hardware."""

from __future__ import annotations

from finn_build.results.figures import (
    BoardFigures,
    EstimatedLayer,
    EstimateFigures,
    FinnRtlsim,
    Resources,
    ResultsFigures,
)
from flow.run.figures.folding import FoldingFigures
from flow.run.figures.implement import ImplementFigures
from flow.run.figures.pynq import OverlayFigures
from flow.run.figures.report_hardware import (
    ComparedLayer,
    Comparison,
    Hardware,
    IntegerTypes,
    LayerCycles,
    LayerResources,
    Origin,
    Source,
    WrittenRtl,
)
from flow.run.figures.rtlsim import RtlsimFigures

SOURCES = {  # where a column's figures come from: what the reader sees
    "askew_model": "our model",
    "askew_rtl": "our RTL, Verilator",
    "askew_routed": "our RTL, routed",
    "askew_overlay": "our RTL, PYNQ overlay",
    "askew_board": "our RTL, board",
    "finn_estimate": "FINN's estimate",
    "finn_rtlsim": "FINN's RTL",
    "finn_synthesis": "Vivado",
    "board": "board",
}
BOARD_TIMES = (
    "call_seconds",
    "hardware_frames_per_second",
    "fit_residual",
    "hardware_latency_seconds",
    "driver_seconds",
)
MEASURED_FIRST = ("askew_routed", "askew_overlay", "askew_rtl", "askew_model", "finn_rtlsim", "finn_estimate")
ASSUMED: Origin = "assumed"
ROUTED: Origin = "routed"


def compare(layers: list[str], hardware: Hardware, frame_bytes: int | None = None) -> Comparison:
    """One table by layer and one of the whole network; None where nothing gave a figure.

    A simulation with stalls gives no cycles: those are not the design's.

    Args:
        layers: names, in the network's order.
        hardware: the stages' figures.
        frame_bytes: of one frame, a byte a pixel and channel; None leaves out what a rate takes in.
    """
    estimated = hardware.finn_estimate.layers if hardware.finn_estimate else {}
    return Comparison(
        layers={name: _layer(name, hardware) for name in layers},
        types={name: types for name in layers if (types := _types(estimated.get(name)))},
        whole={
            name: source.model_copy(update={"input_bytes_per_second": _taken_in(source, frame_bytes)})
            for name, source in {
                "askew_model": _model(hardware.folding),
                "askew_rtl": _rtl(hardware.rtlsim, hardware.rtl, hardware.folding),
                "askew_routed": _routed(hardware.implementation),
                "askew_overlay": _routed(hardware.overlay),
                "askew_board": _board(hardware.overlay_results.board if hardware.overlay_results else None),
                "finn_estimate": _estimate(hardware.finn_estimate),
                "finn_rtlsim": _finn_rtlsim(hardware.finn_results),
                "finn_synthesis": _synthesis(hardware.finn_results),
                "board": _board(hardware.finn_results.board if hardware.finn_results else None),
            }.items()
        },
    )


def stated(comparison: Comparison) -> Source | None:
    """The source whose cycles and times stand for the run: routed, else measured in RTL, the cycle model, FINN's."""
    sources = (comparison.whole[name] for name in MEASURED_FIRST)
    return next((source for source in sources if source.frame_ii_cycles is not None), None)


def _taken_in(source: Source, frame_bytes: int | None) -> float | None:
    rate = source.frames_per_second
    return None if rate is None or frame_bytes is None else rate * frame_bytes


def _layer(name: str, hardware: Hardware) -> ComparedLayer:
    folded = hardware.folding.layers.get(name) if hardware.folding else None
    rtlsim = hardware.rtlsim
    simulated = rtlsim.layers.get(name) if rtlsim else None
    measured = simulated if rtlsim and not rtlsim.is_stalled else None
    estimated = hardware.finn_estimate.layers.get(name) if hardware.finn_estimate else None
    synthesis = hardware.finn_results.post_synthesis if hardware.finn_results else None
    placed = synthesis.layers.get(name) if synthesis else None
    return ComparedLayer(
        pe=folded.pe if folded else None,
        simd=folded.simd if folded else None,
        finn_pe=estimated.pe if estimated else None,
        finn_simd=estimated.simd if estimated else None,
        cycles=LayerCycles(
            folds=folded.cycles if folded else None,
            askew_model=simulated.predicted.busy if simulated else None,
            askew_rtl=measured.measured.busy if measured else None,
            finn_estimate=estimated.cycles if estimated else None,
        ),
        busy_share=measured.busy_share if measured else None,
        luts=LayerResources(
            askew_model=folded.luts if folded else None,
            finn_estimate=estimated.lut if estimated else None,
            finn_synthesis=placed.lut if placed else None,
        ),
        bram18=LayerResources(
            askew_model=folded.bram18 if folded else None,
            finn_estimate=estimated.bram18 if estimated else None,
            finn_synthesis=placed.bram18 if placed else None,
        ),
    )


def _types(estimated: EstimatedLayer | None) -> IntegerTypes | None:
    """What FINN's unit counts in, beside what it can count up to; None where it counts nothing."""
    if estimated is None or estimated.accumulator is None:
        return None
    accumulator = estimated.accumulator
    return IntegerTypes(
        low=accumulator.low,
        high=accumulator.high,
        accumulator=accumulator.type,
        threshold=estimated.threshold.type if estimated.threshold else None,
    )


def _from_cycles(
    frame_ii: float | None = None,
    latency: float | None = None,
    clock_mhz: float | None = None,
    origin: Origin = ASSUMED,
) -> Source:
    """Times at the clock, of the cycles that a stage gives."""
    stated = clock_mhz if frame_ii else None
    return Source(
        frame_ii_cycles=frame_ii,
        latency_cycles=latency,
        clock_mhz=stated,
        clock_origin=origin if stated else None,
        frames_per_second=clock_mhz * 1e6 / frame_ii if clock_mhz and frame_ii else None,
        latency_us=latency / clock_mhz if clock_mhz and latency else None,
        luts=None,
        bram18=None,
        mismatches=None,
        frames=None,
    )


def _model(folding: FoldingFigures | None) -> Source:
    if folding is None:
        return _from_cycles()
    source = _from_cycles(folding.frame_ii_cycles, folding.latency_cycles, folding.clock_mhz)
    return source.model_copy(update={"luts": folding.luts, "bram18": folding.bram18})


def _rtl(rtlsim: RtlsimFigures | None, rtl: WrittenRtl | None, folding: FoldingFigures | None) -> Source:
    """Of a simulation with stalls, whether it gives golden's answers: that is what it is for."""
    written = {} if rtl is None else {"written": rtl.written}
    if rtlsim is None:
        return _from_cycles().model_copy(update=written)
    clock = rtl.clock_mhz if rtl and rtl.clock_mhz is not None else folding.clock_mhz if folding else None
    source = _from_cycles() if rtlsim.is_stalled else _from_cycles(rtlsim.frame_ii_cycles, rtlsim.latency_cycles, clock)
    given = rtlsim.to_json()
    kept = {name: given[name] for name in ("popcount", "delivered_popcount", "popcount_note", "stall") if name in given}
    return source.model_copy(update=written | kept | {"mismatches": rtlsim.mismatches, "frames": rtlsim.frames})


def _routed(found: ImplementFigures | OverlayFigures | None) -> Source:
    """At the clock that the router confirmed: the one that was asked for, or the highest where that was missed."""
    if found is None:
        return _from_cycles()
    clock = found.clock_mhz if found.met else found.fmax_mhz
    source = _from_cycles(found.frame_ii_cycles, found.latency_cycles, clock, ROUTED)
    return source.model_copy(update={"luts": found.luts, "bram18": found.bram18})


def _estimate(estimate: EstimateFigures | None) -> Source:
    if estimate is None:
        return _from_cycles()
    source = _from_cycles(estimate.frame_ii_cycles, estimate.latency_cycles, estimate.clock_mhz)
    checked = {"mismatches": estimate.mismatches, "frames": estimate.frames}
    return source.model_copy(update=checked | _placed(estimate.resources))


def _finn_rtlsim(results: ResultsFigures | None) -> Source:
    """FINN's clock is one that a router reached only where its timing says so."""
    if results is None:
        return _from_cycles()
    found = results.rtlsim or FinnRtlsim()
    met = results.timing is not None and results.timing.met
    return _from_cycles(found.frame_ii_cycles, found.latency_cycles, results.clock_mhz, ROUTED if met else ASSUMED)


def _synthesis(results: ResultsFigures | None) -> Source:
    synthesis = results.post_synthesis if results else None
    return _from_cycles().model_copy(update=_placed(synthesis.resources if synthesis else None))


def _placed(resources: Resources | None) -> dict[str, int]:
    return {"luts": resources.lut, "bram18": resources.bram18} if resources else {}


def _board(board: BoardFigures | None) -> Source:
    """What `validate.py` measured: its latency has the processor's part in it; the rest tells that part apart."""
    if board is None:
        return _from_cycles()
    told_apart = {name: getattr(board, name) for name in BOARD_TIMES if getattr(board, name) is not None}
    return _from_cycles().model_copy(
        update={
            "clock_mhz": board.clock_mhz,
            "clock_origin": ROUTED if board.clock_mhz else None,
            "frames_per_second": max((board.frames_per_second or {}).values(), default=None),
            "latency_us": board.latency_seconds * 1e6 if board.latency_seconds else None,
            "mismatches": board.mismatches,
            "frames": board.frames,
            **told_apart,
        }
    )
