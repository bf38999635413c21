// An ECP5 block RAM (DP16KD, or PDPW16KD with 36 bits at port A) for simulation: two ports of 1 to 36 bits, of which each
// reads and writes on its own clock, without output registers. After the ECP5 Memory Usage Guide (FPGA-TN-02204): 1,024
// rows of two bytes of 9 bits; a port of 4 bits and less sees the lower 8 of a byte; where a port is 18 or 36 bits wide its
// lowest addresses are byte enables for writing.
module askew_ecp5_ram #(
    parameter int WIDTH_A = 18,
    parameter int WIDTH_B = 18,
    parameter [18431:0] INIT = 18432'b0,  // row r at [18 r +: 18]
    parameter int THROUGH_A = 0,  // a write's data also appear at the output
    parameter int THROUGH_B = 0,
    parameter int BEFORE_A = 0,  // a write's old data appear at the output
    parameter int BEFORE_B = 0
) (
    input             clk_a,
    input             ce_a,
    input             we_a,
    input             rst_a,
    input      [13:0] address_a,
    input      [35:0] di_a,
    output reg [35:0] do_a,
    input             clk_b,
    input             ce_b,
    input             we_b,
    input             rst_b,
    input      [13:0] address_b,
    input      [35:0] di_b,
    output reg [35:0] do_b
);
  reg [8:0] bytes[2048];
  integer i;
  initial begin
    for (i = 0; i < 2048; i = i + 1) bytes[i] = INIT[9*i+:9];
    do_a = 0;
    do_b = 0;
  end

  wire [10:0] place_a = address_a[13:3];
  wire [10:0] place_b = address_b[13:3];
  wire [ 3:0] enable_a = WIDTH_A == 36 ? address_a[3:0] : WIDTH_A == 18 ? {2'b00, address_a[1:0]} : 4'b0001;
  wire [ 3:0] enable_b = WIDTH_B == 36 ? address_b[3:0] : WIDTH_B == 18 ? {2'b00, address_b[1:0]} : 4'b0001;
  wire [35:0] read_a, read_b, write_a, write_b;
  genvar k;
  generate
    if (WIDTH_A == 36) begin : gen_36_a
      assign read_a = {bytes[{place_a[10:2], 2'd3}], bytes[{place_a[10:2], 2'd2}], bytes[{place_a[10:2], 2'd1}], bytes[{place_a[10:2], 2'd0}]};
      assign write_a = di_a;
    end else if (WIDTH_A == 18) begin : gen_18_a
      assign read_a = {18'b0, bytes[{place_a[10:1], 1'b1}], bytes[{place_a[10:1], 1'b0}]};
      assign write_a = di_a;
    end else if (WIDTH_A == 9) begin : gen_9_a
      assign read_a = {27'b0, bytes[place_a]};
      assign write_a = di_a;
    end else begin : gen_narrow_a
      localparam integer Step = WIDTH_A;
      wire [2:0] bit_a = address_a[2:0] & (Step == 4 ? 3'b100 : Step == 2 ? 3'b110 : 3'b111);
      wire [8:0] mask = (9'd1 << Step) - 9'd1;
      wire [8:0] old = bytes[place_a];
      assign read_a = {27'b0, (old >> bit_a) & mask};
      assign write_a = {27'b0, (old & ~(mask << bit_a)) | ((di_a[8:0] & mask) << bit_a)};
    end
    if (WIDTH_B == 36) begin : gen_36_b
      assign read_b = {bytes[{place_b[10:2], 2'd3}], bytes[{place_b[10:2], 2'd2}], bytes[{place_b[10:2], 2'd1}], bytes[{place_b[10:2], 2'd0}]};
      assign write_b = di_b;
    end else if (WIDTH_B == 18) begin : gen_18_b
      assign read_b = {18'b0, bytes[{place_b[10:1], 1'b1}], bytes[{place_b[10:1], 1'b0}]};
      assign write_b = di_b;
    end else if (WIDTH_B == 9) begin : gen_9_b
      assign read_b = {27'b0, bytes[place_b]};
      assign write_b = di_b;
    end else begin : gen_narrow_b
      localparam integer Step = WIDTH_B;
      wire [2:0] bit_b = address_b[2:0] & (Step == 4 ? 3'b100 : Step == 2 ? 3'b110 : 3'b111);
      wire [8:0] mask = (9'd1 << Step) - 9'd1;
      wire [8:0] old = bytes[place_b];
      assign read_b = {27'b0, (old >> bit_b) & mask};
      assign write_b = {27'b0, (old & ~(mask << bit_b)) | ((di_b[8:0] & mask) << bit_b)};
    end
  endgenerate

  wire [10:0] base_a = WIDTH_A == 36 ? {place_a[10:2], 2'd0} : WIDTH_A == 18 ? {place_a[10:1], 1'b0} : place_a;
  wire [10:0] base_b = WIDTH_B == 36 ? {place_b[10:2], 2'd0} : WIDTH_B == 18 ? {place_b[10:1], 1'b0} : place_b;
  generate
    for (k = 0; k < 4; k = k + 1) begin : gen_write
      always @(posedge clk_a) if (ce_a && we_a && enable_a[k]) bytes[base_a+k] <= write_a[9*k+:9];
      always @(posedge clk_b) if (ce_b && we_b && enable_b[k]) bytes[base_b+k] <= write_b[9*k+:9];
    end
  endgenerate
  always @(posedge clk_a)
    if (ce_a) begin
      if (rst_a) do_a <= 0;
      else if (!we_a || BEFORE_A != 0) do_a <= read_a;
      else if (THROUGH_A != 0) do_a <= di_a;
    end
  always @(posedge clk_b)
    if (ce_b) begin
      if (rst_b) do_b <= 0;
      else if (!we_b || BEFORE_B != 0) do_b <= read_b;
      else if (THROUGH_B != 0) do_b <= di_b;
    end
endmodule
