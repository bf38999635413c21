// Turns N 8-bit pixels a beat into bits or small integers: by a threshold, by a table of 256 entries, or not at all (then
// cut or zero-extended). Where channels differ, every lane has its own for each beat of a period: lane i of beat b reads
// channel b*N + i modulo the channels.
// One register: latency 1, a beat a cycle.
module askew_input_quantizer #(
    parameter int unsigned N = 1,  // pixels a beat
    parameter int unsigned OUT_W = 1,  // bits of an output element, 1..9
    parameter askew_pkg::quantizer_kind_e KIND = askew_pkg::QuantizerThreshold,
    parameter int unsigned PIXEL = 128,  // threshold, 0..256: bit = pixel >= PIXEL
    parameter logic [256*OUT_W-1:0] TABLE = '0,  // table: entry p in [p*OUT_W +: OUT_W]
    parameter int unsigned PERIOD = 1,  // of thresholds and tables: beats until a lane reads the same channel again; divides a frame's
    parameter logic [9*N*PERIOD-1:0] PIXELS = '0,  // thresholds, 0..256: of lane i in beat b in [(i*PERIOD+b)*9 +: 9]
    parameter logic [(KIND == askew_pkg::QuantizerTables ? N*PERIOD : 1)*256*OUT_W-1:0] TABLES = '0  // likewise in [((i*PERIOD+b)*256+p)*OUT_W +: OUT_W]
) (
    input  logic               clk_i,
    input  logic               rst_ni,
    input  logic               valid_i,
    output logic               ready_o,
    input  logic [    N*8-1:0] data_i,
    input  logic               last_i,
    output logic               valid_o,
    input  logic               ready_i,
    output logic [N*OUT_W-1:0] data_o,
    output logic               last_o
);
  logic ce, valid_q;
  logic [N*OUT_W-1:0] data_d;
  logic [31:0] beat;  // of the period

  for (genvar i = 0; i < N; i++) begin : gen_element
    logic [7:0] pixel;
    assign pixel = data_i[i*8+:8];
    if (KIND == askew_pkg::QuantizerThreshold && PIXEL == 0) begin : gen_always
      logic unused_pixel;
      assign unused_pixel = ^pixel;
      assign data_d[i*OUT_W+:OUT_W] = OUT_W'(1);
    end else if (KIND == askew_pkg::QuantizerThreshold) begin : gen_threshold
      assign data_d[i*OUT_W+:OUT_W] = OUT_W'({1'b0, pixel} >= 9'(PIXEL));
    end else if (KIND == askew_pkg::QuantizerTable) begin : gen_table
      assign data_d[i*OUT_W+:OUT_W] = TABLE[32'(pixel)*OUT_W+:OUT_W];
    end else if (KIND == askew_pkg::QuantizerThresholds) begin : gen_thresholds
      localparam logic [9*PERIOD-1:0] Own = PIXELS[9*PERIOD*i+:9*PERIOD];
      assign data_d[i*OUT_W+:OUT_W] = OUT_W'({1'b0, pixel} >= Own[beat*9+:9]);
    end else if (KIND == askew_pkg::QuantizerTables) begin : gen_tables
      localparam logic [256*OUT_W*PERIOD-1:0] Own = TABLES[256*OUT_W*PERIOD*i+:256*OUT_W*PERIOD];
      assign data_d[i*OUT_W+:OUT_W] = Own[(beat*256+32'(pixel))*OUT_W+:OUT_W];
    end else begin : gen_pixel
      logic unused_pixel;
      assign unused_pixel = ^pixel;
      assign data_d[i*OUT_W+:OUT_W] = OUT_W'(pixel);
    end
  end

  if (PERIOD > 1) begin : gen_period
    localparam int unsigned BeatWidth = $clog2(PERIOD);
    logic [BeatWidth-1:0] beat_q;
    assign beat = 32'(beat_q);
    always_ff @(posedge clk_i) begin
      if (!rst_ni) beat_q <= '0;
      else if (valid_i && ce) beat_q <= beat_q == BeatWidth'(PERIOD - 1) ? '0 : beat_q + 1'b1;
    end
  end else begin : gen_no_period
    assign beat = '0;
    logic unused_beat;
    assign unused_beat = ^beat;
  end

  assign ce = !valid_q || ready_i;
  assign ready_o = ce;
  assign valid_o = valid_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= 1'b0;
    else if (ce) valid_q <= valid_i;
  end
  always_ff @(posedge clk_i) if (ce) {last_o, data_o} <= {last_i, data_d};

  if (PIXEL > 256) begin : gen_check_pixel
    $error("askew_input_quantizer: PIXEL (%0d) must lie in 0..256", PIXEL);
  end
  if (OUT_W < 1 || OUT_W > 9 || ((KIND == askew_pkg::QuantizerThreshold || KIND == askew_pkg::QuantizerThresholds) && OUT_W != 1)) begin : gen_check_out_w
    $error("askew_input_quantizer: OUT_W (%0d) must lie in 1..9, and be 1 behind a threshold", OUT_W);
  end
  if (PERIOD < 1 || (KIND != askew_pkg::QuantizerThresholds && KIND != askew_pkg::QuantizerTables && PERIOD != 1)) begin : gen_check_period
    $error("askew_input_quantizer: PERIOD (%0d) must be at least 1, and 1 where channels do not differ", PERIOD);
  end

  askew_stream_rules #(
      .WIDTH(N * OUT_W + 1)
  ) i_rules (
      .clk_i  (clk_i),
      .rst_ni (rst_ni),
      .valid_i(valid_o),
      .ready_i(ready_i),
      .data_i ({last_o, data_o})
  );
endmodule
