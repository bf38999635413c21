// One stream unit with free neighbours. The stream rules inside the unit are proved by induction; with CHECK_ORDER, a
// bounded proof adds what needs the whole history.
module askew_stream_proof #(
    parameter int unsigned KIND = 0,  // 0: stream_register, 1: stream_fifo, 2: width_converter
    parameter int unsigned IN_W = 2,
    parameter int unsigned OUT_W = 2,
    parameter int unsigned DEPTH = 2,
    parameter int unsigned STYLE = 0,
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

  if (KIND == 0) begin : gen_register
    askew_stream_register #(
        .WIDTH(IN_W)
    ) i_unit (
        .last_i(1'b0),
        .*
    );
    // What it holds is what its handshakes say.
    always_ff @(posedge clk_i) if (rst_ni) assert (ready_o || valid_o);
  end else if (KIND == 1) begin : gen_fifo
    logic [$clog2(DEPTH+1)-1:0] level_o, level_q;
    logic change_q;
    askew_stream_fifo #(
        .WIDTH(IN_W),
        .DEPTH(DEPTH),
        .STYLE(STYLE)
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
        assert (!valid_o || level_o != 0);
        if (STYLE != 2) assert (valid_o == (level_o != 0));
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
        .CAPACITY(KIND == 0 ? 2 * IN_W : KIND == 1 ? DEPTH * IN_W : IN_W + OUT_W - gcd(IN_W, OUT_W)),
        .LATENCY(KIND == 1 && STYLE == 2 ? 1 : 0)
    ) i_order (
        .*
    );
  end
endmodule
