// What is measured as "an XNOR-popcount-threshold": both operands and the threshold come from registers, the answer goes
// into one. FINN's paper (2017) states 376 LUTs for 128 bits.
module askew_popcount_threshold #(
    parameter int unsigned WIDTH = 128,  // bits counted
    parameter int unsigned STAGES = 0,  // registers inside the popcount
    parameter askew_pkg::popcount_style_e STYLE = askew_pkg::PopcountPrimitives,
    localparam int unsigned CountWidth = askew_pkg::count_width(WIDTH)
) (
    input  logic                clk_i,
    input  logic [   WIDTH-1:0] a_i,
    input  logic [   WIDTH-1:0] b_i,
    input  logic [CountWidth:0] threshold_i,  // 0 .. WIDTH + 1
    output logic                bit_o
);
  logic [WIDTH-1:0] a_q, b_q;
  logic [CountWidth-1:0] count;
  logic [CountWidth:0] threshold_q;

  askew_popcount #(
      .WIDTH (WIDTH),
      .STAGES(STAGES),
      .STYLE (STYLE)
  ) i_popcount (
      .clk_i  (clk_i),
      .ce_i   (1'b1),
      .a_i    (a_q),
      .b_i    (b_q),
      .count_o(count)
  );
  always_ff @(posedge clk_i) begin
    a_q <= a_i;
    b_q <= b_i;
    threshold_q <= threshold_i;
    bit_o <= {1'b0, count} >= threshold_q;
  end
endmodule
