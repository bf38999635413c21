// The end of a matrix unit: PE accumulators, their start values and the output register. A step adds its sums; the step that
// is final sends the result in the next cycle, as PE bits (accumulator >= 0, so that a start of minus threshold makes
// the comparison free) or as PE accumulators. Output major keeps one accumulator a lane; input major keeps NEURON_FOLD
// of them in LUT RAM, which is read and written in the same cycle. Rejected: comparing with a threshold after the
// sum, which takes another ACC_W/2 LUTs a lane.
module askew_accumulator #(
    parameter int unsigned PE = 1,  // lanes
    parameter int unsigned SUM_W = 4,  // bits of a step's sum
    parameter int unsigned SUM_DELAY = 1,  // clock enables from step_i to its sums_i, at least 1
    parameter int unsigned SUM_SIGNED = 0,  // 1: sums are two's complement
    parameter int unsigned ACC_W = 8,  // bits of an accumulator, two's complement
    parameter int unsigned THRESHOLD = 1,  // 1: output bits, 0: output accumulators
    parameter int unsigned SYNAPSE_FOLD = 1,  // steps of an accumulator
    parameter int unsigned NEURON_FOLD = 1,  // accumulators a lane
    parameter askew_pkg::loop_order_e ORDER = askew_pkg::OutputMajor,  // InputMajor: accumulators alternate
    parameter START_FILE = "",  // NEURON_FOLD words of PE*ACC_W bits
    parameter askew_pkg::rom_style_e START_STYLE = askew_pkg::RomAny,
    localparam int unsigned OutWidth = THRESHOLD != 0 ? PE : PE * ACC_W
) (
    input  logic                clk_i,
    input  logic                rst_ni,
    output logic                ce_o,     // the whole unit takes a step
    input  logic                step_i,   // a step is issued
    input  logic                first_i,  // it starts an accumulator
    input  logic                final_i,  // it finishes one
    input  logic                last_i,   // it finishes the last one of the frame
    input  logic [PE*SUM_W-1:0] sums_i,   // SUM_DELAY clock enables later
    output logic                valid_o,
    input  logic                ready_i,
    output logic [OutWidth-1:0] data_o,
    output logic                last_o
);
  localparam int unsigned FoldWidth = askew_pkg::index_width(NEURON_FOLD);
  localparam bit Interleaved = ORDER == askew_pkg::InputMajor && SYNAPSE_FOLD > 1 && NEURON_FOLD > 1;

  logic valid_q, ce;
  assign ce = !valid_q || ready_i;
  assign ce_o = ce;
  assign valid_o = valid_q;

  // What the steps in the pipeline are: index 0 is issued now, index SUM_DELAY is summed now.
  logic [SUM_DELAY:0] step, finish;
  logic first, last;
  assign step[0] = step_i;
  assign finish[0] = final_i;
  for (genvar i = 1; i <= SUM_DELAY; i++) begin : gen_delay
    logic step_q, finish_q;
    always_ff @(posedge clk_i) begin
      if (!rst_ni) step_q <= 1'b0;
      else if (ce) step_q <= step[i-1];
    end
    always_ff @(posedge clk_i) if (ce) finish_q <= finish[i-1];
    assign step[i] = step_q;
    assign finish[i] = finish_q;
  end
  askew_pipeline #(
      .WIDTH (2),
      .STAGES(SUM_DELAY)
  ) i_flags (
      .clk_i (clk_i),
      .ce_i  (ce),
      .data_i({first_i, last_i}),
      .data_o({first, last})
  );

  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= 1'b0;
    else if (ce) valid_q <= step[SUM_DELAY] && finish[SUM_DELAY];
  end
  always_ff @(posedge clk_i) if (ce) last_o <= last;

  // The neuron fold of the step that comes after the next clock enable, so that the start values can be in block RAM.
  logic [FoldWidth-1:0] early_fold;
  if (NEURON_FOLD == 1) begin : gen_one_fold
    assign early_fold = '0;
  end else begin : gen_folds
    logic [FoldWidth-1:0] fold_q;
    logic advance;
    assign advance = ce && step[SUM_DELAY-1] && (finish[SUM_DELAY-1] || Interleaved);
    always_ff @(posedge clk_i) begin
      if (!rst_ni) fold_q <= '0;
      else if (advance) fold_q <= fold_q == FoldWidth'(NEURON_FOLD - 1) ? '0 : fold_q + FoldWidth'(1);
    end
    assign early_fold = fold_q;
  end

  logic [PE*ACC_W-1:0] start, held, next;
  askew_rom #(
      .WIDTH(PE * ACC_W),
      .DEPTH(NEURON_FOLD),
      .STYLE(START_STYLE),
      .FILE (START_FILE)
  ) i_start (
      .clk_i    (clk_i),
      .ce_i     (ce),
      .address_i(early_fold),
      .word_o   (start)
  );

  if (SYNAPSE_FOLD == 1) begin : gen_no_accumulator
    assign held = '0;
  end else if (Interleaved) begin : gen_interleaved
    (* ram_style = "distributed" *) logic [PE*ACC_W-1:0] ram[NEURON_FOLD];
    logic [FoldWidth-1:0] fold_q;
    always_ff @(posedge clk_i) if (ce) fold_q <= early_fold;
    always_ff @(posedge clk_i) if (ce && step[SUM_DELAY]) ram[fold_q] <= next;
    assign held = ram[fold_q];
  end else begin : gen_single
    logic [PE*ACC_W-1:0] accumulators_q;
    always_ff @(posedge clk_i) if (ce && step[SUM_DELAY]) accumulators_q <= next;
    assign held = accumulators_q;
  end

  for (genvar pe = 0; pe < PE; pe++) begin : gen_lane
    logic [ACC_W-1:0] from, sum;
    assign from = first || SYNAPSE_FOLD == 1 ? start[pe*ACC_W+:ACC_W] : held[pe*ACC_W+:ACC_W];
    if (SUM_SIGNED != 0) begin : gen_signed
      assign sum = ACC_W'($signed(sums_i[pe*SUM_W+:SUM_W]));
    end else begin : gen_unsigned
      assign sum = ACC_W'(sums_i[pe*SUM_W+:SUM_W]);
    end
    // The sum comes first: Yosys gives the first operand to the carry chain's own input, where a multiplexer
    // would cost a LUT a bit.
    assign next[pe*ACC_W+:ACC_W] = sum + from;
  end

  if (THRESHOLD != 0) begin : gen_bits
    for (genvar pe = 0; pe < PE; pe++) begin : gen_lane
      always_ff @(posedge clk_i) if (ce) data_o[pe] <= !next[pe*ACC_W+ACC_W-1];
    end
  end else begin : gen_accumulators
    always_ff @(posedge clk_i) if (ce) data_o <= next;
  end

  askew_stream_rules #(
      .WIDTH(OutWidth + 1)
  ) i_rules (
      .clk_i  (clk_i),
      .rst_ni (rst_ni),
      .valid_i(valid_o),
      .ready_i(ready_i),
      .data_i ({last_o, data_o})
  );
endmodule
