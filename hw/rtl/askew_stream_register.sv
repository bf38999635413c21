// Cuts every path of a stream, ready included: two registers, the second of which takes the beat that arrives in the cycle
// in which the output is found blocked. Latency 1, a beat a cycle. A single register (half the flip-flops) would either
// let ready through or pass a beat only every second cycle.
module askew_stream_register #(
    parameter int unsigned WIDTH = 8  // bits of data, at least 1
) (
    input  logic             clk_i,
    input  logic             rst_ni,
    input  logic             valid_i,
    output logic             ready_o,
    input  logic [WIDTH-1:0] data_i,
    input  logic             last_i,
    output logic             valid_o,
    input  logic             ready_i,
    output logic [WIDTH-1:0] data_o,
    output logic             last_o
);
  logic valid_d, valid_q;  // the output register holds a beat
  logic spare_d, spare_q;  // so does the one behind it
  logic [WIDTH:0] output_q, spare_data_q;
  logic accept, emit, load_output;

  assign accept = valid_i && ready_o;
  assign emit = valid_o && ready_i;
  assign load_output = emit || !valid_q;

  always_comb begin
    valid_d = valid_q;
    spare_d = spare_q;
    if (load_output) begin
      valid_d = spare_q || accept;
      spare_d = 1'b0;
    end else if (accept) begin
      spare_d = 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q <= 1'b0;
      spare_q <= 1'b0;
    end else begin
      valid_q <= valid_d;
      spare_q <= spare_d;
    end
  end
  always_ff @(posedge clk_i) begin
    if (load_output) output_q <= spare_q ? spare_data_q : {last_i, data_i};
    if (accept) spare_data_q <= {last_i, data_i};
  end

  assign ready_o = !spare_q;
  assign valid_o = valid_q;
  assign {last_o, data_o} = output_q;

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
