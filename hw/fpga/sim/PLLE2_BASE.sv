// The 7-series' clock generator as a wire, for simulation alone: the clock that comes in is the design's.
module PLLE2_BASE #(
    parameter real CLKIN1_PERIOD = 10.0,
    parameter int DIVCLK_DIVIDE = 1,
    parameter int CLKFBOUT_MULT = 5,
    parameter int CLKOUT0_DIVIDE = 1
) (
    input  logic CLKIN1,
    input  logic CLKFBIN,
    input  logic PWRDWN,
    input  logic RST,
    output logic CLKFBOUT,
    output logic CLKOUT0,
    output logic LOCKED
);
  assign CLKFBOUT = 1'b0;
  assign CLKOUT0 = CLKIN1;
  assign LOCKED = 1'b1;
endmodule
