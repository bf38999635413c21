"""Where each column's figures come from, in a sentence a column: what the reader can hold them to."""

from __future__ import annotations

from flow.report.comparison import SOURCES
from flow.run.figures.report_hardware import Comparison

NOTES = {
    "folds": "mw/simd x mh/pe x positions of the folding: arithmetic.",
    "askew_model": "cycles and latency by our cycle model, without stalls; LUTs and block RAMs by a model fitted to "
    "Yosys' synthesis of our units; nothing was placed.",
    "askew_rtl": "counted in Verilator while golden frames streamed through our SystemVerilog; times at the clock that "
    "its constraints name.",
    "askew_routed": "cycles by our cycle model, at the clock that the router confirmed; tables and block RAMs as "
    "placed, of the whole chip with its serial line.",
    "askew_overlay": "cycles by our cycle model, at the clock that the router confirmed; tables and block RAMs as "
    "placed, with DMA and interconnect.",
    "askew_board": "our own overlay, measured on the board by validate.py; its latency has the processor's part in it.",
    "finn_estimate": "FINN's own estimates of its units, without FIFOs, converters and shell; nothing was placed.",
    "finn_rtlsim": "measured by FINN in simulation of its own hardware.",
    "finn_synthesis": "counted by Vivado after placement of FINN's design; the whole has the shell too.",
    "board": "measured on the board by validate.py; its latency has the processor's part in it.",
}
RUNGS = {
    "reference": "the trained model in PyTorch; of an imported run, or one from the zoo, the ONNX file, by qonnx",
    "qonnx": "model.onnx, executed node by node by qonnx",
    "numpy": "the integer network in NumPy",
    "numba": "the integer network in compiled kernels",
    "plain": "the integer network in the evaluator that the board is held to, which shares no code with the simulator",
    "rtl": "our SystemVerilog in Verilator",
    "top": "the whole chip before synthesis, bit by bit through its serial line, in Verilator",
    "netlist": "the whole chip after synthesis, Yosys' netlist and cell models, through its serial line",
    "routed": "the whole chip after place and route, as nextpnr wrote it, through its serial line",
    "finn": "FINN's own graph, with the wrap-around of its types",
}


def column_notes(comparison: Comparison) -> list[tuple[str, str]]:
    """Title and note of every column that gives a figure, of the whole network or of a layer."""
    layers = comparison.layers.values()
    given = {name for name, source in comparison.whole.items() if source.says_anything}
    given |= {"folds"} if any(layer.cycles.folds is not None for layer in layers) else set()
    titles = {"folds": "cycles: folds"} | SOURCES
    return [(titles[name], note) for name, note in NOTES.items() if name in given]


def rung_notes(rungs: list[str]) -> list[tuple[str, str]]:
    """Rung and what it computes with."""
    return [(name, RUNGS[name]) for name in rungs if name in RUNGS]
