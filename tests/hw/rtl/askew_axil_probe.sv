// Makes a stream unit of askew_axil_regs: a beat is a command, the answer is a beat. Command: bit 0 write, 12:1 address,
// 44:13 data, 46:45 which channel comes three cycles late (1: data, 2: address), 52:47 events in the cycle in which it is
// accepted.
// Answer: 31:0 data (0 for writes), 33:32 response.
module askew_axil_probe #(
    parameter HASH_FILE = "",
    parameter logic [31:0] VERSION = '0
) (
    input  logic        clk_i,
    input  logic        rst_ni,
    input  logic        valid_i,
    output logic        ready_o,
    input  logic [52:0] data_i,
    input  logic        last_i,
    output logic        valid_o,
    input  logic        ready_i,
    output logic [33:0] data_o,
    output logic        last_o
);
  logic [1:0] age_q;  // cycles for which the command has been offered, at most 3
  logic write, offered, late, awvalid, wvalid, arvalid, awready, wready, arready, bvalid, rvalid;
  logic [1:0] bresp, rresp;
  logic [31:0] rdata;

  assign write = data_i[0];
  assign offered = valid_i && !bvalid && !rvalid;  // one access at a time keeps the answers in order
  assign late = age_q == 2'd3;
  assign awvalid = offered && write && (late || data_i[46:45] != 2'd2);
  assign wvalid = offered && write && (late || data_i[46:45] != 2'd1);
  assign arvalid = offered && !write;
  assign ready_o = write ? awvalid && awready && wvalid && wready : arvalid && arready;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || ready_o) age_q <= '0;
    else if (offered && !late) age_q <= age_q + 2'd1;
  end

  askew_axil_regs #(
      .HASH_FILE(HASH_FILE),
      .VERSION(VERSION)
  ) i_regs (
      .clk_i(clk_i),
      .rst_ni(rst_ni),
      .awvalid_i(awvalid),
      .awready_o(awready),
      .awaddr_i(data_i[12:1]),
      .wvalid_i(wvalid),
      .wready_o(wready),
      .wdata_i(data_i[44:13]),
      .wstrb_i(4'hf),
      .bvalid_o(bvalid),
      .bready_i(ready_i),
      .bresp_o(bresp),
      .arvalid_i(arvalid),
      .arready_o(arready),
      .araddr_i(data_i[12:1]),
      .rvalid_o(rvalid),
      .rready_i(ready_i),
      .rdata_o(rdata),
      .rresp_o(rresp),
      .frame_in_i(ready_o && data_i[47]),
      .frame_out_i(ready_o && data_i[48]),
      .stall_in_i(ready_o && data_i[49]),
      .stall_out_i(ready_o && data_i[50]),
      .short_i(ready_o && data_i[51]),
      .long_i(ready_o && data_i[52]),
      .strict_o()
  );
  assign valid_o = bvalid || rvalid;
  assign data_o = bvalid ? {bresp, 32'd0} : {rresp, rdata};
  assign last_o = last_i;
endmodule
