// The scores of one frame, which come LANES at a time, and are read one after the other, the first one first.
module askew_score_store #(
    parameter int unsigned CLASSES = 10,
    parameter int unsigned LANES = 1,  // divides CLASSES
    parameter int unsigned SCORE_W = 16
) (
    input  logic                     clk_i,
    input  logic                     rst_ni,
    input  logic                     valid_i,   // a beat is written
    input  logic [LANES*SCORE_W-1:0] scores_i,
    input  logic                     first_i,   // go to the first score
    input  logic                     next_i,    // go to the next one
    output logic [      SCORE_W-1:0] score_o
);
  localparam int unsigned Beats = CLASSES / LANES;
  localparam int unsigned BeatWidth = askew_pkg::index_width(Beats);
  localparam int unsigned LaneWidth = askew_pkg::index_width(LANES);
  logic [LANES*SCORE_W-1:0] beats[Beats];
  logic [LANES*SCORE_W-1:0] beat;
  logic [BeatWidth-1:0] write_q, read_q;
  logic [LaneWidth-1:0] lane_q;
  logic at_last_lane;

  assign beat = beats[read_q];
  assign score_o = beat[lane_q*SCORE_W+:SCORE_W];
  assign at_last_lane = lane_q == LaneWidth'(LANES - 1);
  always_ff @(posedge clk_i) begin
    if (valid_i) beats[write_q] <= scores_i;
    if (!rst_ni) write_q <= '0;
    else if (valid_i) write_q <= write_q == BeatWidth'(Beats - 1) ? '0 : write_q + BeatWidth'(1);
    if (first_i) begin
      read_q <= '0;
      lane_q <= '0;
    end else if (next_i) begin
      lane_q <= at_last_lane ? '0 : lane_q + LaneWidth'(1);
      if (at_last_lane) read_q <= read_q + BeatWidth'(1);
    end
  end
endmodule
