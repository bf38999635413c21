// Adds two numbers in a carry chain of Lattice ECP5: sum_o = a_i + b_i, modulo 2^OUT_W. Of two bits it is left to synthesis,
// as three LUT4 do. Yosys by itself makes LUTs of short sums, twice as many.
module askew_carry_adder #(
    parameter int unsigned WIDTH = 4,  // bits of a number, at least 1
    parameter int unsigned OUT_W = WIDTH + 1  // bits of the sum, at most that
) (
    input  logic [WIDTH-1:0] a_i,
    input  logic [WIDTH-1:0] b_i,
    output logic [OUT_W-1:0] sum_o
);
  if (WIDTH <= 2) begin : gen_luts
    assign sum_o = OUT_W'(a_i) + OUT_W'(b_i);
  end else begin : gen_chain
    localparam int unsigned Pairs = (OUT_W + 1) / 2;
    logic [2*Pairs-1:0] a, b, sum;
    logic [Pairs:0] carry;
    logic unused_top;
    assign a = (2 * Pairs)'(a_i);
    assign b = (2 * Pairs)'(b_i);
    assign carry[0] = 1'b0;
    for (genvar pair = 0; pair < Pairs; pair++) begin : gen_pair
      CCU2C #(
          .INIT0(16'h060a),  // D = 1: propagates a ^ b, and a is what it generates
          .INIT1(16'h060a),
          .INJECT1_0("NO"),
          .INJECT1_1("NO")
      ) i_cells (
          .CIN (carry[pair]),
          .A0  (a[2*pair]),
          .B0  (b[2*pair]),
          .C0  (1'b0),
          .D0  (1'b1),
          .A1  (a[2*pair+1]),
          .B1  (b[2*pair+1]),
          .C1  (1'b0),
          .D1  (1'b1),
          .S0  (sum[2*pair]),
          .S1  (sum[2*pair+1]),
          .COUT(carry[pair+1])
      );
    end
    assign unused_top = carry[Pairs] ^ sum[2*Pairs-1];
    assign sum_o = sum[OUT_W-1:0];
  end
endmodule
