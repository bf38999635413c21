// Watches one stream unit: bit number `watched` of all that goes in must come out as bit number `watched`, for every value of
// `watched` that fits the counters; nothing comes out that has not gone in, no more than CAPACITY bits stay inside, and
// OUT_W bits inside are offered.
module askew_order_check #(
    parameter int unsigned IN_W = 2,
    parameter int unsigned OUT_W = 2,
    parameter int unsigned CAPACITY = 4  // bits
) (
    input logic             clk_i,
    input logic             rst_ni,
    input logic             valid_i,
    input logic             ready_o,
    input logic [ IN_W-1:0] data_i,
    input logic             valid_o,
    input logic             ready_i,
    input logic [OUT_W-1:0] data_o
);
  (* anyconst *) logic [6:0] watched;
  logic [6:0] in_q, out_q;  // bits that went in and came out; they may not wrap within a bounded proof
  logic [6:0] held;
  logic seen_q, value_q;
  assign held = in_q - out_q;
  always_comb assume (watched < 7'd96);

  logic [6:0] in_index, out_index;
  assign in_index  = watched - in_q;
  assign out_index = watched - out_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      in_q <= '0;
      out_q <= '0;
      seen_q <= 1'b0;
    end else begin
      assume (in_q < 7'd96);
      if (valid_i && ready_o) begin
        in_q <= in_q + 7'(IN_W);
        if (!seen_q && in_index < 7'(IN_W)) begin
          seen_q  <= 1'b1;
          value_q <= 1'(data_i >> in_index);
        end
      end
      if (valid_o && ready_i) begin
        out_q <= out_q + 7'(OUT_W);
        if (watched >= out_q && out_index < 7'(OUT_W)) begin
          assert (seen_q && 1'(data_o >> out_index) == value_q);
        end
      end
      assert (valid_o == (held >= 7'(OUT_W)));
      assert (held <= 7'(CAPACITY));
      if (held == '0) assert (ready_o);
    end
  end
endmodule
