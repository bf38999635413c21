// Which of the frames in flight end a packet, so that the label of each gets the TLAST that its frame had: a shift register
// that remembers one bit a frame, written where frames go in and read where labels come out.
`include "askew_assert.svh"

module askew_frame_ends #(
    parameter int unsigned DEPTH = 16  // frames in flight at most, at least 1
) (
    input  logic clk_i,
    input  logic rst_ni,
    input  logic push_i,  // a frame goes in
    input  logic end_i,   // it ends a packet
    input  logic pop_i,   // the oldest one's label goes out
    output logic end_o    // the oldest one ends a packet
);
  localparam int unsigned IndexWidth = askew_pkg::index_width(DEPTH);
  logic [DEPTH-1:0] ends_q;  // the newest lowest
  logic [IndexWidth-1:0] oldest_q;  // of which this is the oldest; all ones while there is none
  always_ff @(posedge clk_i) if (push_i) ends_q <= DEPTH'({ends_q, end_i});
  always_ff @(posedge clk_i) begin
    if (!rst_ni) oldest_q <= '1;
    else if (push_i && !pop_i) oldest_q <= oldest_q + IndexWidth'(1);
    else if (pop_i && !push_i) oldest_q <= oldest_q - IndexWidth'(1);
  end
  assign end_o = ends_q[oldest_q];

  if (DEPTH < 2 || 2 ** IndexWidth != DEPTH) begin : gen_check_depth
    $error("askew_frame_ends: DEPTH (%0d) must be a power of two, at least 2", DEPTH);
  end

`ifndef SYNTHESIS
  localparam int unsigned CountWidth = askew_pkg::count_width(DEPTH);
  logic [CountWidth-1:0] count_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) count_q <= '0;
    else count_q <= count_q + CountWidth'(push_i) - CountWidth'(pop_i);
  end
  `ASKEW_ASSERT(NotFull, clk_i, rst_ni && push_i && !pop_i, 32'(count_q) < DEPTH, "there are not more frames in flight")
  `ASKEW_ASSERT(NotEmpty, clk_i, rst_ni && pop_i, count_q != '0, "a label belongs to a frame")
`endif
endmodule
