// Holds up to DEPTH beats of a stream. Latency 1 with a RAM that is read in the same cycle, 2 with block RAM, whose
// output register then is one of the DEPTH places. ready_o is a register: a full FIFO that emits accepts again in
// the next cycle, which is what keeps the ready paths of a chain of units short.
module askew_stream_fifo #(
    parameter int unsigned WIDTH = 8,  // bits of data, at least 1
    parameter int unsigned DEPTH = 2,  // beats, at least 1; 1 passes a beat every second cycle
    parameter int unsigned STYLE = 0,  // 0: as the tool likes, 1: LUT RAM, 2: block RAM (DEPTH at least 2)
    localparam int unsigned LevelWidth = $clog2(DEPTH + 1)
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
  localparam int unsigned AddressWidth = DEPTH > 1 ? $clog2(DEPTH) : 1;
  localparam logic [AddressWidth-1:0] LastAddress = AddressWidth'(DEPTH - 1);

  logic [LevelWidth-1:0] level_d, level_q;
  logic full_q;
  logic [AddressWidth-1:0] write_q, read_q;
  logic accept, emit, fetch;  // fetch: a beat leaves the RAM

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
      if (fetch) read_q <= read_q == LastAddress ? '0 : read_q + AddressWidth'(1);
    end
  end

  assign ready_o = !full_q;
  assign level_o = level_q;

  if (STYLE == 2) begin : gen_block
    (* ram_style = "block" *) logic [WIDTH:0] ram[DEPTH];
    logic [WIDTH:0] output_q;
    logic valid_q, stored;  // stored: the RAM holds a beat beside the output register's

    assign stored = level_q != LevelWidth'(valid_q);
    assign fetch  = stored && (!valid_q || ready_i);
    always_ff @(posedge clk_i) begin
      if (!rst_ni) valid_q <= 1'b0;
      else valid_q <= fetch || (valid_q && !ready_i);
    end
    always_ff @(posedge clk_i) begin
      if (accept) ram[write_q] <= {last_i, data_i};
      if (fetch) output_q <= ram[read_q];
    end
    assign valid_o = valid_q;
    assign {last_o, data_o} = output_q;
  end else begin : gen_distributed
    logic valid_q;
    always_ff @(posedge clk_i) valid_q <= rst_ni && level_d != '0;
    assign fetch   = emit;
    assign valid_o = valid_q;
    if (STYLE == 1) begin : gen_lut
      (* ram_style = "distributed" *) logic [WIDTH:0] ram[DEPTH];
      always_ff @(posedge clk_i) if (accept) ram[write_q] <= {last_i, data_i};
      assign {last_o, data_o} = ram[read_q];
    end else begin : gen_any
      logic [WIDTH:0] ram[DEPTH];
      always_ff @(posedge clk_i) if (accept) ram[write_q] <= {last_i, data_i};
      assign {last_o, data_o} = ram[read_q];
    end
  end

`ifdef FORMAL
  // The write pointer is as far ahead of the read pointer as the RAM holds beats: what the induction needs to know.
  logic [LevelWidth-1:0] stored_beats;
  assign stored_beats = STYLE == 2 ? level_q - LevelWidth'(valid_o) : level_q;
  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      assert (32'(read_q) < DEPTH);
      assert (32'(write_q) == (32'(read_q) + 32'(stored_beats)) % DEPTH);
    end
  end
`endif

  if (DEPTH < 1 || (STYLE == 2 && DEPTH < 2)) begin : gen_check_depth
    $error("askew_stream_fifo: DEPTH (%0d) must be at least 1, in block RAM (STYLE %0d) at least 2", DEPTH, STYLE);
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
