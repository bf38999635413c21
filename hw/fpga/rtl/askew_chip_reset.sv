// A reset that begins with the chip's configuration and lasts until 16 cycles after the clock is locked and the button free.
module askew_chip_reset (
    input  logic clk_i,
    input  logic locked_i,  // asynchronous
    input  logic button_i,  // asynchronous, 1 while pressed
    output logic rst_no
);
  logic [1:0] hold_q = '0;  // synchronized
  logic [4:0] count_q = '0;
  assign rst_no = count_q[4];
  always_ff @(posedge clk_i) begin
    hold_q <= {hold_q[0], locked_i && !button_i};
    if (!hold_q[1]) count_q <= '0;
    else if (!rst_no) count_q <= count_q + 5'd1;
  end
endmodule
