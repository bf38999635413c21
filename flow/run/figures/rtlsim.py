"""``rtlsim.json``: what Verilator measured of our RTL, beside what the cycle model predicted."""

from __future__ import annotations

from finn_build.results.form import Count, Cycles, Figures, Frames, Number, Part, Share, says


class UnitStates(Part):
    """What a unit did between two labels."""

    busy: Number = says("at work", "cycles")
    blocked: Number | None = says("with a result that nobody takes", "cycles", default=None)
    starved: Number | None = says("without anything to work on", "cycles", default=None)


class SimulatedLayer(Part):
    """A layer of ``rtlsim.json``: its matrix or pool."""

    predicted: UnitStates = says("by the cycle model")
    measured: UnitStates = says("in Verilator")
    busy_share: Number = says("of the measured frame interval in which it is at work", "0..1")
    cycles: Count | None = says("of its folds", "cycles", default=None)
    pe: Frames | None = says("outputs at a time", "outputs a cycle", default=None)
    simd: Frames | None = says("inputs at a time", "inputs a cycle", default=None)


class RtlsimFigures(Figures):
    """``rtlsim.json``: golden frames through our RTL in Verilator. With stalls, cycles are not the design's own."""

    frames: Frames = says("golden frames that were streamed", "frames")
    mismatches: Count = says("frames with other scores or another label than golden's", "frames")
    first_mismatch: Count | None = says("index of the first such frame; null where there is none", default=None)
    accuracy: Share | None = says("share of frames answered as labelled; null without labels", "0..1", default=None)
    stall: Share | None = says("chance of a stall at either end, each cycle; 0 is none", "0..1", default=None)
    popcount: str | None = says("how the simulated design counts bits", default=None)
    delivered_popcount: str | None = says("how the design that `askew rtl` writes counts bits", default=None)
    popcount_note: str | None = says("why the two differ; null where they do not", default=None)
    latency_cycles: Number | None = says(
        "from the first beat in to the last beat out, measured", "cycles", default=None
    )
    frame_ii_cycles: Cycles | None = says("between the last two labels, measured", "cycles", default=None)
    predicted_latency_cycles: Number | None = says("by the cycle model, without stalls", "cycles", default=None)
    predicted_frame_ii_cycles: Cycles | None = says("by the cycle model, without stalls", "cycles", default=None)
    frames_per_second: Number | None = says("of the simulation, not of the design", "frames/s", default=None)
    cycles_per_second: Number | None = says("of the simulation on this machine", "cycles/s", default=None)
    layers: dict[str, SimulatedLayer] = says("layer to what its matrix or pool did", default={})

    @property
    def is_stalled(self) -> bool:
        """Whether its cycles were lengthened on purpose, and so are not the design's own."""
        return bool(self.stall)
