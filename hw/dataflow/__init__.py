"""Chain + folding -> the chain of hardware units that computes it."""

from hw.dataflow.dataflow import Dataflow
from hw.dataflow.segments import Segments, build_dataflow, keeps_beats, unit_names

__all__ = ["Dataflow", "Segments", "build_dataflow", "keeps_beats", "unit_names"]
