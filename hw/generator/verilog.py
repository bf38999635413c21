"""A dataflow as SystemVerilog: instances, their parameters and the streams between them. No logic."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from hw.dataflow import Dataflow
from hw.generator.registers import ADDRESS_BITS
from hw.units import module_name

TOP = module_name("top")
DATAFLOW = module_name("dataflow")
IP = module_name("ip")
MAX_DEFAULT_STREAM_BITS = 64
"""Of ``askew_ip``'s pixels: what a port of a Zynq's memory gives a cycle."""
AXIS_LABEL_BITS = 32
IDENTITY_FILE = "mem/identity.hex"
AXI_LITE = {  # channel -> port, direction, bits
    "aw": (("valid", "input", 1), ("ready", "output", 1), ("addr", "input", ADDRESS_BITS)),
    "w": (("valid", "input", 1), ("ready", "output", 1), ("data", "input", 32), ("strb", "input", 4)),
    "b": (("valid", "output", 1), ("ready", "input", 1), ("resp", "output", 2)),
    "ar": (("valid", "input", 1), ("ready", "output", 1), ("addr", "input", ADDRESS_BITS)),
    "r": (("valid", "output", 1), ("ready", "input", 1), ("data", "output", 32), ("resp", "output", 2)),
}


def emit_instance(
    module: str, name: str, parameters: Mapping[str, int | str], ports: Mapping[str, str], indent: str = "  "
) -> str:
    """One instance."""
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


def emit_dataflow(dataflow: Dataflow, header: Iterable[str], *, stall_gates: bool, score_tap: bool = False) -> str:
    """The module ``askew_dataflow``: every unit, and the streams between them, each named after its driver.

    Args:
        dataflow: the design.
        header: comment lines.
        stall_gates: put a gate into every stream that the bench can close (simulation only).
        score_tap: let out the stream into the last unit too: its data, and in which cycles a beat of it moves.
    """
    first, last = dataflow.units[0].input, dataflow.units[-1].output
    text = "".join(f"// {line}\n" for line in header)
    text += f"module {DATAFLOW} (\n    input  logic clk_i,\n    input  logic rst_ni,\n"
    if stall_gates:
        text += f"    input  logic [{len(dataflow.units)}:0] open_i,\n"
    text += "    input  logic pixels_valid,\n    output logic pixels_ready,\n"
    text += f"    input  logic [{first.width - 1}:0] pixels_data,\n    input  logic pixels_last,\n"
    text += "    output logic result_valid,\n    input  logic result_ready,\n"
    text += f"    output logic [{last.width - 1}:0] result_data,\n    output logic result_last"
    if score_tap:
        text += (
            f",\n    output logic scores_valid,\n    output logic [{dataflow.units[-1].input.width - 1}:0] scores_data"
        )
    text += "\n);\n"
    source = "pixels"
    for index, unit in enumerate(dataflow.units):
        if stall_gates:
            text += _gate(index, source, unit.input.width)
            source = f"gated_{index}"
        text += "\n" + _declare(unit.name, unit.output.width)
        ports = stream_ports(source, unit.name)
        for port, width in unit.side_outputs().items():
            ports[port] = f"unused_{unit.name}_{port}"
            text += f"  logic [{width - 1}:0] {ports[port]};\n"
        text += emit_instance(unit.module, f"i_{unit.name}", unit.parameters(), ports)
        source = unit.name
    if stall_gates:
        text += _gate(len(dataflow.units), source, last.width)
        source = f"gated_{len(dataflow.units)}"
    if score_tap:
        scores = dataflow.units[-2].name
        text += f"\n  assign scores_valid = {scores}_valid && {scores}_ready;\n  assign scores_data = {scores}_data;\n"
    text += f"\n  assign result_valid = {source}_valid;\n  assign {source}_ready = result_ready;\n"
    text += f"  assign result_data = {source}_data;\n  assign result_last = {source}_last;\nendmodule\n"
    return text


def _gate(index: int, source: str, width: int) -> str:
    text = "\n" + _declare(f"gated_{index}", width)
    ports = stream_ports(source, f"gated_{index}") | {"open_i": f"open_i[{index}]"}
    return text + emit_instance(module_name("stall_gate"), f"i_gate_{index}", {"WIDTH": width}, ports)


def emit_top(dataflow: Dataflow, header: Iterable[str], version: str, *, stall_gates: bool) -> str:
    """The module ``askew_top``: the dataflow behind a frame guard and AXI4-Stream ports, with AXI4-Lite registers.

    The guard is wires while frames are right, so the dataflow's cycles are the design's.
    """
    first, label = dataflow.units[0].input, dataflow.units[-1].output
    text = "".join(f"// {line}\n" for line in header)
    text += f"module {TOP} (\n    input  logic clk_i,\n    input  logic rst_ni,\n"
    if stall_gates:
        text += f"    input  logic [{len(dataflow.units)}:0] open_i,\n"
    axi = [
        _port(direction, f"s_axi_{channel}{name}", width)
        for channel, ports in AXI_LITE.items()
        for name, direction, width in ports
    ]
    streams = [
        _port("input", "s_axis_tvalid"),
        _port("output", "s_axis_tready"),
        _port("input", "s_axis_tdata", first.width),
        _port("input", "s_axis_tlast"),
        _port("input", "s_axis_tuser"),
        _port("output", "m_axis_tvalid"),
        _port("input", "m_axis_tready"),
        _port("output", "m_axis_tdata", AXIS_LABEL_BITS),
        _port("output", "m_axis_tlast"),
    ]
    text += ",\n".join([*streams, *axi]) + "\n);\n"
    text += f"  logic [{label.width - 1}:0] label;\n"
    text += "  logic is_short, is_long, is_strict, ends_packet, frame_in, label_out, unused_last;\n\n" + _declare(
        "pixels", first.width
    )
    axis = {name: f"s_axis_t{name}" for name in ("valid", "ready", "data", "last")}
    guard = stream_ports("s_axis", "pixels") | {
        "valid_i": axis["valid"],
        "ready_o": axis["ready"],
        "data_i": axis["data"],
        "last_i": axis["last"],
        "strict_i": "is_strict",
        "partial_i": "s_axis_tuser",
        "end_o": "ends_packet",
        "short_o": "is_short",
        "long_o": "is_long",
    }
    sizes = {"WIDTH": first.width, "BEATS": first.beats}
    text += emit_instance(module_name("axis_frame_guard"), "i_guard", sizes, guard) + "\n"
    core = {"clk_i": "clk_i", "rst_ni": "rst_ni"} | ({"open_i": "open_i"} if stall_gates else {})
    for name in axis:
        core[f"pixels_{name}"] = f"pixels_{name}"
        core[f"result_{name}"] = {"data": "label", "last": "unused_last"}.get(name, f"m_axis_t{name}")
    text += emit_instance(DATAFLOW, "i_dataflow", {}, core)
    text += f"  assign m_axis_tdata = {AXIS_LABEL_BITS}'(label);\n\n"
    text += "  assign frame_in = pixels_valid && pixels_ready && pixels_last;\n"
    text += "  assign label_out = m_axis_tvalid && m_axis_tready;\n"
    ends = {"clk_i": "clk_i", "rst_ni": "rst_ni", "push_i": "frame_in", "end_i": "ends_packet"}
    ends |= {"pop_i": "label_out", "end_o": "m_axis_tlast"}
    text += emit_instance(module_name("frame_ends"), "i_ends", {"DEPTH": dataflow.frames_in_flight}, ends) + "\n"
    registers = {"clk_i": "clk_i", "rst_ni": "rst_ni"} | {
        f"{channel}{name}_{'i' if direction == 'input' else 'o'}": f"s_axi_{channel}{name}"
        for channel, ports in AXI_LITE.items()
        for name, direction, _ in ports
    }
    registers |= {
        "frame_in_i": "is_strict ? s_axis_tvalid && s_axis_tready && s_axis_tlast : frame_in",
        "frame_out_i": "label_out",
        "stall_in_i": "s_axis_tvalid && !s_axis_tready",
        "stall_out_i": "m_axis_tvalid && !m_axis_tready",
        "short_i": "is_short",
        "long_i": "is_long",
        "strict_o": "is_strict",
    }
    parameters = {"HASH_FILE": f'"{IDENTITY_FILE}"', "VERSION": version_word(version)}
    return text + emit_instance(module_name("axil_regs"), "i_registers", parameters, registers) + "endmodule\n"


def version_word(version: str) -> str:
    """Version 1.2.3 as the register gives it: 32'h00010203. What follows a number is left out."""
    numbers = [int(re.match(r"\d*", part)[0] or 0) for part in version.split(".")[:3]]  # type: ignore[index]
    return "32'h00" + "".join(f"{min(number, 255):02x}" for number in [*numbers, 0, 0, 0][:3])


