// Serial bits to bytes, 8N1. A bit lasts MODULUS/STEP cycles on average, so that any baud rate is met by any clock; each is
// looked at once, in its middle. A byte without its stop bit is dropped. Rejected: a majority of three looks, as the line
// is a few centimetres between two chips of one board and every packet has its check.
module askew_uart_rx #(
    parameter int unsigned STEP = 1,  // with MODULUS: baud rate / clock
    parameter int unsigned MODULUS = 16  // at least 8 STEP
) (
    input  logic       clk_i,
    input  logic       rst_ni,
    input  logic       rx_i,     // asynchronous; 1 while idle
    output logic       valid_o,  // for one cycle
    output logic [7:0] data_o
);
  localparam int unsigned PhaseWidth = $clog2(MODULUS + STEP);
  logic [2:0] sync_q;  // the last is the level one cycle ago
  logic [7:0] shift_q;
  logic [3:0] bit_q;
  logic [PhaseWidth-1:0] phase_q, phase_next;
  logic active_q, level, tick;

  assign data_o = shift_q;
  assign level = sync_q[1];
  assign tick = phase_q >= PhaseWidth'(MODULUS - STEP);
  assign phase_next = tick ? phase_q - PhaseWidth'(MODULUS - STEP) : phase_q + PhaseWidth'(STEP);

  always_ff @(posedge clk_i) begin
    sync_q <= {sync_q[1:0], rx_i};
    if (tick && active_q && bit_q <= 4'd8) shift_q <= {level, shift_q[7:1]};
    if (!rst_ni) begin
      sync_q   <= '1;
      active_q <= 1'b0;
      valid_o  <= 1'b0;
      bit_q    <= '0;
      phase_q  <= '0;
    end else begin
      valid_o <= 1'b0;
      if (!active_q) begin
        active_q <= sync_q[2] && !level;
        phase_q  <= PhaseWidth'(MODULUS / 2);
        bit_q    <= '0;
      end else begin
        phase_q <= phase_next;
        if (tick) begin
          bit_q <= bit_q + 4'd1;
          if (bit_q == 4'd0 && level) active_q <= 1'b0;  // a spike, no start bit
          if (bit_q == 4'd9) begin
            active_q <= 1'b0;
            valid_o  <= level;
          end
        end
      end
    end
  end
endmodule
