// Makes a stream unit of askew_axis_frame_guard: bit 12 of a beat says that a part of it is missing, and what goes out with
// data are, with its last beat, the frame's flags: 12: it ends a packet, 13: it was too short, 14: too long.
module askew_guard_probe #(
    parameter int unsigned BEATS  = 2,
    parameter int unsigned STRICT = 0
) (
    input  logic        clk_i,
    input  logic        rst_ni,
    input  logic        valid_i,
    output logic        ready_o,
    input  logic [12:0] data_i,
    input  logic        last_i,
    output logic        valid_o,
    input  logic        ready_i,
    output logic [14:0] data_o,
    output logic        last_o
);
  logic is_short, is_long, short_q, ends;
  logic [11:0] data;
  askew_axis_frame_guard #(
      .WIDTH(12),
      .BEATS(BEATS)
  ) i_guard (
      .clk_i,
      .rst_ni,
      .strict_i (STRICT != 0),
      .valid_i,
      .ready_o,
      .data_i   (data_i[11:0]),
      .last_i,
      .partial_i(data_i[12]),
      .valid_o,
      .ready_i,
      .data_o   (data),
      .last_o,
      .end_o    (ends),
      .short_o  (is_short),
      .long_o   (is_long)
  );
  always_ff @(posedge clk_i) short_q <= rst_ni && (is_short || short_q) && !(valid_o && ready_i && last_o);
  assign data_o = {is_long, last_o && (is_short || short_q), last_o && ends, data};
endmodule
