// Delays data_i by STAGES clock enables.
module askew_pipeline #(
    parameter int unsigned WIDTH  = 1,  // bits, at least 1
    parameter int unsigned STAGES = 1   // 0: wires
) (
    input  logic             clk_i,
    input  logic             ce_i,
    input  logic [WIDTH-1:0] data_i,
    output logic [WIDTH-1:0] data_o
);
  if (STAGES == 0) begin : gen_wires
    logic unused_clock;
    assign unused_clock = clk_i & ce_i;
    assign data_o = data_i;
  end else begin : gen_registers
    logic [STAGES*WIDTH-1:0] stages_q;
    if (STAGES == 1) begin : gen_one
      always_ff @(posedge clk_i) if (ce_i) stages_q <= data_i;
    end else begin : gen_more
      always_ff @(posedge clk_i) if (ce_i) stages_q <= {stages_q[(STAGES-1)*WIDTH-1:0], data_i};
    end
    assign data_o = stages_q[STAGES*WIDTH-1-:WIDTH];
  end
endmodule
