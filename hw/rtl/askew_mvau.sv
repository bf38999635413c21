// Binary matrix-vector-threshold unit: P = popcount(xnor(x, w)) for MH neurons of MW inputs, SIMD inputs of PE neurons a
// cycle; output bit = start + P >= 0, with start = minus threshold, or start + P itself. A rigid pipeline of
// 2 + POP_STAGES stages that stops as a whole while its output is blocked: one clock enable, no LUT a stage, exactly
// predictable. A vector takes SYNAPSE_FOLD * NEURON_FOLD cycles, with no bubble between folds, vectors or frames.
// Rejected: a skid buffer or valid chain a stage (a register more a bit, to collapse bubbles that do not occur).
module askew_mvau #(
    parameter int unsigned MW = 64,  // matrix width: inputs of a neuron
    parameter int unsigned MH = 64,  // matrix height: neurons
    parameter int unsigned SIMD = 8,  // inputs a cycle; divides MW
    parameter int unsigned PE = 8,  // neurons a cycle; divides MH
    parameter int unsigned THRESHOLD = 1,  // 1: PE bits a beat, 0: PE accumulators of ACC_W bits
    parameter int unsigned ACC_W = 8,  // accumulator, two's complement: holds start .. start + MW of every neuron
    parameter askew_pkg::loop_order_e ORDER = askew_pkg::OutputMajor,
    parameter int unsigned BUFFER_BEATS = 0,  // depth of the replay buffer; 0: 2 * MW/SIMD
    parameter askew_pkg::rom_style_e ROM_STYLE = askew_pkg::RomAny,  // weights
    parameter askew_pkg::rom_style_e START_STYLE = askew_pkg::RomAny,  // start values
    parameter int unsigned POP_STAGES = 0,  // registers inside the popcount
    parameter askew_pkg::popcount_style_e POP_STYLE = askew_pkg::PopcountCompressor,
    parameter WEIGHT_FILE = "",  // words of PE*SIMD bits in the order of use
    parameter START_FILE = "",  // words of PE*ACC_W bits, one a neuron fold; "": zeros
    localparam int unsigned OutWidth = THRESHOLD != 0 ? PE : PE * ACC_W
) (
    input  logic                clk_i,
    input  logic                rst_ni,
    input  logic                valid_i,
    output logic                ready_o,
    input  logic [    SIMD-1:0] data_i,
    input  logic                last_i,
    output logic                valid_o,
    input  logic                ready_i,
    output logic [OutWidth-1:0] data_o,
    output logic                last_o
);
  localparam int unsigned SynapseFold = MW / SIMD;
  localparam int unsigned NeuronFold = MH / PE;
  localparam int unsigned Steps = SynapseFold * NeuronFold;
  localparam int unsigned AddressWidth = askew_pkg::index_width(Steps);
  localparam int unsigned CountWidth = askew_pkg::count_width(SIMD);
  localparam bit Inverted = POP_STYLE == askew_pkg::PopcountCarry && Steps > 1;  // what the popcount takes for nothing

  logic ce, step, first, finish, last;
  logic [SIMD-1:0] data, data_q;
  logic [AddressWidth-1:0] address;
  logic [PE*SIMD-1:0] weights;
  logic [PE*CountWidth-1:0] counts;

  askew_step_sequencer #(
      .WIDTH(SIMD),
      .SYNAPSE_FOLD(SynapseFold),
      .NEURON_FOLD(NeuronFold),
      .ORDER(ORDER),
      .BUFFER_BEATS(BUFFER_BEATS)
  ) i_sequencer (
      .clk_i    (clk_i),
      .rst_ni   (rst_ni),
      .valid_i  (valid_i),
      .ready_o  (ready_o),
      .data_i   (data_i),
      .last_i   (last_i),
      .ce_i     (ce),
      .step_o   (step),
      .data_o   (data),
      .address_o(address),
      .first_o  (first),
      .final_o  (finish),
      .last_o   (last)
  );

  askew_rom #(
      .WIDTH(PE * SIMD),
      .DEPTH(Steps),
      .STYLE(ROM_STYLE),
      .FILE (WEIGHT_FILE)
  ) i_weights (
      .clk_i    (clk_i),
      .ce_i     (ce),
      .address_i(address),
      .word_o   (weights)
  );
  always_ff @(posedge clk_i) if (ce) data_q <= Inverted ? ~data : data;

  for (genvar pe = 0; pe < PE; pe++) begin : gen_lane
    askew_popcount #(
        .WIDTH(SIMD),
        .STAGES(POP_STAGES),
        .STYLE(POP_STYLE),
        .B_CONSTANT(Steps == 1 ? 1 : 0),
        .A_INVERTED(Inverted ? 1 : 0)
    ) i_popcount (
        .clk_i  (clk_i),
        .ce_i   (ce),
        .a_i    (data_q),
        .b_i    (weights[pe*SIMD+:SIMD]),
        .count_o(counts[pe*CountWidth+:CountWidth])
    );
  end

  askew_accumulator #(
      .PE(PE),
      .SUM_W(CountWidth),
      .SUM_DELAY(1 + POP_STAGES),
      .SUM_SIGNED(0),
      .ACC_W(ACC_W),
      .THRESHOLD(THRESHOLD),
      .SYNAPSE_FOLD(SynapseFold),
      .NEURON_FOLD(NeuronFold),
      .ORDER(ORDER),
      .START_FILE(START_FILE),
      .START_STYLE(START_STYLE)
  ) i_accumulator (
      .clk_i  (clk_i),
      .rst_ni (rst_ni),
      .ce_o   (ce),
      .step_i (step),
      .first_i(first),
      .final_i(finish),
      .last_i (last),
      .sums_i (counts),
      .valid_o(valid_o),
      .ready_i(ready_i),
      .data_o (data_o),
      .last_o (last_o)
  );

  if (SIMD < 1 || MW % SIMD != 0) begin : gen_check_simd
    $error("askew_mvau: MW (%0d) must be divisible by SIMD (%0d)", MW, SIMD);
  end
  if (PE < 1 || MH % PE != 0) begin : gen_check_pe
    $error("askew_mvau: MH (%0d) must be divisible by PE (%0d)", MH, PE);
  end
endmodule
