// Two LUTs of a Lattice ECP5 slice with their carry chain, for simulation and lint only: synthesis has its own.
module CCU2C #(
    parameter logic [15:0] INIT0 = '0,
    parameter logic [15:0] INIT1 = '0,
    parameter INJECT1_0 = "YES",  // a LUT's output goes out without the carry, and none is generated
    parameter INJECT1_1 = "YES"
) (
    input  logic CIN,
    input  logic A0,
    input  logic B0,
    input  logic C0,
    input  logic D0,
    input  logic A1,
    input  logic B1,
    input  logic C1,
    input  logic D1,
    output logic S0,
    output logic S1,
    output logic COUT
);
  // A LUT propagates; where it does not, its lowest four entries, by its first two inputs, are what it generates.
  localparam logic Carries0 = INJECT1_0 == "NO", Carries1 = INJECT1_1 == "NO";
  logic propagate_0, propagate_1, carry;
  assign propagate_0 = INIT0[{D0, C0, B0, A0}];
  assign propagate_1 = INIT1[{D1, C1, B1, A1}];
  assign S0 = propagate_0 ^ (Carries0 && CIN);
  assign carry = propagate_0 ? CIN : Carries0 && INIT0[{2'b00, B0, A0}];
  assign S1 = propagate_1 ^ (Carries1 && carry);
  assign COUT = propagate_1 ? carry : Carries1 && INIT1[{2'b00, B1, A1}];
endmodule
