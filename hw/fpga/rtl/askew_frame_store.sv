// Holds one frame, and streams it as often as it is told to, a beat a cycle. The next frame may be written behind what has
// been read for the last time; `blocked_o` says that a beat may not be written yet. A beat is written in the cycle after it
// was allowed: a wide memory lies all over the chip, and its enable is then a register's. What may be written may be written
// a cycle later, too, as a new frame is whole only after its last beat.
module askew_frame_store #(
    parameter int unsigned WIDTH = 8,  // bits of a beat
    parameter int unsigned BEATS = 2,  // of a frame, at least 1
    parameter int unsigned COUNT_W = 16,  // bits of the number of repeats
    localparam int unsigned AddressWidth = askew_pkg::index_width(BEATS)
) (
    input  logic                    clk_i,
    input  logic                    rst_ni,
    input  logic                    write_i,
    input  logic [AddressWidth-1:0] address_i,
    input  logic [       WIDTH-1:0] data_i,  // in the cycle after write_i
    output logic                    blocked_o,
    input  logic                    whole_i,     // the frame is written and may be streamed
    output logic                    occupied_o,  // a whole frame waits or is streamed
    input  logic                    start_i,     // stream it now; once for each frame
    input  logic [     COUNT_W-1:0] repeats_i,   // in the cycle of start; 0 is 2^COUNT_W
    output logic                    valid_o,
    input  logic                    ready_i,
    output logic [       WIDTH-1:0] data_o,
    output logic                    last_o
);
  logic [WIDTH-1:0] beats[BEATS];
  logic [AddressWidth-1:0] address_q, write_address_q;
  logic [COUNT_W-1:0] left_q;  // repeats after this one
  logic occupied_q, streaming_q, write_q, ce, read, at_end;

  assign occupied_o = occupied_q;
  assign blocked_o = occupied_q && !(streaming_q && left_q == '0 && address_q > address_i);
  assign ce = !valid_o || ready_i;
  assign read = ce && streaming_q;
  assign at_end = address_q == AddressWidth'(BEATS - 1);

  always_ff @(posedge clk_i) begin
    write_address_q <= address_i;
    if (write_q) beats[write_address_q] <= data_i;
    if (read) data_o <= beats[address_q];
  end
  always_ff @(posedge clk_i) begin
    if (read) last_o <= at_end;
    if (!rst_ni) begin
      occupied_q <= 1'b0;
      streaming_q <= 1'b0;
      write_q <= 1'b0;
      valid_o <= 1'b0;
      address_q <= '0;
      left_q <= '0;
    end else begin
      write_q <= write_i && !blocked_o;
      if (ce) valid_o <= streaming_q;
      if (whole_i) occupied_q <= 1'b1;
      if (start_i) begin
        streaming_q <= 1'b1;
        address_q   <= '0;
        left_q      <= repeats_i - COUNT_W'(1);
      end else if (read) begin
        address_q <= at_end ? '0 : address_q + AddressWidth'(1);
        if (at_end) begin
          left_q <= left_q - COUNT_W'(1);
          if (left_q == '0) begin
            streaming_q <= 1'b0;
            occupied_q  <= 1'b0;
          end
        end
      end
    end
  end
endmodule
