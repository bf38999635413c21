// AXI4-Lite registers of an accelerator: what it is, and what it has counted. Byte address: 0x00 "ASKW", 0x04 VERSION, 0x08 error
// flags (bit 0 short frame, bit 1 long frame; write 1 to clear), 0x0c control (write bit 0: counters to 0), then
// counters: 0x10 frames in, 0x14 frames out, 0x18 input stall cycles, 0x1c output stall cycles, 0x20 short frames,
// 0x24 long frames, 0x28 cycles since they were cleared; 0x40..0x5c the network's hash, its first eight digits first: a memory
// file like the weights, so that the two cannot part and a compiled simulation serves every network of one structure.
// Other addresses answer SLVERR. One access at a time: no driver reads these often enough to need more.
module askew_axil_regs #(
    parameter HASH_FILE = "",  // 8 words of 32 bits: the network hash from its first hexadecimal digit on
    parameter logic [31:0] VERSION = '0
) (
    input  logic        clk_i,
    input  logic        rst_ni,
    input  logic        awvalid_i,
    output logic        awready_o,
    input  logic [ 6:0] awaddr_i,
    input  logic        wvalid_i,
    output logic        wready_o,
    input  logic [31:0] wdata_i,
    input  logic [ 3:0] wstrb_i,
    output logic        bvalid_o,
    input  logic        bready_i,
    output logic [ 1:0] bresp_o,
    input  logic        arvalid_i,
    output logic        arready_o,
    input  logic [ 6:0] araddr_i,
    output logic        rvalid_o,
    input  logic        rready_i,
    output logic [31:0] rdata_o,
    output logic [ 1:0] rresp_o,
    // Each 1 in every cycle in which it happens.
    input  logic        frame_in_i,
    input  logic        frame_out_i,
    input  logic        stall_in_i,
    input  logic        stall_out_i,
    input  logic        short_i,
    input  logic        long_i
);
  localparam logic [1:0] Okay = 2'b00, SlaveError = 2'b10;
  localparam int unsigned Counters = 7;
  localparam logic [4:0] Identity = 5'd0, Version = 5'd1, Errors = 5'd2, Control = 5'd3, FirstCounter = 5'd4;
  localparam logic [4:0] FirstHash = 5'd16;
  localparam logic [31:0] Magic = 32'h41534b57;

  logic write, read, clear;
  logic [4:0] write_word, read_word;
  logic unused_bits;
  assign write = awvalid_i && wvalid_i && (!bvalid_o || bready_i);
  assign read = arvalid_i && (!rvalid_o || rready_i);
  assign awready_o = write;
  assign wready_o = write;
  assign arready_o = read;
  assign write_word = awaddr_i[6:2];
  assign read_word = araddr_i[6:2];
  assign unused_bits = &{1'b0, awaddr_i[1:0], araddr_i[1:0], wdata_i[31:2], wstrb_i[3:1]};

  // Flags and counters.
  logic [1:0] errors_q;
  logic [32*Counters-1:0] counters_q;
  logic [Counters-1:0] events;
  assign events = {1'b1, long_i, short_i, stall_out_i, stall_in_i, frame_out_i, frame_in_i};
  assign clear  = write && write_word == Control && wstrb_i[0] && wdata_i[0];
  for (genvar i = 0; i < Counters; i++) begin : gen_counter
    always_ff @(posedge clk_i) begin
      if (!rst_ni || clear) counters_q[32*i+:32] <= '0;
      else counters_q[32*i+:32] <= counters_q[32*i+:32] + 32'(events[i]);
    end
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) errors_q <= '0;
    else begin
      errors_q <= {long_i, short_i} | (errors_q & ~(write && write_word == Errors && wstrb_i[0] ? wdata_i[1:0] : 2'b00));
    end
  end

  // Reading.
  logic [31:0] hash_word, value_q;
  logic is_hash, is_hash_q;
  assign is_hash = read_word >= FirstHash && read_word < FirstHash + 5'd8;
  askew_rom #(
      .WIDTH(32),
      .DEPTH(8),
      .STYLE(askew_pkg::RomLut),
      .FILE (HASH_FILE)
  ) i_hash (
      .clk_i    (clk_i),
      .ce_i     (read),
      .address_i(read_word[2:0]),
      .word_o   (hash_word)
  );
  assign rdata_o = is_hash_q ? hash_word : value_q;
  logic [31:0] value;
  logic mapped;
  always_comb begin
    value  = '0;
    mapped = 1'b1;
    if (read_word == Identity) value = Magic;
    else if (read_word == Version) value = VERSION;
    else if (read_word == Errors) value = 32'(errors_q);
    else if (read_word == Control) value = '0;
    else if (is_hash) value = '0;
    else if (read_word >= FirstCounter && read_word < FirstCounter + 5'(Counters)) begin
      value = counters_q[32*(32'(read_word)-32'(FirstCounter))+:32];
    end else begin
      mapped = 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      bvalid_o <= 1'b0;
      rvalid_o <= 1'b0;
    end else begin
      bvalid_o <= write || (bvalid_o && !bready_i);
      rvalid_o <= read || (rvalid_o && !rready_i);
    end
  end
  always_ff @(posedge clk_i) begin
    if (write) bresp_o <= write_word == Errors || write_word == Control ? Okay : SlaveError;
    if (read) begin
      value_q   <= value;
      is_hash_q <= is_hash;
      rresp_o   <= mapped ? Okay : SlaveError;
    end
  end

  askew_stream_rules #(
      .WIDTH(2)
  ) i_write_rules (
      .clk_i  (clk_i),
      .rst_ni (rst_ni),
      .valid_i(bvalid_o),
      .ready_i(bready_i),
      .data_i (bresp_o)
  );
  askew_stream_rules #(
      .WIDTH(34)
  ) i_read_rules (
      .clk_i  (clk_i),
      .rst_ni (rst_ni),
      .valid_i(rvalid_o),
      .ready_i(rready_i),
      .data_i ({rresp_o, rdata_o})
  );
endmodule
