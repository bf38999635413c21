// Counts the positions in which a_i and b_i agree: count_o = popcount(xnor(a_i, b_i)), STAGES clock enables later.
// All styles are proved equal: the naive one simulates fastest, the tree is for any device, the third one knows the
// LUT6_2 and the carry chain of a Xilinx 7-series slice, the fourth the carry chain of Lattice ECP5. What each costs stands
// in README.md.
`include "askew_assert.svh"

module askew_popcount #(
    parameter int unsigned WIDTH = 64,  // bits counted, at least 1
    parameter int unsigned STAGES = 0,  // registers inside
    parameter askew_pkg::popcount_style_e STYLE = askew_pkg::PopcountCompressor,
    parameter int unsigned B_CONSTANT = 0,  // 1: b_i is constant, so that its XNOR costs nothing
    parameter int unsigned A_INVERTED = 0,  // 1: a_i is inverted; PopcountCarry alone gains by it
    localparam int unsigned CountWidth = askew_pkg::count_width(WIDTH)
) (
    input  logic                  clk_i,
    input  logic                  ce_i,
    input  logic [     WIDTH-1:0] a_i,
    input  logic [     WIDTH-1:0] b_i,
    output logic [CountWidth-1:0] count_o
);
  logic [WIDTH-1:0] agree;
  assign agree = A_INVERTED != 0 ? a_i ^ b_i : ~(a_i ^ b_i);
  if (STYLE == askew_pkg::PopcountNaive) begin : gen_naive
    askew_pipeline #(
        .WIDTH (CountWidth),
        .STAGES(STAGES)
    ) i_pipeline (
        .clk_i (clk_i),
        .ce_i  (ce_i),
        .data_i(CountWidth'($countones(agree))),
        .data_o(count_o)
    );
  end else begin : gen_tree
    if (STYLE == askew_pkg::PopcountCarry && B_CONSTANT == 0) begin : gen_carry
      askew_carry_tree #(
          .WIDTH(WIDTH),
          .STAGES(STAGES),
          .A_INVERTED(A_INVERTED)
      ) i_tree (
          .clk_i  (clk_i),
          .ce_i   (ce_i),
          .a_i    (a_i),
          .b_i    (b_i),
          .count_o(count_o)
      );
    end else begin : gen_compress
      askew_compressor #(
          .WIDTH(WIDTH),
          .STAGES(STAGES),
          .STYLE(STYLE),
          .B_CONSTANT(B_CONSTANT)
      ) i_compressor (
          .clk_i  (clk_i),
          .ce_i   (ce_i),
          .a_i    (A_INVERTED != 0 ? ~a_i : a_i),
          .b_i    (b_i),
          .count_o(count_o)
      );
    end

`ifndef SYNTHESIS
    // The naive formula, which holds once every register has been loaded.
    logic [CountWidth-1:0] naive;
    logic [STAGES:0] loaded;
    initial loaded = '0;
    askew_pipeline #(
        .WIDTH (CountWidth),
        .STAGES(STAGES)
    ) i_naive (
        .clk_i (clk_i),
        .ce_i  (ce_i),
        .data_i(CountWidth'($countones(agree))),
        .data_o(naive)
    );
    always_ff @(posedge clk_i) if (ce_i) loaded <= (STAGES + 1)'({loaded, 1'b1});
    `ASKEW_ASSERT(IsNaive, clk_i, loaded[STAGES], count_o == naive, "the tree counts what $countones does")
`endif
  end
endmodule
