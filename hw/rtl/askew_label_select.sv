// The index of the highest of CLASSES scores, which come PE a beat; of equal ones the lowest index. Latency 1 + STAGES
// from the last beat. A beat's maximum is a tree over its PE lanes, then compared with the best so far; registers between
// comparisons are a rigid pipeline, as a matrix unit's. Behind an askew_width_converter to PE 1 it is one comparator.
`include "askew_assert.svh"

module askew_label_select #(
    parameter int unsigned CLASSES = 10,  // scores of a frame
    parameter int unsigned PE = 1,  // scores a beat; divides CLASSES
    parameter int unsigned SCORE_W = 16,  // bits of a score, two's complement
    parameter int unsigned LABEL_W = askew_pkg::index_width(CLASSES),  // bits of a label, at least that
    parameter int unsigned STAGES = 0  // registers between comparisons, spread evenly; less than there are comparisons
) (
    input  logic                  clk_i,
    input  logic                  rst_ni,
    input  logic                  valid_i,
    output logic                  ready_o,
    input  logic [PE*SCORE_W-1:0] data_i,
    input  logic                  last_i,
    output logic                  valid_o,
    input  logic                  ready_i,
    output logic [   LABEL_W-1:0] data_o,
    output logic                  last_o,
    output logic [   SCORE_W-1:0] score_o   // the label's score
);
  localparam int unsigned Beats = CLASSES / PE;
  localparam int unsigned LaneWidth = askew_pkg::index_width(PE);
  localparam int unsigned Levels = $clog2(PE);
  localparam int unsigned Comparisons = Levels + (Beats > 1 ? 1 : 0);  // one after the other, in a frame's last beat

  // Registers up to this level of the tree, whose level 1 compares lanes; behind the last comparison is the output.
  function automatic int unsigned registers(input int unsigned level);
    registers = level * (STAGES + 1) / (Comparisons + (PE == CLASSES && PE == 1 ? 1 : 0));
    if (registers > STAGES) registers = STAGES;
  endfunction

  logic valid_q, accept, ce, arrives, finishes, last, better;
  logic [LABEL_W-1:0] base, label_q, label_d;
  logic [SCORE_W-1:0] score_q;
  assign ce = !valid_q || ready_i;
  assign ready_o = ce;
  assign accept = valid_i && ce;
  assign valid_o = valid_q;

  // Level 0 is the lanes; the left one of two has the lower index and wins ties.
  for (genvar level = 0; level <= Levels; level++) begin : gen_level
    localparam int unsigned Nodes = (PE + 2 ** level - 1) / 2 ** level;
    logic [Nodes*SCORE_W-1:0] score_d, score;
    logic [Nodes*LaneWidth-1:0] lane_d, lane;
    for (genvar node = 0; node < Nodes; node++) begin : gen_node
      if (level == 0) begin : gen_lane
        assign score_d[node*SCORE_W+:SCORE_W] = data_i[node*SCORE_W+:SCORE_W];
        assign lane_d[node*LaneWidth+:LaneWidth] = LaneWidth'(node);
      end else if ((2 * node + 1) * 2 ** (level - 1) < PE) begin : gen_compare
        logic right;
        logic [SCORE_W-1:0] left_score, right_score;
        logic [LaneWidth-1:0] left_lane, right_lane;
        assign {right_score, left_score} = gen_level[level-1].score[2*node*SCORE_W+:2*SCORE_W];
        assign {right_lane, left_lane} = gen_level[level-1].lane[2*node*LaneWidth+:2*LaneWidth];
        assign right = $signed(right_score) > $signed(left_score);
        assign score_d[node*SCORE_W+:SCORE_W] = right ? right_score : left_score;
        assign lane_d[node*LaneWidth+:LaneWidth] = right ? right_lane : left_lane;
      end else begin : gen_pass
        assign score_d[node*SCORE_W+:SCORE_W] = gen_level[level-1].score[2*node*SCORE_W+:SCORE_W];
        assign lane_d[node*LaneWidth+:LaneWidth] = gen_level[level-1].lane[2*node*LaneWidth+:LaneWidth];
      end
    end
    if (level > 0 && registers(level) > registers(level - 1)) begin : gen_register
      always_ff @(posedge clk_i) if (ce) {lane, score} <= {lane_d, score_d};
    end else begin : gen_wires
      assign {lane, score} = {lane_d, score_d};
    end
  end

  // Which beats are on their way through the tree.
  if (STAGES == 0) begin : gen_now
    assign arrives = accept;
  end else begin : gen_later
    logic [STAGES-1:0] moving_q;
    always_ff @(posedge clk_i) begin
      if (!rst_ni) moving_q <= '0;
      else if (ce) moving_q <= STAGES'({moving_q, accept});
    end
    assign arrives = ce && moving_q[STAGES-1];
  end
  askew_pipeline #(
      .WIDTH (1),
      .STAGES(STAGES)
  ) i_last (
      .clk_i (clk_i),
      .ce_i  (ce),
      .data_i(last_i),
      .data_o(last)
  );

  if (Beats == 1) begin : gen_one_beat
    assign base = '0;
    assign finishes = 1'b1;
    assign better = 1'b1;
  end else begin : gen_beats
    // Counts in scores, so that it is the index of the first one of the beat that arrives at the last comparison.
    logic [LABEL_W-1:0] base_q;
    assign base = base_q;
    assign finishes = base_q == LABEL_W'(CLASSES - PE);
    assign better  = base_q == '0 || $signed(gen_level[Levels].score) > $signed(score_q);
    always_ff @(posedge clk_i) begin
      if (!rst_ni) base_q <= '0;
      else if (arrives) base_q <= finishes ? '0 : base_q + LABEL_W'(PE);
    end
  end
  assign label_d = base + LABEL_W'(gen_level[Levels].lane);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= 1'b0;
    else if (ce) valid_q <= arrives && finishes;
  end
  always_ff @(posedge clk_i) begin
    if (arrives) last_o <= last;
    if (arrives && better) begin
      score_q <= gen_level[Levels].score;
      label_q <= label_d;
    end
  end
  assign data_o = label_q;
  assign score_o = score_q;

  if (PE < 1 || CLASSES % PE != 0) begin : gen_check_pe
    $error("askew_label_select: CLASSES (%0d) must be divisible by PE (%0d)", CLASSES, PE);
  end
  if (2 ** LABEL_W < CLASSES) begin : gen_check_label_w
    $error("askew_label_select: LABEL_W (%0d) is too small for CLASSES (%0d)", LABEL_W, CLASSES);
  end

  if (STAGES > 0 && STAGES >= Comparisons) begin : gen_check_stages
    $error("askew_label_select: STAGES (%0d) must be less than the comparisons in turn (%0d)", STAGES, Comparisons);
  end

  askew_stream_rules #(
      .WIDTH(LABEL_W + SCORE_W + 1)
  ) i_rules (
      .clk_i  (clk_i),
      .rst_ni (rst_ni),
      .valid_i(valid_o),
      .ready_i(ready_i),
      .data_i ({last_o, score_o, data_o})
  );

  `ASKEW_ASSERT(FrameEnd, clk_i, rst_ni && arrives, last == finishes, "a frame is CLASSES scores")
endmodule