def _port(direction: str, name: str, width: int = 1) -> str:
    return f"    {direction:6} logic {f'[{width - 1}:0] ' if width > 1 else ''}{name}"


def emit_ip(dataflow: Dataflow, header: Iterable[str]) -> str:
    """The module ``askew_ip`` in Verilog, as Vivado's packager and block designs want a top: ``askew_top`` behind AXI.

    Its streams are as wide as an AXI DMA's: a power of two of bits, whatever the pixels of a beat take.
    """
    first = dataflow.units[0].input
    default = min(MAX_DEFAULT_STREAM_BITS, max(8, 1 << (first.width - 1).bit_length()))
    text = "".join(f"// {line}\n" for line in header)
    text += f"""module {IP} #(
    parameter integer C_S_AXIS_TDATA_WIDTH = {default}  // bits of a beat of pixels: a power of two, 8 to 1024
) (
    (* X_INTERFACE_INFO = "xilinx.com:signal:clock:1.0 aclk CLK" *)
    (* X_INTERFACE_PARAMETER = "ASSOCIATED_BUSIF s_axis:m_axis:s_axi, ASSOCIATED_RESET aresetn" *)
    input  wire aclk,
    (* X_INTERFACE_INFO = "xilinx.com:signal:reset:1.0 aresetn RST" *)
    (* X_INTERFACE_PARAMETER = "POLARITY ACTIVE_LOW" *)
    input  wire aresetn,
"""
    ports = [
        "    input  wire s_axis_tvalid",
        "    output wire s_axis_tready",
        "    input  wire [C_S_AXIS_TDATA_WIDTH-1:0] s_axis_tdata",
        "    input  wire [C_S_AXIS_TDATA_WIDTH/8-1:0] s_axis_tkeep",
        "    input  wire s_axis_tlast",
        "    output wire m_axis_tvalid",
        "    input  wire m_axis_tready",
        f"    output wire [{AXIS_LABEL_BITS - 1}:0] m_axis_tdata",
        f"    output wire [{AXIS_LABEL_BITS // 8 - 1}:0] m_axis_tkeep",
        "    output wire m_axis_tlast",
    ]
    lite = []
    for channel, members in AXI_LITE.items():
        for name, direction, width in members:
            lite.append(f"s_axi_{channel}{name}")
            ports.append(f"    {direction:6} wire {f'[{width - 1}:0] ' if width > 1 else ''}{lite[-1]}")
            if name == "addr":
                ports.append(f"    input  wire [2:0] s_axi_{channel}prot")
    text += ",\n".join(ports) + "\n);\n"
    text += (
        f"  wire pixels_valid, pixels_ready, pixels_last, pixels_partial;\n  wire [{first.width - 1}:0] pixels_data;\n"
    )
    text += f"  assign m_axis_tkeep = {AXIS_LABEL_BITS // 8}'b{'1' * (AXIS_LABEL_BITS // 8)};\n\n"
    converter = {"clk_i": "aclk", "rst_ni": "aresetn"}
    converter |= {"valid_i": "s_axis_tvalid", "ready_o": "s_axis_tready", "data_i": "s_axis_tdata"}
    converter |= {"keep_i": "s_axis_tkeep", "last_i": "s_axis_tlast"}
    converter |= {"valid_o": "pixels_valid", "ready_i": "pixels_ready", "data_o": "pixels_data"}
    converter |= {"last_o": "pixels_last", "partial_o": "pixels_partial"}
    widths: dict[str, int | str] = {"IN_BYTES": "C_S_AXIS_TDATA_WIDTH / 8", "OUT_BYTES": first.width // 8}
    text += emit_instance(module_name("axis_bytes"), "i_bytes", widths, converter) + "\n"
    inner = {"clk_i": "aclk", "rst_ni": "aresetn"}
    inner |= {f"s_axis_t{name}": f"pixels_{name}" for name in ("valid", "ready", "data", "last")}
    inner |= {"s_axis_tuser": "pixels_partial"}
    inner |= {port: port for port in (f"m_axis_t{name}" for name in ("valid", "ready", "data", "last"))}
    inner |= {port: port for port in lite}
    return text + emit_instance(TOP, "i_top", {}, inner) + "endmodule\n"
