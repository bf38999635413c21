// Asserts the stream rules at one stream; empty in synthesis. S1: valid stays until the beat is accepted. S2: data waits
// unchanged. S4: valid is 0 in the cycle after a reset cycle. (S3, nothing lost or duplicated, needs both ends:
// hw/verify/formal proves it.)
`include "askew_assert.svh"

module askew_stream_rules #(
    parameter int unsigned WIDTH = 1  // bits of data_i; let it include last
) (
    input logic             clk_i,
    input logic             rst_ni,
    input logic             valid_i,
    input logic             ready_i,
    input logic [WIDTH-1:0] data_i
);
`ifdef SYNTHESIS
  logic unused_all;
  assign unused_all = &{1'b0, clk_i, rst_ni, valid_i, ready_i, data_i};
`else
  logic known_q, reset_q, waiting_q;
  logic [WIDTH-1:0] data_q;
  initial known_q = 1'b0;

  always_ff @(posedge clk_i) begin
    known_q   <= known_q || !rst_ni;
    reset_q   <= !rst_ni;
    waiting_q <= rst_ni && valid_i && !ready_i;
    data_q    <= data_i;
  end
  `ASKEW_ASSERT(S1, clk_i, known_q && rst_ni, !waiting_q || valid_i, "valid stays until the beat is accepted")
  `ASKEW_ASSERT(S2, clk_i, known_q && rst_ni, !waiting_q || data_i == data_q, "data waits unchanged")
  `ASKEW_ASSERT(S4, clk_i, known_q && rst_ni, !reset_q || !valid_i, "valid is 0 after a reset cycle")
`endif
endmodule
