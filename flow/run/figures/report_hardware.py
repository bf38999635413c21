"""What ``report.json`` says of the hardware: every stage's figures, and the comparison of what they say."""

from __future__ import annotations

from typing import Literal

from finn_build.results.figures import EstimateFigures, ResultsFigures
from finn_build.results.form import Clock, Count, Number, Part, Real, Share, says
from flow.run.figures.folding import FoldingFigures
from flow.run.figures.implement import ImplementFigures
from flow.run.figures.pynq import OverlayFigures, OverlayResults
from flow.run.figures.rtlsim import RtlsimFigures

Origin = Literal["routed", "estimated", "assumed"]


class WrittenRtl(Part):
    """What ``rtl/`` holds."""

    written: str = says("in words; a stale one is said to be stale")
    clock_mhz: Clock | None = says("of its constraints, where it is the design of today's folding", "MHz", default=None)


class Hardware(Part):
    """The figures of each stage; null where it has not run."""

    folding: FoldingFigures | None = says("``folding.json``", default=None)
    rtlsim: RtlsimFigures | None = says("``rtlsim.json``", default=None)
    implementation: ImplementFigures | None = says("``fpga/implement.json``", default=None)
    overlay: OverlayFigures | None = says("``pynq/bitstream.json``", default=None)
    overlay_results: OverlayResults | None = says("``pynq/results.json``", default=None)
    finn_estimate: EstimateFigures | None = says("``finn/estimate.json``", default=None)
    finn_results: ResultsFigures | None = says("``finn/results.json``", default=None)
    rtl: WrittenRtl | None = says("what ``rtl/`` holds", default=None)

    @property
    def is_there(self) -> bool:
        """Whether any stage of the hardware has run."""
        return any(getattr(self, name) is not None for name in type(self).model_fields)


class LayerCycles(Part):
    """Cycles of a layer's matrix or pool for a frame, by source."""

    folds: Count | None = says("mw/simd x mh/pe x positions", "cycles")
    askew_model: Number | None = says("at work, by our cycle model", "cycles")
    askew_rtl: Number | None = says("at work, in Verilator; null where it was stalled", "cycles")
    finn_estimate: Number | None = says("FINN's estimate", "cycles")


class LayerResources(Part):
    """A resource of a layer by source."""

    askew_model: Count | None = says("our model, fitted to Yosys")
    finn_estimate: Count | None = says("FINN's estimate")
    finn_synthesis: Count | None = says("Vivado's count of FINN's design")


class ComparedLayer(Part):
    """What every stage says of one layer."""

    pe: Count | None = says("of our folding", "outputs a cycle")
    simd: Count | None = says("of our folding", "inputs a cycle")
    finn_pe: Count | None = says("that FINN applied", "outputs a cycle")
    finn_simd: Count | None = says("that FINN applied", "inputs a cycle")
    cycles: LayerCycles = says("by source", "cycles")
    busy_share: Number | None = says("at work in Verilator; null where it was stalled", "0..1")
    luts: LayerResources = says("by source", "LUTs")
    bram18: LayerResources = says("by source", "blocks of 18 kbit")


class IntegerTypes(Part):
    """What a unit of FINN's counts in."""

    low: int = says("lowest value that its accumulator reaches")
    high: int = says("highest value that its accumulator reaches")
    accumulator: str = says("FINN's type of the accumulator")
    threshold: str | None = says("FINN's type of the thresholds; null where it has none")


class Source(Part):
    """What one source says of the whole network; null where it gives no figure."""

    frame_ii_cycles: Real | None = says("between the starts of successive frames; null where it was stalled", "cycles")
    latency_cycles: Real | None = says("from the first beat in to the last beat out", "cycles")
    clock_mhz: Clock | None = says("that rates are stated for", "MHz")
    clock_origin: Origin | None = says("who says that the design reaches this clock; null without one", default=None)
    frames_per_second: Real | None = says("at that clock", "frames/s")
    input_bytes_per_second: Real | None = says("of pixels that this rate takes in", "bytes/s", default=None)
    latency_us: Real | None = says("at that clock", "us")
    luts: Count | None = says("look-up tables", "LUTs")
    bram18: Count | None = says("block RAMs", "blocks of 18 kbit")
    mismatches: Count | None = says("with golden", "frames")
    frames: Count | None = says("held to golden", "frames")
    stall: Share | None = says("of our RTL: chance of a stall; with stalls there are no cycles", "0..1", default=None)
    popcount: str | None = says("of our RTL: how the simulated design counts bits", default=None)
    delivered_popcount: str | None = says("of our RTL: how what `askew rtl` writes counts bits", default=None)
    popcount_note: str | None = says("of our RTL: why the two differ", default=None)
    written: str | None = says("of our RTL: what ``rtl/`` holds, in words", default=None)
    call_seconds: Number | None = says("of the board: what a Python call costs", "s", default=None)
    hardware_frames_per_second: Number | None = says("of the board: its hardware alone", "frames/s", default=None)
    fit_residual: Number | None = says("of the board: how far its times lie off a line", "0..1", default=None)
    hardware_latency_seconds: Number | None = says("of the board: the hardware's part of latency", "s", default=None)
    driver_seconds: Number | None = says("of the board: the driver's part of the latency", "s", default=None)

    @property
    def says_anything(self) -> bool:
        """Whether there is a figure in it."""
        return any(value is not None for value in self.to_json().values())


class Comparison(Part):
    """What every stage says of the same network's hardware."""

    layers: dict[str, ComparedLayer] = says("layer to its figures")
    types: dict[str, IntegerTypes] = says("layer to the integer types of FINN's unit")
    whole: dict[str, Source] = says("source to its figures of the whole network")


class BoardBudget(Part):
    """What the board offers that the run was folded for."""

    board: str = says("its name")
    luts: Count = says("look-up tables", "LUTs")
    ffs: Count = says("flip-flops", "flip-flops")
    bram18: Count = says("block RAMs", "blocks of 18 kbit")
    input_bytes_per_second: Number | None = says(
        "that its memory gives at most, at the folding's clock; null where nobody said", "bytes/s", default=None
    )


class ReportedClock(Part):
    """The clock that the stated rates are at."""

    mhz: Clock = says("clock", "MHz")
    origin: Origin = says("routed (by a router), estimated, or assumed (nothing was placed)")


class BusyLayer(Part):
    """When a layer is at work."""

    busy: list[Count] = says("in each step", "cycles")


class Span(Part):
    """A span of cycles cut into steps."""

    edges: list[Count] = says("the cycles between which the steps lie", "cycles")
    layers: dict[str, BusyLayer] = says("layer to its work")


class ReportedTimeline(Part):
    """When each layer is at work, by the cycle model."""

    first_frame: Span = says("the first frame alone, from its first beat to its label")
    steady: Span = says("one frame interval of the steady state")
    settled: bool = says("whether the run that is shown had settled")
