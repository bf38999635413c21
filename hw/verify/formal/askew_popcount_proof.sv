// The compressor's parts and the whole of it, in every style, equal the naive sum for every input.
module askew_popcount_proof #(
    parameter int unsigned WIDTH = 12
) (
    input logic clk_i,
    input logic [WIDTH-1:0] a_i,
    input logic [WIDTH-1:0] b_i,
    input logic [5:0] bits_i,
    input logic [6:0] x_i,
    input logic [6:0] y_i,
    input logic [6:0] z_i
);
  localparam int unsigned CountWidth = askew_pkg::count_width(WIDTH);
  logic [CountWidth-1:0] naive;
  assign naive = CountWidth'($countones(~(a_i ^ b_i)));

  for (genvar style = 0; style <= 3; style++) begin : gen_style
    for (genvar constant = 0; constant <= 1; constant++) begin : gen_constant
      logic [CountWidth-1:0] count;
      askew_popcount #(
          .WIDTH(WIDTH),
          .STYLE(askew_pkg::popcount_style_e'(style)),
          .B_CONSTANT(constant)
      ) i_popcount (
          .clk_i,
          .ce_i(1'b1),
          .a_i,
          .b_i,
          .count_o(count)
      );
      always_comb assert (count == naive);
    end
    if (style == 3) begin : gen_inverted
      logic [CountWidth-1:0] count;
      askew_popcount #(
          .WIDTH(WIDTH),
          .STYLE(askew_pkg::popcount_style_e'(style)),
          .A_INVERTED(1)
      ) i_popcount (
          .clk_i,
          .ce_i(1'b1),
          .a_i(~a_i),
          .b_i,
          .count_o(count)
      );
      always_comb assert (count == naive);
    end
    if (style == 1 || style == 2) begin : gen_parts
      logic sum, carry;
      logic [2:0] count;
      logic [6:0] total;
      askew_full_adder #(
          .STYLE(askew_pkg::popcount_style_e'(style))
      ) i_full (
          .a0_i(bits_i[0]),
          .b0_i(bits_i[1]),
          .a1_i(bits_i[2]),
          .b1_i(bits_i[3]),
          .c_i(bits_i[4]),
          .sum_o(sum),
          .carry_o(carry)
      );
      askew_counter_6_3 #(
          .STYLE(askew_pkg::popcount_style_e'(style))
      ) i_counter (
          .bits_i,
          .count_o(count)
      );
      askew_adder_3 #(
          .WIDTH(7),
          .STYLE(askew_pkg::popcount_style_e'(style))
      ) i_adder (
          .a_i  (x_i),
          .b_i  (y_i),
          .c_i  (z_i),
          .sum_o(total)
      );
      always_comb begin
        assert ({carry, sum} == 2'(bits_i[0] == bits_i[1]) + 2'(bits_i[2] == bits_i[3]) + 2'(bits_i[4]));
        assert (count == 3'($countones(bits_i)));
        assert (total == 7'(x_i + y_i + z_i));
      end
    end
  end
endmodule
