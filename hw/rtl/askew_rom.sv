// A memory that is only read: word_o is word address_i of FILE, one clock enable later. With DEPTH 1 synthesis makes
// constants of it; an empty FILE gives zeros.
module askew_rom #(
    parameter int unsigned WIDTH = 8,  // bits of a word
    parameter int unsigned DEPTH = 1,  // words, at least 1
    parameter askew_pkg::rom_style_e STYLE = askew_pkg::RomAny,
    parameter FILE = "",  // $readmemh, one word a line
    localparam int unsigned AddressWidth = askew_pkg::index_width(DEPTH)
) (
    input  logic                    clk_i,
    input  logic                    ce_i,
    input  logic [AddressWidth-1:0] address_i,
    output logic [       WIDTH-1:0] word_o
);
  if (FILE == "") begin : gen_zero
    logic unused_inputs;
    assign unused_inputs = &{1'b0, clk_i, ce_i, address_i};
    assign word_o = '0;
  end else if (DEPTH == 1) begin : gen_constant
    logic unused_inputs;
    logic [WIDTH-1:0] words[1];
    assign unused_inputs = &{1'b0, clk_i, ce_i, address_i};
    initial $readmemh(FILE, words);
    assign word_o = words[0];
  end else begin : gen_words
    if (STYLE == askew_pkg::RomLut) begin : gen_lut
      askew_rom_lut #(
          .WIDTH(WIDTH),
          .DEPTH(DEPTH),
          .FILE (FILE)
      ) i_rom (
          .clk_i    (clk_i),
          .ce_i     (ce_i),
          .address_i(address_i),
          .word_o   (word_o)
      );
    end else if (STYLE == askew_pkg::RomBlock) begin : gen_block
      (* rom_style = "block" *) logic [WIDTH-1:0] words[DEPTH];
      initial $readmemh(FILE, words);
      always_ff @(posedge clk_i) if (ce_i) word_o <= words[address_i];
    end else begin : gen_any
      logic [WIDTH-1:0] words[DEPTH];
      initial $readmemh(FILE, words);
      always_ff @(posedge clk_i) if (ce_i) word_o <= words[address_i];
    end
  end
endmodule
