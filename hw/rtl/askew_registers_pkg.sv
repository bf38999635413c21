// The AXI4-Lite registers of a design.
// Written by `python -m hw.generator.registers` from its registers.toml; change that table instead.
package askew_registers_pkg;
  localparam int unsigned AddressWidth = 12;
  localparam int unsigned UsedWidth = 7;  // bits of the highest address
  typedef logic [11:0] address_t;  // in bytes

  // Byte addresses.
  typedef enum logic [11:0] {  // Yosys takes no name of a type here
    MagicAddress = 12'h000,  // always 0x41534b57, "ASKW"
    VersionAddress = 12'h004,  // what made the design: Askew 1.2.3 is 0x00010203
    ErrorsAddress = 12'h008,  // what has gone wrong since it was cleared
    ControlAddress = 12'h00c,  // commands
    FramesInAddress = 12'h010,  // frames that came in; in strict mode by their TLAST
    FramesOutAddress = 12'h014,  // labels that were taken
    InputStallsAddress = 12'h018,  // cycles in which an input beat waited
    OutputStallsAddress = 12'h01c,  // cycles in which a label waited
    ShortFramesAddress = 12'h020,  // frames that were too short
    LongFramesAddress = 12'h024,  // frames that were too long
    CyclesAddress = 12'h028,  // cycles since the counters were cleared
    NetworkHashAddress = 12'h040  // SHA-256 of the network, its first eight hexadecimal digits first
  } register_e;

  localparam logic [31:0] MagicValue = 32'h41534b57;
  localparam int unsigned ErrorsShortFrameBit = 0;  // a frame ended too early, and was filled up with zeros
  localparam int unsigned ErrorsLongFrameBit = 1;  // in strict mode: a frame ended too late, and was cut
  localparam int unsigned ControlClearCountersBit = 0;  // writing 1 sets all counters to 0
  localparam int unsigned ControlStrictBit = 1;  // 1, until 0 is written: every frame must have its own TLAST, and one without is too long and cut; 0: a packet may hold several frames
  localparam int unsigned NetworkHashWords = 8;

  // The counters, one after the other.
  localparam int unsigned CounterCount = 7;
  localparam address_t FirstCounterAddress = FramesInAddress;
  localparam int unsigned FramesInCounter = 0;
  localparam int unsigned FramesOutCounter = 1;
  localparam int unsigned InputStallsCounter = 2;
  localparam int unsigned OutputStallsCounter = 3;
  localparam int unsigned ShortFramesCounter = 4;
  localparam int unsigned LongFramesCounter = 5;
  localparam int unsigned CyclesCounter = 6;
endpackage
