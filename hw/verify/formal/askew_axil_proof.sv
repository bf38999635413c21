// The AXI4-Lite registers with a free manager that keeps the rules of AXI: every access gets exactly one answer, each
// channel's valid is met by ready within two cycles while answers are taken, and an address without a register answers
// SLVERR and 0.
module askew_axil_proof (
    input logic clk_i,
    input logic awvalid_i,
    input askew_registers_pkg::address_t awaddr_i,
    input logic wvalid_i,
    input logic [31:0] wdata_i,
    input logic [3:0] wstrb_i,
    input logic bready_i,
    input logic arvalid_i,
    input askew_registers_pkg::address_t araddr_i,
    input logic rready_i,
    input logic [5:0] events_i
);
  localparam logic [1:0] Okay = 2'b00, SlaveError = 2'b10;
  logic rst_ni, awready_o, wready_o, bvalid_o, arready_o, rvalid_o;
  logic [1:0] bresp_o, rresp_o;
  logic [31:0] rdata_o;
  initial rst_ni = 1'b0;
  always_ff @(posedge clk_i) rst_ni <= 1'b1;

  askew_axil_regs #(
      .VERSION(32'h00010203)
  ) i_regs (
      .frame_in_i(events_i[0]),
      .frame_out_i(events_i[1]),
      .stall_in_i(events_i[2]),
      .stall_out_i(events_i[3]),
      .short_i(events_i[4]),
      .long_i(events_i[5]),
      .strict_o(),
      .*
  );

  // A manager may not take back what it has shown.
  logic aw_waits_q, w_waits_q, ar_waits_q;
  askew_registers_pkg::address_t awaddr_q, araddr_q;
  logic [31:0] wdata_q;
  logic [3:0] wstrb_q;
  initial {aw_waits_q, w_waits_q, ar_waits_q} = 3'b000;
  always_ff @(posedge clk_i) begin
    aw_waits_q <= rst_ni && awvalid_i && !awready_o;
    w_waits_q <= rst_ni && wvalid_i && !wready_o;
    ar_waits_q <= rst_ni && arvalid_i && !arready_o;
    {awaddr_q, araddr_q, wdata_q, wstrb_q} <= {awaddr_i, araddr_i, wdata_i, wstrb_i};
    if (aw_waits_q) assume (awvalid_i && awaddr_i == awaddr_q);
    if (w_waits_q) assume (wvalid_i && wdata_i == wdata_q && wstrb_i == wstrb_q);
    if (ar_waits_q) assume (arvalid_i && araddr_i == araddr_q);
  end

  // Answers that are due, and the address of the last access of each kind.
  logic write_due_q, read_due_q;
  logic [1:0] write_patience_q, read_patience_q;
  askew_registers_pkg::address_t written_q, read_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      write_due_q <= 1'b0;
      read_due_q <= 1'b0;
      write_patience_q <= '0;
      read_patience_q <= '0;
    end else begin
      if (awvalid_i && awready_o) write_due_q <= 1'b1;
      else if (bvalid_o && bready_i) write_due_q <= 1'b0;
      if (arvalid_i && arready_o) read_due_q <= 1'b1;
      else if (rvalid_o && rready_i) read_due_q <= 1'b0;
      write_patience_q <= awvalid_i && wvalid_i && !awready_o && bready_i ? write_patience_q + 2'd1 : 2'd0;
      read_patience_q <= arvalid_i && !arready_o && rready_i ? read_patience_q + 2'd1 : 2'd0;

      assert (awready_o == wready_o);
      assert (!awready_o || (awvalid_i && wvalid_i && !write_due_q));
      assert (bvalid_o == write_due_q);
      assert (rvalid_o == read_due_q);
      assert (!(arvalid_i && arready_o && read_due_q));
      assert (write_patience_q <= 2'd2 && read_patience_q <= 2'd1);
      if (bvalid_o) begin
        assert (bresp_o == (written_q[11:2] == 10'h002 || written_q[11:2] == 10'h003 ? Okay : SlaveError));
      end
      if (rvalid_o) begin
        assert (rresp_o == (read_q < 12'h02c || (read_q >= 12'h040 && read_q < 12'h060) ? Okay : SlaveError));
        assert (rresp_o == Okay || rdata_o == '0);
        if (read_q[11:2] == 10'h000) assert (rdata_o == 32'h41534b57);
        if (read_q[11:2] == 10'h001) assert (rdata_o == 32'h00010203);
      end
    end
    if (awvalid_i && awready_o) written_q <= awaddr_i;
    if (arvalid_i && arready_o) read_q <= araddr_i;
  end
endmodule
