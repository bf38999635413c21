// Sum of TERMS numbers, modulo 2^WIDTH, STAGES clock enables later. With up to one register it stands behind the sum, which
// synthesis then arranges as it likes; with more it is a tree of pairs with registers between its levels.
module askew_sum #(
    parameter int unsigned TERMS  = 4,  // numbers, at least 1
    parameter int unsigned WIDTH  = 8,  // bits of each, and of the sum
    parameter int unsigned STAGES = 0   // registers inside, spread evenly over the levels, the surplus at the output
) (
    input  logic                   clk_i,
    input  logic                   ce_i,
    input  logic [TERMS*WIDTH-1:0] terms_i,
    output logic [      WIDTH-1:0] sum_o
);
  localparam int unsigned Levels = TERMS > 1 ? $clog2(TERMS) : 1;

  // Whether a register follows this level of pairs; level 0 is the terms.
  function automatic bit registered(input int unsigned level);
    registered = level > 0 && (STAGES >= Levels || (level * STAGES) / Levels > ((level - 1) * STAGES) / Levels);
  endfunction
  function automatic int unsigned numbers(input int unsigned level);
    numbers = (TERMS + 2 ** level - 1) / 2 ** level;
  endfunction

  if (STAGES <= 1) begin : gen_plain
    logic [WIDTH-1:0] sum;
    always_comb begin
      sum = '0;
      for (int unsigned i = 0; i < TERMS; i++) sum = sum + terms_i[i*WIDTH+:WIDTH];
    end
    askew_pipeline #(
        .WIDTH (WIDTH),
        .STAGES(STAGES)
    ) i_pipeline (
        .clk_i (clk_i),
        .ce_i  (ce_i),
        .data_i(sum),
        .data_o(sum_o)
    );
  end else begin : gen_tree
    for (genvar level = 0; level <= Levels; level++) begin : gen_level
      logic [numbers(level)*WIDTH-1:0] sums_d, sums_q;
      if (level == 0) begin : gen_terms
        assign sums_d = terms_i;
      end else begin : gen_pairs
        for (genvar i = 0; i < numbers(level); i++) begin : gen_sum
          if (2 * i + 1 < numbers(level - 1)) begin : gen_two
            assign sums_d[i*WIDTH+:WIDTH] = gen_level[level-1].sums_q[2*i*WIDTH+:WIDTH]
                + gen_level[level-1].sums_q[(2*i+1)*WIDTH+:WIDTH];
          end else begin : gen_one
            assign sums_d[i*WIDTH+:WIDTH] = gen_level[level-1].sums_q[2*i*WIDTH+:WIDTH];
          end
        end
      end
      if (registered(level)) begin : gen_register
        always_ff @(posedge clk_i) if (ce_i) sums_q <= sums_d;
      end else begin : gen_wires
        assign sums_q = sums_d;
      end
    end
    askew_pipeline #(
        .WIDTH (WIDTH),
        .STAGES(STAGES > Levels ? STAGES - Levels : 0)
    ) i_output (
        .clk_i (clk_i),
        .ce_i  (ce_i),
        .data_i(gen_level[Levels].sums_q),
        .data_o(sum_o)
    );
  end
endmodule
