"""The module around a design under simulation, and the header that tells the C++ harness about both."""

from __future__ import annotations

from hw.dataflow import Dataflow
from hw.generator.registers import ADDRESS_BITS
from hw.generator.verilog import TOP
from hw.units import Stream, module_name

BENCH = module_name("bench")
DATAFLOW = "i_top.i_dataflow"
CONTROL = "askew_registers_pkg::ControlAddress"
STRICT = "32'd1 << askew_registers_pkg::ControlStrictBit"


def layer_outputs(dataflow: Dataflow) -> list[int]:
    """Indices of the units that give a layer's output: its matrix or its pool."""
    return [index for index, unit in enumerate(dataflow) if unit.gives_layer]


def captures(dataflow: Dataflow) -> list[tuple[int, Stream]]:
    """Streams that the harness can write down: the scores, then every layer's output. Stream 0 is the pixels,
    stream i + 1 the output of unit i.
    """  # noqa: D205
    scores = len(dataflow.units) - 1
    return [(scores, dataflow.units[scores - 1].output)] + [
        (index + 1, dataflow.units[index].output) for index in layer_outputs(dataflow)
    ]


def emit_bench(dataflow: Dataflow, *, stall_gates: bool) -> str:
    """The bench: the design, and every stream's valid and ready and every unit's activity as outputs."""
    streams = len(dataflow.units) + 1
    names = ["pixels", *(unit.name for unit in dataflow)]
    busy = [unit.busy(f"{DATAFLOW}.i_{unit.name}") or "1'b0" for unit in dataflow]
    ports = [
        "input logic clk_i",
        "input logic rst_ni",
        f"input logic [{max(streams - 1, 0)}:0] open_i",
        "input logic s_valid",
        "output logic s_ready",
        f"input logic [{dataflow.units[0].input.width - 1}:0] s_data",
        "input logic s_last",
        "output logic m_valid",
        "input logic m_ready",
        "output logic [31:0] m_data",
        "input logic ar_valid",
        "output logic ar_ready",
        f"input logic [{ADDRESS_BITS - 1}:0] ar_addr",
        "output logic r_valid",
        "input logic strict_i",
        "output logic [31:0] r_data",
        f"output logic [{streams - 1}:0] mon_valid",
        f"output logic [{streams - 1}:0] mon_ready",
        f"output logic [{streams - 1}:0] mon_busy",
    ]
    captured = captures(dataflow)
    ports += [f"output logic [{stream.width - 1}:0] cap_{i}" for i, (_, stream) in enumerate(captured)]
    text = f"module {BENCH} (\n    " + ",\n    ".join(ports) + "\n);\n"
    text += f"  {TOP} i_top (.clk_i, .rst_ni, " + (".open_i, " if stall_gates else "")
    text += ".s_axis_tvalid(s_valid), .s_axis_tready(s_ready), .s_axis_tdata(s_data), .s_axis_tlast(s_last),\n"
    text += "      .s_axis_tuser(1'b0),\n"
    text += "      .m_axis_tvalid(m_valid), .m_axis_tready(m_ready), .m_axis_tdata(m_data),"
    text += " .m_axis_tlast(),\n"
    text += "      .s_axi_arvalid(ar_valid), .s_axi_arready(ar_ready), .s_axi_araddr(ar_addr),\n"
    text += "      .s_axi_rvalid(r_valid), .s_axi_rready(1'b1), .s_axi_rdata(r_data), .s_axi_rresp(),\n"
    # The mode is written again and again, so that it holds from some cycles after the reset on.
    text += f"      .s_axi_awvalid(strict_i), .s_axi_awready(), .s_axi_awaddr({CONTROL}), .s_axi_wvalid(strict_i),\n"
    text += f"      .s_axi_wready(), .s_axi_wdata({STRICT}), .s_axi_wstrb('1), .s_axi_bvalid(), .s_axi_bready(1'b1),\n"
    text += "      .s_axi_bresp());\n"
    for signal in ("valid", "ready"):
        sources = [f"{DATAFLOW}.{name}_{signal}" for name in reversed(names)]
        text += f"  assign mon_{signal} = {{{', '.join(sources)}}};\n"
    text += f"  assign mon_busy = {{1'b0, {', '.join(reversed(busy))}}};\n"
    for i, (stream, _) in enumerate(captured):
        text += f"  assign cap_{i} = {DATAFLOW}.{names[stream]}_data;\n"
    return text + "endmodule\n"


def emit_header(dataflow: Dataflow, *, stall_gates: bool) -> str:
    """``design.h``: sizes and streams of one design for the harness."""
    pixels = dataflow.units[0].input
    lines = [
        "#pragma once",
        '#include "Vbench.h"',
        '#include "simulated.h"',
        f"constexpr bool GATES = {'true' if stall_gates else 'false'};",
        f"constexpr size_t BEAT_BYTES = {pixels.lanes};",
        f"constexpr size_t FRAME_BEATS = {pixels.beats};",
        f"constexpr size_t STREAMS = {len(dataflow.units) + 1};",
        "inline std::vector<Capture> captures() {",
        "  return {",
        *(f"      {{{stream}, {-(-kind.width // 8)}, {kind.beats}}}," for stream, kind in captures(dataflow)),
        "  };",
        "}",
        "template <typename F> void with_capture(const Vbench& model, size_t index, F&& use) {",
        "  switch (index) {",
        *(
            f"    case {i}: use(model.cap_{i}, {-(-kind.width // 8)}); break;"
            for i, (_, kind) in enumerate(captures(dataflow))
        ),
        "  }",
        "}",
    ]
    return "\n".join(lines) + "\n"
