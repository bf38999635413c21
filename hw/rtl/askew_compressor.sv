// The tree of `askew_popcount`: count_o = popcount(xnor(a_i, b_i)), STAGES clock enables later. A first level turns XNORs into
// bits of weight 1 and 2; then every column of equal weight is compressed by 6:3 counters (3:2 where a column is
// short) until no column holds more than three bits, which one ternary adder sums. With a constant operand the first
// level leaves one bit of weight 1, as all popcounts of the same other operand can share it.
module askew_compressor #(
    parameter int unsigned WIDTH = 64,  // bits counted, at least 1
    parameter int unsigned STAGES = 0,  // registers inside, spread evenly over the levels, the surplus at the output
    parameter askew_pkg::popcount_style_e STYLE = askew_pkg::PopcountCompressor,  // or primitives
    parameter int unsigned B_CONSTANT = 0,  // 1: b_i is constant, so that popcounts of the same a_i share a first level
    localparam int unsigned CountWidth = askew_pkg::count_width(WIDTH)
) (
    input  logic                  clk_i,
    input  logic                  ce_i,
    input  logic [     WIDTH-1:0] a_i,
    input  logic [     WIDTH-1:0] b_i,
    output logic [CountWidth-1:0] count_o
);
  // Heights of the columns, packed: field w holds how many bits of weight 2^w there are.
  localparam int unsigned FieldWidth = 32;
  typedef logic [FieldWidth*CountWidth-1:0] heights_t;

  // XNORs a full adder chain of the first level takes of primitives: longer saves LUTs and costs delay.
  localparam int unsigned ChainBits = 8;

  // Loop variables are declared at the top: where a loop declares them, Icarus 12 takes calls in it for not constant.
  function automatic heights_t first_heights();
    int unsigned ones, twos;
    ones = WIDTH;
    twos = 0;
    if (B_CONSTANT != 0) begin
      ones = 1;
      twos = shared_before(32);
    end else if (WIDTH > 1) begin
      ones = STYLE == askew_pkg::PopcountPrimitives ? (WIDTH + ChainBits - 1) / ChainBits : (WIDTH + 2) / 3;
      twos = STYLE == askew_pkg::PopcountPrimitives ? (WIDTH + 1) / 2 : (WIDTH + 1) / 3;
    end
    first_heights = heights_t'({twos, ones});
  endfunction

  // With a constant operand, bits of weight 1 before a level of triples, and the bits of weight 2 of all levels before it.
  function automatic int unsigned singles(input int unsigned level);
    int unsigned i;
    singles = WIDTH;
    for (i = 0; i < level; i++) singles = (singles + 2) / 3;
  endfunction
  function automatic int unsigned shared_before(input int unsigned level);
    int unsigned i;
    shared_before = 0;
    for (i = 0; i < level; i++) shared_before += (singles(i) + 1) / 3;
  endfunction

  function automatic int unsigned height(input heights_t heights, input int unsigned column);
    height = 32'(heights >> (FieldWidth * column));  // 0 above the highest column
  endfunction

  // A column uses 6:3 counters, or one full adder if it is too short for one and still too high for the final adder.
  function automatic int unsigned counters(input int unsigned bits);
    counters = bits / 6;
  endfunction
  function automatic int unsigned adders(input int unsigned bits);
    adders = (bits == 4 || bits == 5) ? 1 : 0;
  endfunction

  function automatic heights_t next_heights(input heights_t heights);
    int unsigned total, column;
    next_heights = '0;
    for (column = 0; column < CountWidth; column++) begin
      total = kept(heights, column);
      if (column >= 1) total += carries(heights, column - 1);
      if (column >= 2) total += counters(height(heights, column - 2));
      next_heights[FieldWidth*column+:FieldWidth] = total;
    end
  endfunction

  function automatic heights_t heights_at(input int unsigned level);
    int unsigned i;
    heights_at = first_heights();
    for (i = 0; i < level; i++) heights_at = next_heights(heights_at);
  endfunction

  // Bits that a column keeps, and bits that it sends to the next column (to the one after: one a counter).
  function automatic int unsigned kept(input heights_t heights, input int unsigned column);
    kept = height(heights, column) - 5 * counters(height(heights, column)) - 2 * adders(height(heights, column));
  endfunction
  function automatic int unsigned carries(input heights_t heights, input int unsigned column);
    carries = counters(height(heights, column)) + adders(height(heights, column));
  endfunction

  // Index of the first bit of a column when the columns of a level lie one after the other.
  function automatic int unsigned offset(input heights_t heights, input int unsigned column);
    int unsigned i;
    offset = 0;
    for (i = 0; i < column; i++) offset += height(heights, i);
  endfunction

  function automatic int unsigned highest(input heights_t heights);
    int unsigned i;
    highest = 0;
    for (i = 0; i < CountWidth; i++) if (height(heights, i) > highest) highest = height(heights, i);
  endfunction

  function automatic int unsigned compressions();
    int unsigned i;
    heights_t heights;
    heights = first_heights();
    compressions = 0;
    for (i = 0; i < 32; i++) begin
      if (highest(heights) > 3) begin
        heights = next_heights(heights);
        compressions = i + 1;
      end
    end
  endfunction

  localparam int unsigned Compressions = compressions();
  localparam int unsigned Levels = Compressions + 2;

  // Whether a register follows this level.
  function automatic bit registered(input int unsigned level);
    registered = STAGES >= Levels || ((level + 1) * STAGES) / Levels > (level * STAGES) / Levels;
  endfunction

  // First level: XNORs become columns.
  localparam heights_t FirstHeights = first_heights();
  localparam int unsigned FirstTotal = offset(FirstHeights, CountWidth);
  logic [FirstTotal-1:0] first;

  if (WIDTH == 1) begin : gen_first_bit
    assign first = ~(a_i ^ b_i);
  end else if (B_CONSTANT != 0) begin : gen_first_shared
    // Full adders of weight 1 alone, until one bit is left. The constants turn the inputs of a parity or a majority
    // around, so that all popcounts of the same a_i share one parity and at most eight majorities for each three inputs:
    // what is left to each of them is half as many bits.
    localparam int unsigned SharedLevels = $clog2(WIDTH);  // more than enough: then a level passes its one bit on
    for (genvar level = 0; level <= SharedLevels; level++) begin : gen_shared
      localparam int unsigned Singles = singles(level);
      logic [Singles-1:0] bits;
      if (level == 0) begin : gen_inputs
        assign bits = ~(a_i ^ b_i);
      end else begin : gen_parities
        localparam int unsigned Before = singles(level - 1);
        localparam int unsigned To = 1 + shared_before(level - 1);
        for (genvar i = 0; i < Singles; i++) begin : gen_triple
          if (3 * i + 2 < Before) begin : gen_three
            askew_full_adder #(
                .STYLE(askew_pkg::PopcountCompressor)
            ) i_adder (
                .a0_i(gen_shared[level-1].bits[3*i]),
                .b0_i(1'b1),
                .a1_i(gen_shared[level-1].bits[3*i+1]),
                .b1_i(1'b1),
                .c_i(gen_shared[level-1].bits[3*i+2]),
                .sum_o(bits[i]),
                .carry_o(first[To+i])
            );
          end else if (3 * i + 1 < Before) begin : gen_two
            assign bits[i] = ^gen_shared[level-1].bits[3*i+:2];
            assign first[To+i] = &gen_shared[level-1].bits[3*i+:2];
          end else begin : gen_one
            assign bits[i] = gen_shared[level-1].bits[3*i];
          end
        end
      end
    end
    assign first[0] = gen_shared[SharedLevels].bits[0];
  end else if (STYLE == askew_pkg::PopcountPrimitives) begin : gen_first_chains
    localparam int unsigned Chains = (WIDTH + ChainBits - 1) / ChainBits;
    localparam int unsigned Pairs = (WIDTH + 1) / 2;
    for (genvar pair = 0; pair < Pairs; pair++) begin : gen_pair
      logic a1, b1, chain_in, chain_out;
      if (2 * pair + 1 < WIDTH) begin : gen_two
        assign a1 = a_i[2*pair+1];
        assign b1 = b_i[2*pair+1];
      end else begin : gen_one
        assign a1 = 1'b0;
        assign b1 = 1'b1;
      end
      if (2 * pair % ChainBits == 0) begin : gen_start
        assign chain_in = 1'b0;
      end else begin : gen_link
        assign chain_in = gen_pair[pair-1].chain_out;
      end
      askew_full_adder #(
          .STYLE(STYLE)
      ) i_adder (
          .a0_i(a_i[2*pair]),
          .b0_i(b_i[2*pair]),
          .a1_i(a1),
          .b1_i(b1),
          .c_i(chain_in),
          .sum_o(chain_out),
          .carry_o(first[Chains+pair])
      );
      if (pair == Pairs - 1 || (2 * pair + 2) % ChainBits == 0) begin : gen_end
        assign first[2*pair/ChainBits] = chain_out;
      end
    end
  end else begin : gen_first_triples
    localparam int unsigned Triples = (WIDTH + 2) / 3;
    for (genvar triple = 0; triple < Triples; triple++) begin : gen_triple
      logic [2:0] agree;
      for (genvar i = 0; i < 3; i++) begin : gen_agree
        if (3 * triple + i < WIDTH) begin : gen_used
          assign agree[i] = ~(a_i[3*triple+i] ^ b_i[3*triple+i]);
        end else begin : gen_unused
          assign agree[i] = 1'b0;
        end
      end
      assign first[triple] = ^agree;
      if (3 * triple + 1 < WIDTH) begin : gen_carry
        assign first[Triples+triple] = (agree[0] & agree[1]) | (agree[2] & (agree[0] | agree[1]));
      end
    end
  end

  // Every level's columns, registered where STAGES says so.
  for (genvar level = 0; level <= Compressions; level++) begin : gen_level
    localparam heights_t Heights = heights_at(level);
    localparam int unsigned Total = offset(Heights, CountWidth);
    logic [Total-1:0] columns_d, columns_q;

    if (level == 0) begin : gen_first
      assign columns_d = first;
    end else begin : gen_compress
      localparam heights_t Before = heights_at(level - 1);
      for (genvar column = 0; column < CountWidth; column++) begin : gen_column
        localparam int unsigned Bits = height(Before, column);
        localparam int unsigned From = offset(Before, column);
        localparam int unsigned To = offset(Heights, column);
        localparam int unsigned Counters = counters(Bits);
        localparam int unsigned Adders = adders(Bits);
        localparam int unsigned Used = 6 * Counters + 3 * Adders;
        // Where this column's carries go: behind what the next column itself keeps, and behind the carries of weight
        // 4 that the column below sends to the same place.
        localparam int unsigned Kept1 = column + 1 < CountWidth ? kept(Before, column + 1) : 0;
        localparam int unsigned Kept2 = column + 2 < CountWidth ? kept(Before, column + 2) : 0;
        localparam int unsigned To1 = offset(Heights, column + 1) + Kept1;
        localparam int unsigned To2 = offset(Heights, column + 2) + Kept2 + carries(Before, column + 1);

        for (genvar i = 0; i < Counters; i++) begin : gen_counter
          logic [2:0] count;
          askew_counter_6_3 #(
              .STYLE(STYLE)
          ) i_counter (
              .bits_i (gen_level[level-1].columns_q[From+6*i+:6]),
              .count_o(count)
          );
          assign columns_d[To+i] = count[0];
          if (column + 1 < CountWidth) begin : gen_carry1
            assign columns_d[To1+i] = count[1];
          end else begin : gen_no_carry1
            logic unused_carry;
            assign unused_carry = count[1];
          end
          if (column + 2 < CountWidth) begin : gen_carry2
            assign columns_d[To2+i] = count[2];
          end else begin : gen_no_carry2
            logic unused_carry;
            assign unused_carry = count[2];
          end
        end
        for (genvar i = 0; i < Adders; i++) begin : gen_adder
          logic carry;
          askew_full_adder #(
              .STYLE(STYLE)
          ) i_adder (
              .a0_i(gen_level[level-1].columns_q[From+6*Counters+3*i]),
              .b0_i(1'b1),
              .a1_i(gen_level[level-1].columns_q[From+6*Counters+3*i+1]),
              .b1_i(1'b1),
              .c_i(gen_level[level-1].columns_q[From+6*Counters+3*i+2]),
              .sum_o(columns_d[To+Counters+i]),
              .carry_o(carry)
          );
          if (column + 1 < CountWidth) begin : gen_carry
            assign columns_d[To1+Counters+i] = carry;
          end else begin : gen_no_carry
            logic unused_carry;
            assign unused_carry = carry;
          end
        end
        if (Bits > Used) begin : gen_rest
          assign columns_d[To+Counters+Adders+:Bits-Used] = gen_level[level-1].columns_q[From+Used+:Bits-Used];
        end
      end
    end

    if (registered(level)) begin : gen_register
      always_ff @(posedge clk_i) if (ce_i) columns_q <= columns_d;
    end else begin : gen_wires
      assign columns_q = columns_d;
    end
  end

  // Last level: at most three bits a column.
  localparam heights_t LastHeights = heights_at(Compressions);
  logic [CountWidth-1:0] rows[3];
  logic [CountWidth-1:0] count_d;
  for (genvar row = 0; row < 3; row++) begin : gen_row
    for (genvar column = 0; column < CountWidth; column++) begin : gen_column
      if (row < height(LastHeights, column)) begin : gen_bit
        assign rows[row][column] = gen_level[Compressions].columns_q[offset(LastHeights, column)+row];
      end else begin : gen_zero
        assign rows[row][column] = 1'b0;
      end
    end
  end
  askew_adder_3 #(
      .WIDTH(CountWidth),
      .STYLE(STYLE)
  ) i_sum (
      .a_i  (rows[0]),
      .b_i  (rows[1]),
      .c_i  (rows[2]),
      .sum_o(count_d)
  );
  askew_pipeline #(
      .WIDTH (CountWidth),
      .STAGES(STAGES > Levels ? STAGES - Levels + 1 : registered(Compressions + 1) ? 1 : 0)
  ) i_output (
      .clk_i (clk_i),
      .ce_i  (ce_i),
      .data_i(count_d),
      .data_o(count_o)
  );
endmodule
