// Holds up to DEPTH beats of a stream, in LUT RAM, which is read in the same cycle: latency 1. ready_o is a register: a full
// FIFO that emits accepts again in the next cycle, which is what keeps the ready paths of a chain of units short.
// Rejected: block RAM, which no stream here is deep enough to be worth and which costs a cycle and an output register.
`include "askew_assert.svh"

module askew_stream_fifo #(
    parameter int unsigned WIDTH = 8,  // bits of data, at least 1
    parameter int unsigned DEPTH = 2,  // beats, at least 1; 1 passes a beat every second cycle
    localparam int unsigned LevelWidth = askew_pkg::count_width(DEPTH)
) (
    input  logic                  clk_i,
    input  logic                  rst_ni,
    input  logic                  valid_i,
    output logic                  ready_o,
    input  logic [     WIDTH-1:0] data_i,
    input  logic                  last_i,
    output logic                  valid_o,
    input  logic                  ready_i,
    output logic [     WIDTH-1:0] data_o,
    output logic                  last_o,
    output logic [LevelWidth-1:0] level_o  // beats held
);
  localparam int unsigned AddressWidth = askew_pkg::index_width(DEPTH);
  localparam logic [AddressWidth-1:0] LastAddress = AddressWidth'(DEPTH - 1);

  logic [LevelWidth-1:0] level_d, level_q;
  logic full_q;
  logic [AddressWidth-1:0] write_q, read_q;
  logic accept, emit, valid_q;

  assign accept = valid_i && ready_o;
  assign emit = valid_o && ready_i;

  always_comb begin
    level_d = level_q;
    if (accept && !emit) level_d = level_q + LevelWidth'(1);
    if (emit && !accept) level_d = level_q - LevelWidth'(1);
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      level_q <= '0;
      full_q  <= 1'b0;
      write_q <= '0;
      read_q  <= '0;
    end else begin
      level_q <= level_d;
      full_q  <= level_d == LevelWidth'(DEPTH);
      if (accept) write_q <= write_q == LastAddress ? '0 : write_q + AddressWidth'(1);
      if (emit) read_q <= read_q == LastAddress ? '0 : read_q + AddressWidth'(1);
    end
  end

  assign ready_o = !full_q;
  assign level_o = level_q;

  always_ff @(posedge clk_i) valid_q <= rst_ni && level_d != '0;
  assign valid_o = valid_q;
  (* ram_style = "distributed" *) logic [WIDTH:0] ram[DEPTH];
  always_ff @(posedge clk_i) if (accept) ram[write_q] <= {last_i, data_i};
  assign {last_o, data_o} = ram[read_q];

`ifdef FORMAL
  // What the induction needs to know.
  `ASKEW_ASSERT(ReadInside, clk_i, rst_ni, 32'(read_q) < DEPTH, "the read pointer is one of the RAM")
  `ASKEW_ASSERT(PointersApart, clk_i, rst_ni, 32'(write_q) == (32'(read_q) + 32'(level_q)) % DEPTH,
                "the write pointer is as far ahead of the read pointer as beats are held")
`endif

  if (DEPTH < 1) begin : gen_check_depth
    $error("askew_stream_fifo: DEPTH (%0d) must be at least 1", DEPTH);
  end

  askew_stream_rules #(
      .WIDTH(WIDTH + 1)
  ) i_rules (
      .clk_i  (clk_i),
      .rst_ni (rst_ni),
      .valid_i(valid_o),
      .ready_i(ready_i),
      .data_i ({last_o, data_o})
  );
endmodule
