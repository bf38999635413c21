// Matrix-vector-threshold unit for integer input: the sum of +x (weight bit 1) and -x (0) for MH neurons of MW inputs, SIMD
// inputs of PE neurons a cycle; output bit = accumulator >= 0, or the accumulator itself. It adds x or ~x; as
// -x = ~x + 1, the number of -1 weights of a neuron is part of its start value, where it costs nothing. Everything else is
// as in `askew_mvau`. Rejected: sums of several inputs in every sign, shared by all PE, with a multiplexer a neuron (36
// instead of 41 LUTs a neuron for three 8-bit inputs, but 80 more for the sums).
module askew_mvau_int #(
    parameter int unsigned MW = 64,  // matrix width: inputs of a neuron
    parameter int unsigned MH = 64,  // matrix height: neurons
    parameter int unsigned SIMD = 8,  // inputs a cycle; divides MW
    parameter int unsigned IN_W = 8,  // bits of an input, 1..9
    parameter int unsigned IN_SIGNED = 0,  // 1: two's complement, 0: unsigned
    parameter int unsigned PE = 8,  // neurons a cycle; divides MH
    parameter int unsigned THRESHOLD = 1,  // 1: PE bits a beat, 0: PE accumulators of ACC_W bits
    parameter int unsigned ACC_W = 8,  // accumulator, two's complement: holds every neuron's final values; sums on the way may wrap
    parameter askew_pkg::loop_order_e ORDER = askew_pkg::OutputMajor,
    parameter int unsigned BUFFER_BEATS = 0,  // depth of the replay buffer; 0: 2 * MW/SIMD
    parameter askew_pkg::rom_style_e ROM_STYLE = askew_pkg::RomAny,  // weights
    parameter askew_pkg::rom_style_e START_STYLE = askew_pkg::RomAny,  // start values
    parameter int unsigned POP_STAGES = 0,  // registers inside the sum of a step
    parameter WEIGHT_FILE = "",  // words of PE*SIMD bits in the order of use
    parameter START_FILE = "",  // words of PE*ACC_W bits, one a neuron fold: minus threshold plus the number of -1 weights
    localparam int unsigned OutWidth = THRESHOLD != 0 ? PE : PE * ACC_W
) (
    input  logic                clk_i,
    input  logic                rst_ni,
    input  logic                valid_i,
    output logic                ready_o,
    input  logic [SIMD*IN_W-1:0] data_i,
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
  localparam int unsigned TermWidth = IN_SIGNED != 0 ? IN_W : IN_W + 1;
  localparam int unsigned SumWidth = TermWidth + $clog2(SIMD);

  logic ce, step, first, finish, last;
  logic [SIMD*IN_W-1:0] data, data_q;
  logic [AddressWidth-1:0] address;
  logic [PE*SIMD-1:0] weights;
  logic [PE*SumWidth-1:0] sums;

  askew_step_sequencer #(
      .WIDTH(SIMD * IN_W),
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
  always_ff @(posedge clk_i) if (ce) data_q <= data;

  logic [SIMD*SumWidth-1:0] extended;
  for (genvar i = 0; i < SIMD; i++) begin : gen_extend
    if (IN_SIGNED != 0) begin : gen_signed
      assign extended[i*SumWidth+:SumWidth] = SumWidth'($signed(data_q[i*IN_W+:IN_W]));
    end else begin : gen_unsigned
      assign extended[i*SumWidth+:SumWidth] = SumWidth'(data_q[i*IN_W+:IN_W]);
    end
  end

  for (genvar pe = 0; pe < PE; pe++) begin : gen_lane
    logic [SIMD*SumWidth-1:0] terms;
    for (genvar i = 0; i < SIMD; i++) begin : gen_term
      assign terms[i*SumWidth+:SumWidth] = extended[i*SumWidth+:SumWidth] ^ {SumWidth{!weights[pe*SIMD+i]}};
    end
    askew_sum #(
        .TERMS (SIMD),
        .WIDTH (SumWidth),
        .STAGES(POP_STAGES)
    ) i_sum (
        .clk_i  (clk_i),
        .ce_i   (ce),
        .terms_i(terms),
        .sum_o  (sums[pe*SumWidth+:SumWidth])
    );
  end

  askew_accumulator #(
      .PE(PE),
      .SUM_W(SumWidth),
      .SUM_DELAY(1 + POP_STAGES),
      .SUM_SIGNED(1),
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
      .sums_i (sums),
      .valid_o(valid_o),
      .ready_i(ready_i),
      .data_o (data_o),
      .last_o (last_o)
  );

  if (IN_W < 1 || IN_W > 9) begin : gen_check_in_w
    $error("askew_mvau_int: IN_W (%0d) must lie in 1..9", IN_W);
  end
  if (SIMD < 1 || MW % SIMD != 0) begin : gen_check_simd
    $error("askew_mvau_int: MW (%0d) must be divisible by SIMD (%0d)", MW, SIMD);
  end
  if (PE < 1 || MH % PE != 0) begin : gen_check_pe
    $error("askew_mvau_int: MH (%0d) must be divisible by PE (%0d)", MH, PE);
  end
endmodule
