// The protocol between a computer and `askew_uart_shell`: bytes over a serial line, 8N1. Every packet ends with its CRC-16
// (polynomial 0x1021, from 0xffff, the high byte first), so that the CRC over a whole packet is 0. hw/uart/protocol.py is the
// other end, and a test holds the two to each other.
package askew_uart_pkg;
  localparam logic [7:0] CommandFrame = 8'h46;  // F, number, repeats (2), a byte a pixel and channel, CRC
  localparam logic [7:0] CommandIdentify = 8'h49;  // I, CRC
  localparam logic [7:0] ReplyLabel = 8'h4c;  // L, number, label (2), cycles (4), every score, CRC
  localparam logic [7:0] ReplyIdentity = 8'h49;  // I, the identity file, CRC
  localparam logic [7:0] ReplyError = 8'h45;  // E, one of the errors below, CRC
  typedef enum logic [7:0] {
    ErrorCheck = 8'd1,  // the CRC of a packet was wrong; nothing was done
    ErrorBusy = 8'd2,  // a frame came while another one was waiting or streaming; it was dropped
    ErrorIncomplete = 8'd3  // a packet stopped in its middle
  } error_e;
  localparam logic [15:0] CrcStart = 16'hffff;

  // CRC-16 after one more byte.
  function automatic logic [15:0] crc_next(input logic [15:0] crc, input logic [7:0] value);
    crc_next = crc ^ {value, 8'h00};
    for (int unsigned i = 0; i < 8; i++) crc_next = {crc_next[14:0], 1'b0} ^ (crc_next[15] ? 16'h1021 : 16'h0000);
  endfunction
endpackage
