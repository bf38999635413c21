"""The RTL under Verilator: built once per structure, then frames at full speed, cycle for cycle."""

from hw.rtlsim.build import Effort, RtlSimulationError, build
from hw.rtlsim.simulation import RtlResult, simulate_design, simulate_rtl

__all__ = ["Effort", "RtlResult", "RtlSimulationError", "build", "simulate_design", "simulate_rtl"]
