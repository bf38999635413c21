// The index of the highest of CLASSES scores, which come PE a beat; of equal ones the lowest index. Latency 1 from the last
// beat. A beat's maximum is a tree over its PE lanes, then compared with the best so far; behind an askew_width_converter to
// PE 1 it is one comparator.
`include "askew_assert.svh"

module askew_label_select #(
    parameter int unsigned CLASSES = 10,  // scores of a frame
    parameter int unsigned PE = 1,  // scores a beat; divides CLASSES
    parameter int unsigned SCORE_W = 16,  // bits of a score, two's complement
    parameter int unsigned LABEL_W = askew_pkg::index_width(CLASSES)  // bits of a label, at least that
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
  localparam int unsigned Leaves = 2 ** $clog2(PE);

  // Node 1 is the root, nodes Leaves .. 2*Leaves-1 are the lanes; the left child has the lower index and wins ties.
  logic [SCORE_W-1:0] node_score[2*Leaves];
  logic [LaneWidth-1:0] node_lane[2*Leaves];
  for (genvar node = 1; node < 2 * Leaves; node++) begin : gen_node
    if (node >= Leaves + PE) begin : gen_no_lane
      assign node_score[node] = {1'b1, {(SCORE_W - 1) {1'b0}}};
      assign node_lane[node]  = '0;
    end else if (node >= Leaves) begin : gen_lane
      assign node_score[node] = data_i[(node-Leaves)*SCORE_W+:SCORE_W];
      assign node_lane[node]  = LaneWidth'(node - Leaves);
    end else begin : gen_compare
      logic right;
      assign right = $signed(node_score[2*node+1]) > $signed(node_score[2*node]);
      assign node_score[node] = right ? node_score[2*node+1] : node_score[2*node];
      assign node_lane[node] = right ? node_lane[2*node+1] : node_lane[2*node];
    end
  end

  logic valid_q, accept, finish, better;
  logic [LABEL_W-1:0] label_q, label_d;
  logic [SCORE_W-1:0] score_q;
  assign ready_o = !valid_q || ready_i;
  assign accept = valid_i && ready_o;
  assign valid_o = valid_q;

  if (Beats == 1) begin : gen_one_beat
    assign finish  = 1'b1;
    assign better  = 1'b1;
    assign label_d = LABEL_W'(node_lane[1]);
  end else begin : gen_beats
    // Counts in scores, so that it is the index of the beat's first one.
    logic [LABEL_W-1:0] base_q;
    assign finish  = base_q == LABEL_W'(CLASSES - PE);
    assign better  = base_q == '0 || $signed(node_score[1]) > $signed(score_q);
    assign label_d = base_q + LABEL_W'(node_lane[1]);
    always_ff @(posedge clk_i) begin
      if (!rst_ni) base_q <= '0;
      else if (accept) base_q <= finish ? '0 : base_q + LABEL_W'(PE);
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= 1'b0;
    else if (ready_o) valid_q <= accept && finish;
  end
  always_ff @(posedge clk_i) begin
    if (accept) last_o <= last_i;
    if (accept && better) begin
      score_q <= node_score[1];
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

  askew_stream_rules #(
      .WIDTH(LABEL_W + SCORE_W + 1)
  ) i_rules (
      .clk_i  (clk_i),
      .rst_ni (rst_ni),
      .valid_i(valid_o),
      .ready_i(ready_i),
      .data_i ({last_o, score_o, data_o})
  );

  `ASKEW_ASSERT(FrameEnd, clk_i, rst_ni && accept, last_i == finish, "a frame is CLASSES scores")
endmodule
