// Holds a stream up while open_i is 0, for simulation: random open_i are random stalls between two units. A beat that
// has been shown stays until it is accepted, whatever open_i does; with open_i always 1 the gate is wires.
module askew_stall_gate #(
    parameter int unsigned WIDTH = 1  // bits of data
) (
    input  logic             clk_i,
    input  logic             rst_ni,
    input  logic             open_i,
    input  logic             valid_i,
    output logic             ready_o,
    input  logic [WIDTH-1:0] data_i,
    input  logic             last_i,
    output logic             valid_o,
    input  logic             ready_i,
    output logic [WIDTH-1:0] data_o,
    output logic             last_o
);
  logic shown_q, open;
  assign open = open_i || shown_q;
  always_ff @(posedge clk_i) shown_q <= rst_ni && valid_o && !ready_i;
  assign valid_o = valid_i && open;
  assign ready_o = ready_i && open;
  assign data_o  = data_i;
  assign last_o  = last_i;
endmodule
