// Regroups the bits of a stream from IN_W to OUT_W a beat, in order, lowest first; a frame must be a multiple of both.
// In units of g = gcd(IN_W, OUT_W) bits it holds n units: valid_o = n >= OUT_W/g, and it accepts when, after what it
// emits in this cycle, fewer than OUT_W/g are left. So neither side ever waits for the converter alone.
// Rejected for ratios that are not whole: by way of the least common multiple, which takes a register of a whole vector.
`include "askew_assert.svh"

module askew_width_converter #(
    parameter int unsigned IN_W  = 8,  // bits of an input beat, at least 1
    parameter int unsigned OUT_W = 8   // bits of an output beat, at least 1
) (
    input  logic             clk_i,
    input  logic             rst_ni,
    input  logic             valid_i,
    output logic             ready_o,
    input  logic [ IN_W-1:0] data_i,
    input  logic             last_i,
    output logic             valid_o,
    input  logic             ready_i,
    output logic [OUT_W-1:0] data_o,
    output logic             last_o
);
  function automatic int unsigned gcd(input int unsigned a, input int unsigned b);
    int unsigned x, y, rest;
    x = a;
    y = b;
    for (int unsigned i = 0; i < 64; i++) begin
      if (y != 0) begin
        rest = x % y;
        x = y;
        y = rest;
      end
    end
    gcd = x;
  endfunction

  localparam int unsigned UnitWidth = gcd(IN_W, OUT_W);
  localparam int unsigned InUnits = IN_W / UnitWidth;
  localparam int unsigned OutUnits = OUT_W / UnitWidth;
  localparam int unsigned Capacity = InUnits + OutUnits - 1;
  localparam int unsigned LevelWidth = askew_pkg::count_width(Capacity);

  if (InUnits == OutUnits) begin : gen_wires
    logic unused_clock;
    assign unused_clock = clk_i & rst_ni;
    assign ready_o = ready_i;
    assign valid_o = valid_i;
    assign {last_o, data_o} = {last_i, data_i};
  end else begin : gen_convert
    logic [LevelWidth-1:0] level_q, left;  // units held: now, and after what is emitted in this cycle
    logic accept, emit, last_q;

    assign accept = valid_i && ready_o;
    assign emit = valid_o && ready_i;
    assign valid_o = level_q >= LevelWidth'(OutUnits);
    assign left = emit ? level_q - LevelWidth'(OutUnits) : level_q;
    assign ready_o = left < LevelWidth'(OutUnits);
    assign last_o = last_q && level_q == LevelWidth'(OutUnits);

    always_ff @(posedge clk_i) begin
      if (!rst_ni) level_q <= '0;
      else level_q <= accept ? left + LevelWidth'(InUnits) : left;
    end
    always_ff @(posedge clk_i) if (accept) last_q <= last_i;

    if (InUnits == 1) begin : gen_up
      // The oldest beat has been shifted furthest down when all have come.
      logic [OUT_W-1:0] buffer_q;
      always_ff @(posedge clk_i) if (accept) buffer_q <= {data_i, buffer_q[OUT_W-1:IN_W]};
      assign data_o = buffer_q;
    end else if (OutUnits == 1) begin : gen_down
      // Selecting costs fewer LUTs than shifting: level counts down from InUnits to 1.
      logic [IN_W-1:0] buffer_q;
      localparam int unsigned IndexWidth = askew_pkg::index_width(InUnits);
      logic [IndexWidth-1:0] index_q;
      always_ff @(posedge clk_i) if (accept) buffer_q <= data_i;
      always_ff @(posedge clk_i) begin
        if (!rst_ni || accept) index_q <= '0;
        else if (emit) index_q <= index_q + IndexWidth'(1);
      end
      assign data_o = buffer_q[32'(index_q)*OUT_W+:OUT_W];
    end else begin : gen_any
      logic [Capacity*UnitWidth-1:0] buffer_q, kept, placed;
      assign kept = emit ? buffer_q >> OUT_W : buffer_q;
      assign placed = (Capacity * UnitWidth)'(data_i) << (32'(left) * UnitWidth);
      for (genvar unit = 0; unit < Capacity; unit++) begin : gen_unit
        always_ff @(posedge clk_i) begin
          buffer_q[unit*UnitWidth+:UnitWidth] <= accept && LevelWidth'(unit) >= left
              ? placed[unit*UnitWidth+:UnitWidth] : kept[unit*UnitWidth+:UnitWidth];
        end
      end
      assign data_o = buffer_q[OUT_W-1:0];
    end

`ifndef SYNTHESIS
    logic [LevelWidth-1:0] held;
    assign held = left + LevelWidth'(InUnits);
    `ASKEW_ASSERT(FrameEnd, clk_i, rst_ni && accept && last_i, 32'(held) % OutUnits == 0,
                  "a frame ends with a whole output beat")
`endif
  end

  askew_stream_rules #(
      .WIDTH(OUT_W + 1)
  ) i_rules (
      .clk_i  (clk_i),
      .rst_ni (rst_ni),
      .valid_i(valid_o),
      .ready_i(ready_i),
      .data_i ({last_o, data_o})
  );
endmodule
