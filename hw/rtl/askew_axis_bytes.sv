// Bytes of a packet, IN_BYTES a beat as a DMA sends them, to OUT_BYTES a beat: the bytes that TKEEP names, in order, with none
// between; a packet begins a beat of its own. Of an input beat the lowest bytes are kept, and all of them unless it is
// the last. A packet that ends within an output beat is filled up with zeros there and flagged; one that ends with an empty
// beat behind a whole one gives another, all of whose bytes are missing. Rejected: one beat for one, which wastes up to half
// of what the memory brings.
module askew_axis_bytes #(
    parameter int unsigned IN_BYTES  = 8,  // bytes of an input beat, a power of two
    parameter int unsigned OUT_BYTES = 4   // bytes of an output beat, at least 1
) (
    input  logic                   clk_i,
    input  logic                   rst_ni,
    input  logic                   valid_i,
    output logic                   ready_o,
    input  logic [ 8*IN_BYTES-1:0] data_i,
    input  logic [   IN_BYTES-1:0] keep_i,
    input  logic                   last_i,
    output logic                   valid_o,
    input  logic                   ready_i,
    output logic [8*OUT_BYTES-1:0] data_o,
    output logic                   last_o,
    output logic                   partial_o  // bytes of this beat, the last of a packet, are missing
);
  localparam int unsigned Capacity = IN_BYTES + OUT_BYTES - 1;
  localparam int unsigned LevelWidth = askew_pkg::count_width(Capacity + 1);  // a bit more than OUT_BYTES takes

  // All but a packet's last beat are whole, so that bytes go to multiples of what the two widths have in common.
  function automatic int unsigned common();
    common = 1;
    for (int unsigned i = 0; i < 32; i++) begin
      if (IN_BYTES % (2 * common) == 0 && OUT_BYTES % (2 * common) == 0) common = 2 * common;
    end
  endfunction
  localparam int unsigned Step = common();

  logic [LevelWidth-1:0] level_q, level_d, left, kept_bytes;  // bytes held: now, next, after what is emitted now
  logic ended_q;  // what is held is the end of a packet
  logic accept, emit;
  logic [8*IN_BYTES-1:0] masked;
  logic [8*Capacity-1:0] buffer_q, kept, placed;

  assign valid_o = ended_q || level_q >= LevelWidth'(OUT_BYTES);
  assign last_o = ended_q && level_q <= LevelWidth'(OUT_BYTES);
  assign partial_o = ended_q && level_q < LevelWidth'(OUT_BYTES);
  assign emit = valid_o && ready_i;
  assign ready_o = ended_q ? emit && last_o : left < LevelWidth'(OUT_BYTES);
  assign accept = valid_i && ready_o;
  always_comb begin
    left = level_q;
    if (emit) left = last_o ? '0 : level_q - LevelWidth'(OUT_BYTES);
    level_d = accept ? left + kept_bytes : left;
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      level_q <= '0;
      ended_q <= 1'b0;
    end else begin
      level_q <= level_d;
      if (accept) ended_q <= last_i;
      else if (emit && last_o) ended_q <= 1'b0;
    end
  end

  always_comb begin
    kept_bytes = '0;
    for (int unsigned i = 0; i < IN_BYTES; i++) begin
      kept_bytes = kept_bytes + LevelWidth'(keep_i[i]);
      masked[8*i+:8] = keep_i[i] ? data_i[8*i+:8] : 8'b0;
    end
  end

  // The bytes that are held lie lowest; what comes goes behind them, and zeros behind that.
  assign kept = emit ? (8 * Capacity)'({{(8 * OUT_BYTES) {1'b0}}, buffer_q} >> (8 * OUT_BYTES)) : buffer_q;
  assign placed = (8 * Capacity)'(masked) << (32'(left) / Step * Step * 8);
  for (genvar i = 0; i < Capacity; i++) begin : gen_byte
    always_ff @(posedge clk_i) begin
      buffer_q[8*i+:8] <= accept && LevelWidth'(i) >= left ? placed[8*i+:8] : kept[8*i+:8];
    end
  end
  assign data_o = buffer_q[8*OUT_BYTES-1:0];

  if (2 ** $clog2(IN_BYTES) != IN_BYTES) begin : gen_check_in_bytes
    $error("askew_axis_bytes: IN_BYTES (%0d) must be a power of two", IN_BYTES);
  end

  askew_stream_rules #(
      .WIDTH(8 * OUT_BYTES + 2)
  ) i_rules (
      .clk_i  (clk_i),
      .rst_ni (rst_ni),
      .valid_i(valid_o),
      .ready_i(ready_i),
      .data_i ({partial_o, last_o, data_o})
  );
endmodule
