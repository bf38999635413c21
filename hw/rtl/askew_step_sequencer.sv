// The control of a matrix unit: takes the input stream and presents one step a cycle, each with the address of its weights.
// Output major repeats the vector for every neuron fold, from a replay buffer; input major holds each
// input beat for all neuron folds. Where there is one fold of either kind the two are the same and need no buffer.
`include "askew_assert.svh"

module askew_step_sequencer #(
    parameter int unsigned WIDTH = 8,  // bits of an input beat
    parameter int unsigned SYNAPSE_FOLD = 1,  // beats of a vector
    parameter int unsigned NEURON_FOLD = 1,  // steps each beat is needed for
    parameter askew_pkg::loop_order_e ORDER = askew_pkg::OutputMajor,
    parameter int unsigned BUFFER_BEATS = 0,  // depth of the replay buffer; 0: two vectors
    localparam int unsigned Steps = SYNAPSE_FOLD * NEURON_FOLD,
    localparam int unsigned AddressWidth = askew_pkg::index_width(Steps)
) (
    input  logic                    clk_i,
    input  logic                    rst_ni,
    input  logic                    valid_i,
    output logic                    ready_o,
    input  logic [       WIDTH-1:0] data_i,
    input  logic                    last_i,
    input  logic                    ce_i,       // the pipeline behind takes a step
    output logic                    step_o,     // there is one
    output logic [       WIDTH-1:0] data_o,
    output logic [AddressWidth-1:0] address_o,  // steps done of this vector
    output logic                    first_o,    // the step starts an accumulator
    output logic                    final_o,    // .. finishes one
    output logic                    last_o      // .. finishes the last one of the frame
);
  logic step;
  assign step = step_o && ce_i;

  if (Steps == 1) begin : gen_single
    assign address_o = '0;
  end else begin : gen_address
    logic [AddressWidth-1:0] address_q;
    always_ff @(posedge clk_i) begin
      if (!rst_ni) address_q <= '0;
      else if (step) address_q <= address_q == AddressWidth'(Steps - 1) ? '0 : address_q + AddressWidth'(1);
    end
    assign address_o = address_q;
  end

  if (ORDER == askew_pkg::OutputMajor && SYNAPSE_FOLD > 1 && NEURON_FOLD > 1) begin : gen_replay
    logic last_beat, repeat_last;
    askew_replay_buffer #(
        .WIDTH  (WIDTH + 1),
        .COUNT  (SYNAPSE_FOLD),
        .REPEATS(NEURON_FOLD),
        .DEPTH  (BUFFER_BEATS == 0 ? 2 * SYNAPSE_FOLD : BUFFER_BEATS)
    ) i_replay (
        .clk_i        (clk_i),
        .rst_ni       (rst_ni),
        .valid_i      (valid_i),
        .ready_o      (ready_o),
        .data_i       ({last_i, data_i}),
        .valid_o      (step_o),
        .ready_i      (ce_i),
        .data_o       ({last_beat, data_o}),
        .count_first_o(first_o),
        .count_last_o (final_o),
        .repeat_last_o(repeat_last)
    );
    assign last_o = last_beat && repeat_last;
  end else begin : gen_hold
    // The beat waits at the input until its last step. Which of the two loops runs makes no difference here.
    logic fold_last, vector_first, vector_last;
    assign step_o  = valid_i;
    assign ready_o = ce_i && fold_last;
    assign data_o  = data_i;
    assign first_o = vector_first;
    assign final_o = vector_last;
    assign last_o  = last_i && fold_last;

    if (NEURON_FOLD == 1) begin : gen_one_fold
      assign fold_last = 1'b1;
    end else begin : gen_folds
      localparam int unsigned FoldWidth = askew_pkg::index_width(NEURON_FOLD);
      logic [FoldWidth-1:0] fold_q;
      assign fold_last = fold_q == FoldWidth'(NEURON_FOLD - 1);
      always_ff @(posedge clk_i) begin
        if (!rst_ni) fold_q <= '0;
        else if (step) fold_q <= fold_last ? '0 : fold_q + FoldWidth'(1);
      end
    end

    if (SYNAPSE_FOLD == 1) begin : gen_one_beat
      assign vector_first = 1'b1;
      assign vector_last  = 1'b1;
    end else begin : gen_beats
      localparam int unsigned BeatWidth = askew_pkg::index_width(SYNAPSE_FOLD);
      logic [BeatWidth-1:0] beat_q;
      assign vector_first = beat_q == '0;
      assign vector_last  = beat_q == BeatWidth'(SYNAPSE_FOLD - 1);
      always_ff @(posedge clk_i) begin
        if (!rst_ni) beat_q <= '0;
        else if (step && fold_last) beat_q <= vector_last ? '0 : beat_q + BeatWidth'(1);
      end
    end
  end

  `ASKEW_ASSERT(FrameEnd, clk_i, rst_ni && step, !last_o || (final_o && 32'(address_o) == Steps - 1),
                "a frame ends with a whole vector")
endmodule
