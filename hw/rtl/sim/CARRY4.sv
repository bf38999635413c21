// The Xilinx 7-series carry chain of a slice, for simulation and lint only: synthesis has its own.
module CARRY4 (
    output logic [3:0] CO,
    output logic [3:0] O,
    input  logic       CI,
    input  logic       CYINIT,
    input  logic [3:0] DI,
    input  logic [3:0] S
);
  logic [3:0] carry_in;
  assign carry_in[0] = CI | CYINIT;
  for (genvar i = 0; i < 4; i++) begin : gen_bit
    logic carry;
    assign carry = S[i] ? carry_in[i] : DI[i];
    assign O[i] = S[i] ^ carry_in[i];
    assign CO[i] = carry;
    if (i < 3) begin : gen_next
      assign carry_in[i+1] = carry;
    end
  end
endmodule
