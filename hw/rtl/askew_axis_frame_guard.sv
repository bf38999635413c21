// Lets exactly BEATS beats a frame through, whatever comes, so that nothing behind it ever loses count. A packet may hold
// several frames; one whose TLAST comes within a frame is filled up with zeros. In strict mode a packet is one frame, and
// one whose TLAST is late is cut and the rest of it, up to TLAST, dropped. Both are flagged for a cycle; every packet gives
// a frame that ends it at the output, so whoever waits for an answer gets one. While frames are right it is wires.
// Rejected: dropping short frames, which takes a buffer of a whole frame.
module askew_axis_frame_guard #(
    parameter int unsigned WIDTH = 8,  // bits of data
    parameter int unsigned BEATS = 2   // beats of a frame, at least 1
) (
    input  logic             clk_i,
    input  logic             rst_ni,
    input  logic             strict_i,   // every frame must have its own TLAST
    input  logic             valid_i,
    output logic             ready_o,
    input  logic [WIDTH-1:0] data_i,
    input  logic             last_i,
    input  logic             partial_i,  // with last_i: a part of the beat is missing
    output logic             valid_o,
    input  logic             ready_i,
    output logic [WIDTH-1:0] data_o,
    output logic             last_o,
    output logic             end_o,      // with last_o: this frame ends a packet
    output logic             short_o,    // in this cycle a frame turned out too short
    output logic             long_o      // .. too long
);
  localparam int unsigned CountWidth = askew_pkg::index_width(BEATS);
  logic [CountWidth-1:0] count_q;  // beats of this frame sent
  logic fill_d, fill_q;  // the input frame is over, the output frame is not
  logic drop_d, drop_q;  // the output frame is over, the input frame is not
  logic accept, emit;

  assign accept = valid_i && ready_o;
  assign emit = valid_o && ready_i;
  assign valid_o = fill_q || (valid_i && !drop_q);
  assign ready_o = drop_q || (ready_i && !fill_q);
  assign data_o = fill_q ? '0 : data_i;
  assign last_o = count_q == CountWidth'(BEATS - 1);
  assign end_o = fill_q || last_i || strict_i;
  assign short_o = !fill_q && !drop_q && accept && last_i && (!last_o || partial_i);
  assign long_o = !fill_q && !drop_q && accept && last_o && !last_i && strict_i;

  always_comb begin
    fill_d = fill_q || (short_o && !last_o);
    drop_d = drop_q || long_o;
    if (emit && last_o) fill_d = 1'b0;
    if (drop_q && accept && last_i) drop_d = 1'b0;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      count_q <= '0;
      fill_q  <= 1'b0;
      drop_q  <= 1'b0;
    end else begin
      if (emit) count_q <= last_o ? '0 : count_q + CountWidth'(1);
      fill_q <= fill_d;
      drop_q <= drop_d;
    end
  end

  // S4 is for the source to keep: what it offers right after the reset passes.
  logic reset_q;
  always_ff @(posedge clk_i) reset_q <= !rst_ni;
  askew_stream_rules #(
      .WIDTH(WIDTH + 1)
  ) i_rules (
      .clk_i  (clk_i),
      .rst_ni (rst_ni),
      .valid_i(valid_o && !reset_q),
      .ready_i(ready_i),
      .data_i ({last_o, data_o})
  );
endmodule
