"""Synthesis with Yosys for Xilinx 7-series: units, whole designs, and the data that estimates are fitted to."""

from hw.synth.design import synthesize
from hw.synth.units import synthesize_units
from hw.synth.yosys import SynthError, SynthResult

__all__ = ["SynthError", "SynthResult", "synthesize", "synthesize_units"]
