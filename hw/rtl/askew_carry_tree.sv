// The tree of `askew_popcount` for Lattice ECP5: count_o = popcount(xnor(a_i, b_i)), STAGES clock enables later. A first level
// turns three XNORs into a number of two bits in two cells of a carry chain, one that sums and one that takes the carry
// out and puts the next one in; adders sum those in pairs. Rejected: the full adders of `askew_compressor`, which take
// two LUT4 each and another for every XNOR (3.4 instead of 2.1 a bit), and whose columns end in a slow sum of three.
module askew_carry_tree #(
    parameter int unsigned WIDTH = 64,  // bits counted, at least 1
    parameter int unsigned STAGES = 0,  // registers inside, spread evenly over the levels, the surplus at the output
    parameter int unsigned A_INVERTED = 0,  // 1: a_i is inverted, which saves a LUT and its delay in front of each bit
    localparam int unsigned CountWidth = askew_pkg::count_width(WIDTH)
) (
    input  logic                  clk_i,
    input  logic                  ce_i,
    input  logic [     WIDTH-1:0] a_i,
    input  logic [     WIDTH-1:0] b_i,
    output logic [CountWidth-1:0] count_o
);
  localparam int unsigned Triples = (WIDTH + 2) / 3;
  localparam int unsigned ChainTriples = 8;  // longer chains save a cell each and cost delay
  localparam int unsigned Chains = (Triples + ChainTriples - 1) / ChainTriples;
  localparam int unsigned Sums = $clog2(Triples);  // levels of adders
  localparam int unsigned Levels = Sums + 1;

  // Numbers behind a level of adders (behind 0: the first level), and their bits.
  function automatic int unsigned numbers(input int unsigned level);
    numbers = (Triples + 2 ** level - 1) / 2 ** level;
  endfunction
  function automatic int unsigned number_width(input int unsigned level);
    number_width = 2 + level < CountWidth ? 2 + level : CountWidth;
  endfunction

  // Whether a register follows this level.
  function automatic bit registered(input int unsigned level);
    registered = STAGES >= Levels || ((level + 1) * STAGES) / Levels > (level * STAGES) / Levels;
  endfunction

  // XNORs to be summed: of a, inverted, and b the XOR, which is also what a cell generates.
  logic [3*Triples-1:0] a, b;
  logic [WIDTH-1:0] inverted;
  assign inverted = A_INVERTED != 0 ? a_i : ~a_i;
  assign a = (3 * Triples)'(inverted);
  assign b = (3 * Triples)'(b_i);

  // A chain: one cell puts the third XNOR of a triple in as carry and gives the carry of the triple before; the next one
  // sums the other two and it.
  logic [2*Triples-1:0] first;
  for (genvar chain = 0; chain < Chains; chain++) begin : gen_chain
    localparam int unsigned From = chain * ChainTriples;
    localparam int unsigned Links = Triples - From < ChainTriples ? Triples - From : ChainTriples;
    logic [Links:0] carry, sum_in;
    logic unused_ends;
    assign carry[0] = 1'b0;
    for (genvar i = 0; i < Links; i++) begin : gen_triple
      localparam int unsigned Bit = 3 * (From + i);
      CCU2C #(
          .INIT0(16'h0006),  // propagates 0, generates a ^ b
          .INIT1(16'h6996),  // propagates the parity of four, generates a ^ b
          .INJECT1_0("NO"),
          .INJECT1_1("NO")
      ) i_cells (
          .CIN (carry[i]),
          .A0  (a[Bit+2]),
          .B0  (b[Bit+2]),
          .C0  (1'b0),
          .D0  (1'b1),
          .A1  (a[Bit]),
          .B1  (b[Bit]),
          .C1  (a[Bit+1]),
          .D1  (b[Bit+1]),
          .S0  (sum_in[i]),
          .S1  (first[2*(From+i)]),
          .COUT(carry[i+1])
      );
      if (i > 0) begin : gen_carry
        assign first[2*(From+i-1)+1] = sum_in[i];
      end
    end
    logic unused_sum, unused_carry;
    CCU2C #(
        .INIT0(16'h0000),
        .INIT1(16'h0000),
        .INJECT1_0("NO"),
        .INJECT1_1("NO")
    ) i_end (
        .CIN (carry[Links]),
        .A0  (1'b0),
        .B0  (1'b0),
        .C0  (1'b0),
        .D0  (1'b0),
        .A1  (1'b0),
        .B1  (1'b0),
        .C1  (1'b0),
        .D1  (1'b0),
        .S0  (sum_in[Links]),
        .S1  (unused_sum),
        .COUT(unused_carry)
    );
    assign first[2*(From+Links-1)+1] = sum_in[Links];
    assign unused_ends = unused_sum ^ unused_carry ^ sum_in[0];
  end

  for (genvar level = 0; level < Levels; level++) begin : gen_level
    localparam int unsigned Width = number_width(level);
    localparam int unsigned Total = numbers(level) * Width;
    logic [Total-1:0] numbers_d, numbers_q;
    if (level == 0) begin : gen_first
      for (genvar i = 0; i < Triples; i++) begin : gen_number
        assign numbers_d[Width*i+:Width] = first[2*i+:Width];
        if (Width < 2) begin : gen_unused  // a single bit carries nothing
          logic unused_carry;
          assign unused_carry = first[1];
        end
      end
    end else begin : gen_sums
      localparam int unsigned Before = number_width(level - 1);
      for (genvar i = 0; i < numbers(level); i++) begin : gen_sum
        if (2 * i + 1 < numbers(level - 1)) begin : gen_two
          askew_carry_adder #(
              .WIDTH(Before),
              .OUT_W(Width)
          ) i_adder (
              .a_i  (gen_level[level-1].numbers_q[2*i*Before+:Before]),
              .b_i  (gen_level[level-1].numbers_q[(2*i+1)*Before+:Before]),
              .sum_o(numbers_d[Width*i+:Width])
          );
        end else begin : gen_one
          assign numbers_d[Width*i+:Width] = Width'(gen_level[level-1].numbers_q[2*i*Before+:Before]);
        end
      end
    end
    if (registered(level)) begin : gen_register
      always_ff @(posedge clk_i) if (ce_i) numbers_q <= numbers_d;
    end else begin : gen_wires
      assign numbers_q = numbers_d;
    end
  end
  askew_pipeline #(
      .WIDTH (CountWidth),
      .STAGES(STAGES > Levels ? STAGES - Levels : 0)
  ) i_output (
      .clk_i (clk_i),
      .ce_i  (ce_i),
      .data_i(CountWidth'(gen_level[Levels-1].numbers_q)),
      .data_o(count_o)
  );
endmodule
