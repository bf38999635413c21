// Bytes to serial bits, 8N1; a bit lasts MODULUS/STEP cycles on average.
module askew_uart_tx #(
    parameter int unsigned STEP = 1,  // with MODULUS: baud rate / clock
    parameter int unsigned MODULUS = 16  // at least 8 STEP
) (
    input  logic       clk_i,
    input  logic       rst_ni,
    input  logic       valid_i,
    output logic       ready_o,
    input  logic [7:0] data_i,
    output logic       tx_o
);
  localparam int unsigned PhaseWidth = $clog2(MODULUS + STEP);
  logic [9:0] shift_q;  // stop bit, data, start bit; ones while idle
  logic [3:0] left_q;  // bits to send
  logic [PhaseWidth-1:0] phase_q;
  logic tick;

  assign ready_o = left_q == '0;
  assign tick = phase_q >= PhaseWidth'(MODULUS - STEP);
  assign tx_o = shift_q[0];
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      shift_q <= '1;
      left_q  <= '0;
      phase_q <= '0;
    end else if (ready_o) begin
      phase_q <= '0;
      if (valid_i) begin
        shift_q <= {1'b1, data_i, 1'b0};
        left_q  <= 4'd10;
      end
    end else begin
      phase_q <= tick ? phase_q - PhaseWidth'(MODULUS - STEP) : phase_q + PhaseWidth'(STEP);
      if (tick) begin
        shift_q <= {1'b1, shift_q[9:1]};
        left_q  <= left_q - 4'd1;
      end
    end
  end
endmodule
