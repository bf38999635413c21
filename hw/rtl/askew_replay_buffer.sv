// A FIFO with rewind: every group of COUNT beats is sent REPEATS times, and its places are freed in the last pass. A beat
// that was accepted in one cycle can be sent in the next, so the first pass needs not wait for the whole group, and with
// DEPTH 2*COUNT the next group comes in while this one is repeated. FINN's units have one group's buffer and accept
// nothing while they repeat it: every vector then costs its own arrival, unless a FIFO of COUNT stands in front.
module askew_replay_buffer #(
    parameter int unsigned WIDTH = 8,  // bits of data
    parameter int unsigned COUNT = 4,  // beats of a group, at least 2
    parameter int unsigned REPEATS = 2,  // at least 2
    parameter int unsigned DEPTH = 8  // beats held, at least COUNT
) (
    input  logic             clk_i,
    input  logic             rst_ni,
    input  logic             valid_i,
    output logic             ready_o,
    input  logic [WIDTH-1:0] data_i,
    output logic             valid_o,
    input  logic             ready_i,
    output logic [WIDTH-1:0] data_o,
    output logic             count_first_o,  // the beat is the first of its group
    output logic             count_last_o,   // .. the last of its group
    output logic             repeat_last_o   // .. sent for the last time
);
  localparam int unsigned AddressWidth = askew_pkg::index_width(DEPTH);
  localparam int unsigned LevelWidth = askew_pkg::count_width(DEPTH);
  localparam int unsigned CountWidth = askew_pkg::index_width(COUNT);
  localparam int unsigned RepeatWidth = askew_pkg::index_width(REPEATS);

  (* ram_style = "distributed" *) logic [WIDTH-1:0] ram[DEPTH];
  logic [AddressWidth-1:0] write_q, read_q, group_q, read_next;  // group_q: where the group begins
  logic [LevelWidth-1:0] held_d, held_q;  // beats written and not yet freed
  logic [CountWidth-1:0] count_q;  // beats of the group sent in this pass
  logic [RepeatWidth-1:0] repeat_q;
  logic full_q, first_pass_q, accept, emit, free;

  function automatic logic [AddressWidth-1:0] next(input logic [AddressWidth-1:0] address);
    next = address == AddressWidth'(DEPTH - 1) ? '0 : address + AddressWidth'(1);
  endfunction

  assign accept = valid_i && ready_o;
  assign emit = valid_o && ready_i;
  assign free = emit && repeat_last_o;
  assign read_next = next(read_q);
  assign count_first_o = count_q == '0;
  assign count_last_o = count_q == CountWidth'(COUNT - 1);
  assign repeat_last_o = repeat_q == RepeatWidth'(REPEATS - 1);

  // In the first pass, count_q of the held beats have been sent; after it the group is there as a whole.
  assign valid_o = !first_pass_q || held_q > LevelWidth'(count_q);
  assign ready_o = !full_q;
  assign data_o = ram[read_q];

  always_comb begin
    held_d = held_q;
    if (accept && !free) held_d = held_q + LevelWidth'(1);
    if (free && !accept) held_d = held_q - LevelWidth'(1);
  end

  always_ff @(posedge clk_i) if (accept) ram[write_q] <= data_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      write_q <= '0;
      read_q <= '0;
      group_q <= '0;
      held_q <= '0;
      full_q <= 1'b0;
      count_q <= '0;
      repeat_q <= '0;
      first_pass_q <= 1'b1;
    end else begin
      held_q <= held_d;
      full_q <= held_d == LevelWidth'(DEPTH);
      if (accept) write_q <= next(write_q);
      if (emit) begin
        count_q <= count_last_o ? '0 : count_q + CountWidth'(1);
        read_q  <= count_last_o && !repeat_last_o ? group_q : read_next;
        if (count_last_o) begin
          repeat_q <= repeat_last_o ? '0 : repeat_q + RepeatWidth'(1);
          first_pass_q <= repeat_last_o;
          if (repeat_last_o) group_q <= read_next;
        end
      end
    end
  end

  if (COUNT < 2 || REPEATS < 2) begin : gen_check_counts
    $error("askew_replay_buffer: COUNT (%0d) and REPEATS (%0d) must be at least 2", COUNT, REPEATS);
  end
  if (DEPTH < COUNT) begin : gen_check_depth
    $error("askew_replay_buffer: DEPTH (%0d) must be at least COUNT (%0d)", DEPTH, COUNT);
  end

  askew_stream_rules #(
      .WIDTH(WIDTH)
  ) i_rules (
      .clk_i  (clk_i),
      .rst_ni (rst_ni),
      .valid_i(valid_o),
      .ready_i(ready_i),
      .data_i (data_o)
  );
endmodule
