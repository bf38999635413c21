"""A dataflow as SystemVerilog: instances, their parameters and the streams between them. No logic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hw.dataflow import Dataflow
from hw.units import Fifo, LabelSelect, Unit

AXIS_LABEL_BITS = 32


def emit_instance(
    module: str, name: str, parameters: Mapping[str, int | str], ports: Mapping[str, str], indent: str = "  "
) -> str:
    """One instance; a port that maps to an empty text is left open."""
    lines = []
    if parameters:
        values = ",\n".join(f"{indent}    .{key}({value})" for key, value in parameters.items())
        lines.append(f"{indent}{module} #(\n{values}\n{indent}) {name} (")
    else:
        lines.append(f"{indent}{module} {name} (")
    lines.append(",\n".join(f"{indent}    .{port}({signal})" for port, signal in ports.items()))
    lines.append(f"{indent});")
    return "\n".join(lines) + "\n"


def stream_ports(source: str, sink: str) -> dict[str, str]:
    """The stream ports of a unit between streams ``source`` and ``sink``."""
    return {
        "clk_i": "clk_i",
        "rst_ni": "rst_ni",
        "valid_i": f"{source}_valid",
        "ready_o": f"{source}_ready",
        "data_i": f"{source}_data",
        "last_i": f"{source}_last",
        "valid_o": f"{sink}_valid",
        "ready_i": f"{sink}_ready",
        "data_o": f"{sink}_data",
        "last_o": f"{sink}_last",
    }


def _declare(name: str, width: int) -> str:
    return f"  logic {name}_valid, {name}_ready, {name}_last;\n  logic [{width - 1}:0] {name}_data;\n"


def emit_dataflow(dataflow: Dataflow, header: Iterable[str], *, stall_gates: bool) -> str:
    """The module ``dataflow``: every unit, and the streams between them, each named after the unit that drives it.

    Args:
        dataflow: the design.
        header: comment lines.
        stall_gates: put a gate into every stream that the bench can close (simulation only).
    """
    first, last = dataflow.units[0].input, dataflow.units[-1].output
    text = "".join(f"// {line}\n" for line in header)
    text += "module dataflow (\n    input  logic clk_i,\n    input  logic rst_ni,\n"
    if stall_gates:
        text += f"    input  logic [{len(dataflow.units)}:0] open_i,\n"
    text += "    input  logic pixels_valid,\n    output logic pixels_ready,\n"
    text += f"    input  logic [{first.width - 1}:0] pixels_data,\n    input  logic pixels_last,\n"
    text += "    output logic result_valid,\n    input  logic result_ready,\n"
    text += f"    output logic [{last.width - 1}:0] result_data,\n    output logic result_last\n);\n"
    source = "pixels"
    for index, unit in enumerate(dataflow.units):
        if stall_gates:
            text += _gate(index, source, unit.input.width)
            source = f"gated_{index}"
        text += "\n" + _declare(unit.name, unit.output.width)
        text += emit_instance(unit.module, f"i_{unit.name}", unit.parameters(), _ports(unit, source))
        source = unit.name
    if stall_gates:
        text += _gate(len(dataflow.units), source, last.width)
        source = f"gated_{len(dataflow.units)}"
    text += f"\n  assign result_valid = {source}_valid;\n  assign {source}_ready = result_ready;\n"
    text += f"  assign result_data = {source}_data;\n  assign result_last = {source}_last;\nendmodule\n"
    return text


def _ports(unit: Unit, source: str) -> dict[str, str]:
    ports = stream_ports(source, unit.name)
    if isinstance(unit, Fifo):
        ports["level_o"] = ""
    if isinstance(unit, LabelSelect):
        ports["score_o"] = ""
    return ports


def _gate(index: int, source: str, width: int) -> str:
    text = "\n" + _declare(f"gated_{index}", width)
    ports = stream_ports(source, f"gated_{index}") | {"open_i": f"open_i[{index}]"}
    return text + emit_instance("stall_gate", f"i_gate_{index}", {"WIDTH": width}, ports)


def emit_top(dataflow: Dataflow, header: Iterable[str], network_hash: str, *, stall_gates: bool) -> str:
    """The module ``top``: AXI4-Stream in and out around the dataflow."""
    first, label = dataflow.units[0].input, dataflow.units[-1].output
    text = "".join(f"// {line}\n" for line in header)
    text += "module top (\n    input  logic clk_i,\n    input  logic rst_ni,\n"
    if stall_gates:
        text += f"    input  logic [{len(dataflow.units)}:0] open_i,\n"
    text += f"""    input  logic s_axis_tvalid,
    output logic s_axis_tready,
    input  logic [{first.width - 1}:0] s_axis_tdata,
    input  logic s_axis_tlast,
    output logic m_axis_tvalid,
    input  logic m_axis_tready,
    output logic [{AXIS_LABEL_BITS - 1}:0] m_axis_tdata,
    output logic m_axis_tlast
);
  logic [{label.width - 1}:0] label;
"""
    ports = {"clk_i": "clk_i", "rst_ni": "rst_ni"} | ({"open_i": "open_i"} if stall_gates else {})
    for inner, outer in (("pixels", "s_axis"), ("result", "m_axis")):
        data = "label" if inner == "result" else f"{outer}_tdata"
        ports |= {
            f"{inner}_valid": f"{outer}_tvalid",
            f"{inner}_ready": f"{outer}_tready",
            f"{inner}_data": data,
            f"{inner}_last": f"{outer}_tlast",
        }
    text += emit_instance("dataflow", "i_dataflow", {}, ports)
    text += f"  assign m_axis_tdata = {AXIS_LABEL_BITS}'(label);\nendmodule\n"
    return text
