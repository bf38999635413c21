// One stream unit with free neighbours. The stream rules inside the unit are proved by induction; with CHECK_ORDER, a
// bounded proof adds what needs the whole history.
module askew_stream_proof #(
    parameter int unsigned IS_FIFO = 0,  // 1: askew_stream_fifo, 0: askew_width_converter
    parameter int unsigned IN_W = 2,
    parameter int unsigned OUT_W = 2,
    parameter int unsigned DEPTH = 2,
    parameter int unsigned CHECK_ORDER = 0
) (
    input logic clk_i,
    input logic valid_i,
    input logic [IN_W-1:0] data_i,
    input logic ready_i
);
  function automatic int unsigned gcd(input int unsigned a, input int unsigned b);
    gcd = 1;
    for (int unsigned i = 2; i <= a; i++) if (a % i == 0 && b % i == 0) gcd = i;
  endfunction

  logic rst_ni, ready_o, valid_o, last_o;
  logic [OUT_W-1:0] data_o;
  initial rst_ni = 1'b0;
  always_ff @(posedge clk_i) rst_ni <= 1'b1;

  if (IS_FIFO != 0) begin : gen_fifo
    logic [askew_pkg::count_width(DEPTH)-1:0] level_o, level_q;
    logic change_q;
    askew_stream_fifo #(
        .WIDTH(IN_W),
        .DEPTH(DEPTH)
    ) i_unit (
        .last_i(1'b0),
        .*
    );
    always_ff @(posedge clk_i) begin
      change_q <= rst_ni;
      level_q <= level_o + ((valid_i && ready_o) ? 1 : 0) - ((valid_o && ready_i) ? 1 : 0);
      if (rst_ni) begin
        assert (level_o <= DEPTH);
        assert (ready_o == (level_o != DEPTH));
        assert (valid_o == (level_o != 0));
        if (change_q) assert (level_o == level_q);
      end
    end
  end else begin : gen_converter
    askew_width_converter #(
        .IN_W (IN_W),
        .OUT_W(OUT_W)
    ) i_unit (
        .last_i(1'b0),
        .*
    );
  end

  if (CHECK_ORDER != 0) begin : gen_order
    askew_order_check #(
        .IN_W(IN_W),
        .OUT_W(OUT_W),
        .CAPACITY(IS_FIFO != 0 ? DEPTH * IN_W : IN_W + OUT_W - gcd(IN_W, OUT_W))
    ) i_order (
        .*
    );
  end
endmodule
