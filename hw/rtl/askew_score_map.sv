// Turns the last layer's accumulators into scores, PE a beat, by a table with a row a neuron.
// One register: latency 1, a beat a cycle. The table is one ROM a lane, read by (neuron fold, accumulator).
module askew_score_map #(
    parameter int unsigned PE = 1,  // accumulators a beat
    parameter int unsigned NEURON_FOLD = 1,  // beats of a frame
    parameter int unsigned ACC_W = 8,  // bits of an accumulator
    parameter int unsigned SCORE_W = 16,  // bits of a score, two's complement
    parameter int unsigned ENTRIES = 1,  // entries of a neuron's row; accumulators are 0 .. ENTRIES-1
    parameter TABLE_FILE = ""  // NEURON_FOLD*ENTRIES words of PE*SCORE_W bits, word fold*ENTRIES + accumulator
) (
    input  logic                  clk_i,
    input  logic                  rst_ni,
    input  logic                  valid_i,
    output logic                  ready_o,
    input  logic [  PE*ACC_W-1:0] data_i,
    input  logic                  last_i,
    output logic                  valid_o,
    input  logic                  ready_i,
    output logic [PE*SCORE_W-1:0] data_o,
    output logic                  last_o
);
  logic ce, valid_q;
  assign ce = !valid_q || ready_i;
  assign ready_o = ce;
  assign valid_o = valid_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= 1'b0;
    else if (ce) valid_q <= valid_i;
  end
  always_ff @(posedge clk_i) if (ce) last_o <= last_i;

  localparam int unsigned Words = NEURON_FOLD * ENTRIES;
  localparam int unsigned AddressWidth = askew_pkg::index_width(Words);
  // Counts in entries, so that it is the row's address.
  logic [AddressWidth-1:0] row_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) row_q <= '0;
    else if (ce && valid_i) begin
      row_q <= row_q == AddressWidth'(Words - ENTRIES) ? '0 : row_q + AddressWidth'(ENTRIES);
    end
  end
  for (genvar pe = 0; pe < PE; pe++) begin : gen_lane
    logic [PE*SCORE_W-1:0] word;
    askew_rom #(
        .WIDTH(PE * SCORE_W),
        .DEPTH(Words),
        .FILE (TABLE_FILE)
    ) i_table (
        .clk_i    (clk_i),
        .ce_i     (ce),
        .address_i(AddressWidth'(32'(row_q) + 32'(data_i[pe*ACC_W+:ACC_W]))),
        .word_o   (word)
    );
    assign data_o[pe*SCORE_W+:SCORE_W] = word[pe*SCORE_W+:SCORE_W];
    if (PE > 1) begin : gen_unused
      logic unused_lanes;  // synthesis drops their columns of this lane's copy
      assign unused_lanes = ^word;
    end
  end

  askew_stream_rules #(
      .WIDTH(PE * SCORE_W + 1)
  ) i_rules (
      .clk_i  (clk_i),
      .rst_ni (rst_ni),
      .valid_i(valid_o),
      .ready_i(ready_i),
      .data_i ({last_o, data_o})
  );
endmodule
