// AXI4-Lite registers of an accelerator: what it is, and what it has counted; docs/registers.md and askew_registers_pkg say
// where. The network's hash is a memory file like the weights, so that the two cannot part and a compiled simulation serves
// every network of one structure. No output depends on an input of the same cycle (AMBA IHI 0022, A3.2.1): a write is
// accepted in the cycle after both its channels are there, a read while no answer waits. An address without a register
// answers SLVERR and 0. Rejected: registers in front of the channels, as no driver reads these often enough to need more.
module askew_axil_regs #(
    parameter HASH_FILE = "",  // words of 32 bits: the network hash from its first hexadecimal digit on; "": zeros
    parameter logic [31:0] VERSION = '0
) (
    input  logic                          clk_i,
    input  logic                          rst_ni,
    input  logic                          awvalid_i,
    output logic                          awready_o,
    input  askew_registers_pkg::address_t awaddr_i,
    input  logic                          wvalid_i,
    output logic                          wready_o,
    input  logic [                  31:0] wdata_i,
    input  logic [                   3:0] wstrb_i,
    output logic                          bvalid_o,
    input  logic                          bready_i,
    output logic [                   1:0] bresp_o,
    input  logic                          arvalid_i,
    output logic                          arready_o,
    input  askew_registers_pkg::address_t araddr_i,
    output logic                          rvalid_o,
    input  logic                          rready_i,
    output logic [                  31:0] rdata_o,
    output logic [                   1:0] rresp_o,
    // Each 1 in every cycle in which it happens.
    input  logic                          frame_in_i,
    input  logic                          frame_out_i,
    input  logic                          stall_in_i,
    input  logic                          stall_out_i,
    input  logic                          short_i,
    input  logic                          long_i,
    output logic                          strict_o    // every frame must have its own TLAST
);
  localparam logic [1:0] Okay = 2'b00, SlaveError = 2'b10;
  localparam int unsigned UsedWidth = askew_registers_pkg::UsedWidth;
  localparam int unsigned HashWidth = askew_pkg::index_width(askew_registers_pkg::NetworkHashWords);
  localparam int unsigned Counters = askew_registers_pkg::CounterCount;
  typedef askew_registers_pkg::address_t address_t;

  // A word's byte address; what lies above all registers is told from them apart.
  logic [UsedWidth-1:0] write_address, read_address;
  logic write_outside, read_outside, unused_bits;
  assign write_address = {awaddr_i[UsedWidth-1:2], 2'b00};
  assign read_address = {araddr_i[UsedWidth-1:2], 2'b00};
  assign write_outside = awaddr_i[askew_registers_pkg::AddressWidth-1:UsedWidth] != '0;
  assign read_outside = araddr_i[askew_registers_pkg::AddressWidth-1:UsedWidth] != '0;
  assign unused_bits = &{1'b0, awaddr_i[1:0], araddr_i[1:0], wdata_i[31:2], wstrb_i[3:1]};

  // Handshakes.
  logic write_ready_q, write, read;
  assign awready_o = write_ready_q;
  assign wready_o  = write_ready_q;
  assign arready_o = !rvalid_o;
  assign write = write_ready_q && awvalid_i && wvalid_i;
  assign read = arvalid_i && arready_o;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      write_ready_q <= 1'b0;
      bvalid_o <= 1'b0;
      rvalid_o <= 1'b0;
    end else begin
      write_ready_q <= awvalid_i && wvalid_i && !write_ready_q && !bvalid_o;
      bvalid_o <= write || (bvalid_o && !bready_i);
      rvalid_o <= read || (rvalid_o && !rready_i);
    end
  end

  // Writing.
  logic to_errors, to_control, control, clear_counters;
  logic [1:0] clear_errors, errors_q;
  assign to_errors = !write_outside && write_address == UsedWidth'(askew_registers_pkg::ErrorsAddress);
  assign to_control = !write_outside && write_address == UsedWidth'(askew_registers_pkg::ControlAddress);
  assign control = write && to_control && wstrb_i[0];
  assign clear_counters = control && wdata_i[askew_registers_pkg::ControlClearCountersBit];
  always_ff @(posedge clk_i) begin
    if (!rst_ni) strict_o <= 1'b0;
    else if (control) strict_o <= wdata_i[askew_registers_pkg::ControlStrictBit];
  end
  assign clear_errors = write && to_errors && wstrb_i[0] ? {
    wdata_i[askew_registers_pkg::ErrorsLongFrameBit], wdata_i[askew_registers_pkg::ErrorsShortFrameBit]
  } : 2'b00;
  always_ff @(posedge clk_i) if (write) bresp_o <= to_errors || to_control ? Okay : SlaveError;

  // Flags and counters.
  logic [Counters-1:0] events;
  logic [32*Counters-1:0] counters_q;
  always_comb begin
    events = '0;
    events[askew_registers_pkg::FramesInCounter] = frame_in_i;
    events[askew_registers_pkg::FramesOutCounter] = frame_out_i;
    events[askew_registers_pkg::InputStallsCounter] = stall_in_i;
    events[askew_registers_pkg::OutputStallsCounter] = stall_out_i;
    events[askew_registers_pkg::ShortFramesCounter] = short_i;
    events[askew_registers_pkg::LongFramesCounter] = long_i;
    events[askew_registers_pkg::CyclesCounter] = 1'b1;
  end
  for (genvar i = 0; i < Counters; i++) begin : gen_counter
    always_ff @(posedge clk_i) begin
      if (!rst_ni || clear_counters) counters_q[32*i+:32] <= '0;
      else counters_q[32*i+:32] <= counters_q[32*i+:32] + 32'(events[i]);
    end
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) errors_q <= '0;
    else errors_q <= {long_i, short_i} | (errors_q & ~clear_errors);
  end

  // Reading. The hash and all that is constant are functions of the address, which synthesis merges.
  logic [HashWidth-1:0] hash_index;
  logic [UsedWidth-1:0] from_hash, from_counters;
  logic [31:0] hash_word, value;
  logic mapped;
  assign from_hash = read_address - UsedWidth'(askew_registers_pkg::NetworkHashAddress);
  assign from_counters = read_address - UsedWidth'(askew_registers_pkg::FirstCounterAddress);
  assign hash_index = from_hash[2+:HashWidth];
  if (HASH_FILE == "") begin : gen_no_hash
    logic unused_index;
    assign unused_index = ^hash_index;
    assign hash_word = '0;
  end else begin : gen_hash
    logic [31:0] words[askew_registers_pkg::NetworkHashWords];
    initial $readmemh(HASH_FILE, words);
    assign hash_word = words[hash_index];
  end
  always_comb begin
    value  = '0;
    mapped = !read_outside;
    if (read_address == UsedWidth'(askew_registers_pkg::MagicAddress)) value = askew_registers_pkg::MagicValue;
    else if (read_address == UsedWidth'(askew_registers_pkg::VersionAddress)) value = VERSION;
    else if (read_address == UsedWidth'(askew_registers_pkg::ErrorsAddress)) begin
      value[askew_registers_pkg::ErrorsShortFrameBit] = errors_q[0];
      value[askew_registers_pkg::ErrorsLongFrameBit] = errors_q[1];
    end else if (read_address == UsedWidth'(askew_registers_pkg::ControlAddress)) value = '0;
    else if (from_counters < UsedWidth'(4 * Counters)) value = counters_q[8*32'(from_counters)+:32];
    else if (from_hash < UsedWidth'(4 * askew_registers_pkg::NetworkHashWords)) value = hash_word;
    else mapped = 1'b0;
  end
  always_ff @(posedge clk_i) begin
    if (read) begin
      rdata_o <= mapped ? value : '0;
      rresp_o <= mapped ? Okay : SlaveError;
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
