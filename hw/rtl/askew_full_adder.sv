// Adds two XNORs and a bit: sum_o + 2 * carry_o = xnor(a0, b0) + xnor(a1, b1) + c. With b0_i = b1_i = 1 it is the
// ordinary full adder. Of primitives it is one 7-series LUT6_2, whose two outputs Yosys does not merge by itself:
// otherwise it spends two LUT5. Both are proved equal.
module askew_full_adder #(
    parameter askew_pkg::popcount_style_e STYLE = askew_pkg::PopcountCompressor  // or primitives
) (
    input  logic a0_i,
    input  logic b0_i,
    input  logic a1_i,
    input  logic b1_i,
    input  logic c_i,
    output logic sum_o,
    output logic carry_o
);
  if (STYLE == askew_pkg::PopcountPrimitives) begin : gen_xilinx
    // Inputs I4..I0 = c, b1, a1, b0, a0; O6 (I5 = 1) is their parity (two inversions cancel), O5 the majority.
    LUT6_2 #(
        .INIT(64'h96696996_f99f9009)
    ) i_lut (
        .O6(sum_o),
        .O5(carry_o),
        .I0(a0_i),
        .I1(b0_i),
        .I2(a1_i),
        .I3(b1_i),
        .I4(c_i),
        .I5(1'b1)
    );
  end else begin : gen_generic
    logic p, q;
    assign p = ~(a0_i ^ b0_i);
    assign q = ~(a1_i ^ b1_i);
    assign sum_o = p ^ q ^ c_i;
    assign carry_o = (p & q) | (c_i & (p | q));
  end
endmodule
