// A whole mvau with free input and back-pressure: the k-th bit that it sends is P >= T of neuron k mod MH, with P counted
// naively from the vector that went in. Neuron k's threshold is k, so that every threshold 0 .. MW+1 occurs.
module askew_mvau_proof #(
    parameter int unsigned MW = 4,
    parameter int unsigned SIMD = 2,
    parameter askew_pkg::loop_order_e ORDER = askew_pkg::OutputMajor,
    parameter askew_pkg::popcount_style_e POP_STYLE = askew_pkg::PopcountCompressor,
    parameter logic [MW*(MW+2)-1:0] WEIGHTS = '0  // neuron after neuron; the same as in WEIGHT_FILE
) (
    input logic clk_i,
    input logic valid_i,
    input logic [SIMD-1:0] data_i,
    input logic ready_i
);
  localparam int unsigned MH = MW + 2;
  localparam int unsigned Beats = MW / SIMD;
  logic rst_ni, ready_o, valid_o, last_o, data_o;
  initial rst_ni = 1'b0;
  always_ff @(posedge clk_i) rst_ni <= 1'b1;

  // The input keeps the stream rules: input major, a beat is used while it waits.
  logic waiting_q;
  logic [SIMD-1:0] data_q;
  initial waiting_q = 1'b0;
  always_ff @(posedge clk_i) begin
    waiting_q <= rst_ni && valid_i && !ready_o;
    data_q <= data_i;
    if (waiting_q) assume (valid_i && data_i == data_q);
  end

  askew_mvau #(
      .MW(MW),
      .MH(MH),
      .SIMD(SIMD),
      .PE(1),
      .ACC_W($clog2(MW + 2) + 1),
      .ORDER(ORDER),
      .POP_STYLE(POP_STYLE),
      .WEIGHT_FILE("weights.hex"),
      .START_FILE("start.hex")
  ) i_unit (
      .last_i(1'b0),
      .*
  );

  // The first vector, and what the first MH bits say of it.
  logic [MW-1:0] vector_q;
  logic [askew_pkg::count_width(Beats)-1:0] beats_q;
  logic [askew_pkg::count_width(MH)-1:0] neuron_q;
  logic [MW-1:0] row;
  logic [MW-1:0] next_vector;
  assign next_vector = MW'({data_i, vector_q} >> SIMD);
  assign row = MW'(WEIGHTS >> (32'(neuron_q) * MW));
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      beats_q  <= '0;
      neuron_q <= '0;
    end else begin
      if (valid_i && ready_o && beats_q != Beats) begin
        vector_q <= next_vector;
        beats_q  <= beats_q + 1'b1;
      end
      if (valid_o && ready_i && neuron_q != MH) begin
        neuron_q <= neuron_q + 1'b1;
        // Input major sends the first bits while the last beat still waits to be accepted.
        assert (data_o == ($countones(~((beats_q == Beats ? vector_q : next_vector) ^ row)) >= neuron_q));
        assert (beats_q >= Beats - 1);
      end
    end
  end
endmodule
