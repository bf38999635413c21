// Counts six bits: count_o = bits_i[0] + .. + bits_i[5]. Of primitives it is two 7-series LUTs on half a carry chain
// (otherwise three LUT6): the parity of all six selects the first carry multiplexer, whose other input is bit 5; what is
// left, floor((bits 0..4) / 2), is 0, 1 or 2 and enters the second position as propagate (1) and generate (2).
// A 7:3 counter with the seventh bit on CYINIT would need the AX pin twice and does not fit a slice.
module askew_counter_6_3 #(
    parameter askew_pkg::popcount_style_e STYLE = askew_pkg::PopcountCompressor  // or primitives
) (
    input  logic [5:0] bits_i,
    output logic [2:0] count_o
);
  if (STYLE == askew_pkg::PopcountPrimitives) begin : gen_xilinx
    logic parity, is_one, is_two;
    logic [1:0] unused_sum;
    logic [3:0] carry, sum;

    LUT6 #(
        .INIT(64'h6996966996696996)
    ) i_parity (
        .O (parity),
        .I0(bits_i[0]),
        .I1(bits_i[1]),
        .I2(bits_i[2]),
        .I3(bits_i[3]),
        .I4(bits_i[4]),
        .I5(bits_i[5])
    );
    LUT6_2 #(
        .INIT(64'h177e7ee8_e8808000)  // O6: two or three of five, O5: four or five
    ) i_half (
        .O6(is_one),
        .O5(is_two),
        .I0(bits_i[0]),
        .I1(bits_i[1]),
        .I2(bits_i[2]),
        .I3(bits_i[3]),
        .I4(bits_i[4]),
        .I5(1'b1)
    );
    CARRY4 i_carry (
        .CO(carry),
        .O(sum),
        .CI(1'b0),
        .CYINIT(1'b0),
        .DI({2'b00, is_two, bits_i[5]}),
        .S({2'b00, is_one, parity})
    );
    assign unused_sum = sum[3:2] ^ carry[3:2] ^ {2{carry[0]}};
    assign count_o = {carry[1], sum[1:0]};
  end else begin : gen_generic
    logic low_parity, low_carry, high_parity, high_carry;
    assign low_parity = ^bits_i[2:0];
    assign low_carry = (bits_i[0] & bits_i[1]) | (bits_i[2] & (bits_i[0] | bits_i[1]));
    assign high_parity = ^bits_i[5:3];
    assign high_carry = (bits_i[3] & bits_i[4]) | (bits_i[5] & (bits_i[3] | bits_i[4]));
    assign count_o = {1'b0, low_carry, low_parity} + {1'b0, high_carry, high_parity};
  end
endmodule
