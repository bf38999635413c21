// A memory that is only read, in LUTs: one LUT6 a bit for up to 64 words. It keeps its place in the hierarchy because
// abc9, given a whole flat unit, takes random words apart and needs more than twice the LUTs (3,912 instead of 1,788
// for a layer with 64 words of 784 bits).
(* keep_hierarchy *)
module askew_rom_lut #(
    parameter int unsigned WIDTH = 8,  // bits of a word
    parameter int unsigned DEPTH = 2,  // words, at least 2
    parameter FILE = "",  // $readmemh, one word a line
    localparam int unsigned AddressWidth = askew_pkg::index_width(DEPTH)
) (
    input  logic                    clk_i,
    input  logic                    ce_i,
    input  logic [AddressWidth-1:0] address_i,
    output logic [       WIDTH-1:0] word_o
);
  if (FILE == "") begin : gen_zero  // Yosys elaborates the defaults when it reads this file
    logic unused_inputs;
    assign unused_inputs = &{1'b0, clk_i, ce_i, address_i};
    assign word_o = '0;
  end else begin : gen_words
`ifdef YOSYS
    (* logic_block *) logic [WIDTH-1:0] words[DEPTH];  // its "distributed" means LUT RAM, which no ROM can be
`else
    (* rom_style = "distributed" *) logic [WIDTH-1:0] words[DEPTH];
`endif
    initial $readmemh(FILE, words);
    always_ff @(posedge clk_i) if (ce_i) word_o <= words[address_i];
  end
endmodule
