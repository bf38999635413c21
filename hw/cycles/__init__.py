"""The cycle model: exact predictions of what Verilator measures, buffer sizes and timelines."""

from hw.cycles.buffers import checked_buffers, size_buffers
from hw.cycles.model import CycleModel
from hw.cycles.prediction import (
    Prediction,
    UnitCycles,
    as_number,
    predict_cycles,
    predict_latency,
    steady_frame_ii,
    sustains,
)
from hw.cycles.timeline import Span, Timeline, layer_timeline

__all__ = [
    "CycleModel",
    "Prediction",
    "Span",
    "Timeline",
    "UnitCycles",
    "as_number",
    "checked_buffers",
    "layer_timeline",
    "predict_cycles",
    "predict_latency",
    "size_buffers",
    "steady_frame_ii",
    "sustains",
]
