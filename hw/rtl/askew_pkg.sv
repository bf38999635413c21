// What the modules share: how wide an index or a count is, and names for what can be chosen. Enumerations are parameters'
// types, so that a number out of range, or of another choice, is an error of elaboration. Functions assign their name:
// Yosys knows no return.
package askew_pkg;
  // Bits of an index 0 .. count - 1; a single thing still has an index of one bit.
  function automatic int unsigned index_width(input int unsigned count);
    index_width = count > 1 ? $clog2(count) : 1;
  endfunction

  // Bits of a count 0 .. most.
  function automatic int unsigned count_width(input int unsigned most);
    count_width = $clog2(most + 1);
  endfunction

  // Which loop of a matrix is the outer one: for every output all inputs, or for every input all outputs.
  typedef enum int unsigned {
    OutputMajor = 0,
    InputMajor  = 1
  } loop_order_e;

  // Where a memory that is only read is: where the tool likes, in LUTs, in block RAM.
  typedef enum int unsigned {
    RomAny   = 0,
    RomLut   = 1,
    RomBlock = 2
  } rom_style_e;

  // How bits are counted: $countones, a compressor tree for any device, the same of Xilinx 7-series primitives, a tree of
  // adders of Lattice ECP5 primitives.
  typedef enum int unsigned {
    PopcountNaive      = 0,
    PopcountCompressor = 1,
    PopcountPrimitives = 2,
    PopcountCarry      = 3
  } popcount_style_e;

  // What becomes of a pixel: a comparison, an entry of a table, itself; a comparison or a table for each channel.
  typedef enum int unsigned {
    QuantizerThreshold  = 0,
    QuantizerTable      = 1,
    QuantizerPixel      = 2,
    QuantizerThresholds = 3,
    QuantizerTables     = 4
  } quantizer_kind_e;
endpackage
