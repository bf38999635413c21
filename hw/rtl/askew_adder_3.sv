// Adds three numbers: sum_o = a_i + b_i + c_i, modulo 2^WIDTH. Of primitives it is the 7-series ternary adder, one LUT6_2
// a bit: O6 = a ^ b ^ c ^ y selects the carry multiplexer, O5 = majority(a, b, c) is the next bit's y, which is also what
// that bit generates. Otherwise Yosys spends two LUTs a bit.
module askew_adder_3 #(
    parameter int unsigned WIDTH = 8,  // bits, at least 1
    parameter askew_pkg::popcount_style_e STYLE = askew_pkg::PopcountCompressor  // or primitives
) (
    input  logic [WIDTH-1:0] a_i,
    input  logic [WIDTH-1:0] b_i,
    input  logic [WIDTH-1:0] c_i,
    output logic [WIDTH-1:0] sum_o
);
  if (STYLE == askew_pkg::PopcountPrimitives) begin : gen_xilinx
    localparam int unsigned Slices = (WIDTH + 3) / 4;
    logic [4*Slices-1:0] select, generated, carry, sum;
    logic [WIDTH:0] majority;
    logic unused_top;

    assign majority[0] = 1'b0;
    for (genvar bit_index = 0; bit_index < 4 * Slices; bit_index++) begin : gen_bit
      if (bit_index < WIDTH) begin : gen_used
        LUT6_2 #(
            .INIT(64'h69966996_e8e8e8e8)
        ) i_lut (
            .O6(select[bit_index]),
            .O5(majority[bit_index+1]),
            .I0(a_i[bit_index]),
            .I1(b_i[bit_index]),
            .I2(c_i[bit_index]),
            .I3(majority[bit_index]),
            .I4(1'b0),
            .I5(1'b1)
        );
        assign generated[bit_index] = majority[bit_index];
        assign sum_o[bit_index] = sum[bit_index];
      end else begin : gen_unused
        logic unused_sum;
        assign unused_sum = sum[bit_index];
        assign select[bit_index] = 1'b0;
        assign generated[bit_index] = 1'b0;
      end
    end
    for (genvar slice = 0; slice < Slices; slice++) begin : gen_slice
      logic carry_in;
      if (slice == 0) begin : gen_first
        assign carry_in = 1'b0;
      end else begin : gen_next
        assign carry_in = carry[4*slice-1];
      end
      CARRY4 i_carry (
          .CO(carry[4*slice+:4]),
          .O(sum[4*slice+:4]),
          .CI(carry_in),
          .CYINIT(1'b0),
          .DI(generated[4*slice+:4]),
          .S(select[4*slice+:4])
      );
    end
    assign unused_top = majority[WIDTH] ^ (^carry);
  end else begin : gen_generic
    assign sum_o = a_i + b_i + c_i;
  end
endmodule
