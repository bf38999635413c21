// Max pool of bits, which is their OR: walks the image once and keeps, for every column of windows, the OR so far of
// those windows that are open. Padded positions are 0 and change nothing; those below and right of the image, which
// complete a window without an input beat, are walked all the same, one a cycle.
// Windows may overlap: a row of windows stays open for KH rows, so that up to ceil(KH/SY) rows, and in each
// ceil(KW/SX) columns, are open at once. The ORs of the last KW positions in a row come first, from a shift register,
// then those of the last KH rows, from a memory of one word a column of windows: no window is ever read twice.
`include "askew_assert.svh"

module askew_maxpool #(
    parameter int unsigned H = 2,  // image height, width and channels, each at least 1
    parameter int unsigned W = 2,
    parameter int unsigned C = 1,
    parameter int unsigned SIMD = 1,  // channels a beat; divides C
    parameter int unsigned KH = 2,  // window height and width, at least 1
    parameter int unsigned KW = 2,
    parameter int unsigned SY = 2,  // vertical and horizontal step, at least 1
    parameter int unsigned SX = 2,
    parameter int unsigned PT = 0,  // padding at top, left, bottom and right, smaller than the window
    parameter int unsigned PL = 0,
    parameter int unsigned PB = 0,
    parameter int unsigned PR = 0
) (
    input  logic            clk_i,
    input  logic            rst_ni,
    input  logic            valid_i,
    output logic            ready_o,
    input  logic [SIMD-1:0] data_i,
    input  logic            last_i,
    output logic            valid_o,
    input  logic            ready_i,
    output logic [SIMD-1:0] data_o,
    output logic            last_o
);
  localparam int unsigned CW = C / SIMD;
  localparam int unsigned OH = (PT + H + PB - KH) / SY + 1;
  localparam int unsigned OW = (PL + W + PR - KW) / SX + 1;
  // The walk, in padded coordinates: rows PT .. EndY - 1, columns PL .. EndX - 1.
  localparam int unsigned EndY = PT + H > (OH - 1) * SY + KH ? PT + H : (OH - 1) * SY + KH;
  localparam int unsigned EndX = PL + W > (OW - 1) * SX + KW ? PL + W : (OW - 1) * SX + KW;
  localparam int unsigned YWidth = askew_pkg::count_width(EndY);
  localparam int unsigned XWidth = askew_pkg::count_width(EndX);
  localparam int unsigned CWidth = askew_pkg::index_width(CW);

  if (SIMD < 1 || C % SIMD != 0) begin : gen_check_simd
    $error("askew_maxpool: SIMD (%0d) must divide C (%0d)", SIMD, C);
  end
  if (PT + H + PB < KH || PL + W + PR < KW || PT >= KH || PB >= KH || PL >= KW || PR >= KW) begin : gen_check_window
    $error("askew_maxpool: window %0d x %0d does not fit %0d x %0d padded by %0d %0d %0d %0d", KH, KW, H, W, PT, PL, PB, PR);
  end

  logic [YWidth-1:0] y_q;
  logic [XWidth-1:0] x_q;
  logic [CWidth-1:0] c_q;
  logic ce, fire, in_image, row_done, column_done, at_last_c, at_last_x, at_last_y;

  assign in_image = y_q < YWidth'(PT + H) && x_q < XWidth'(PL + W);
  assign ce = !valid_o || ready_i;
  assign fire = ce && (valid_i || !in_image);
  assign ready_o = ce && in_image;
  assign at_last_c = c_q == CWidth'(CW - 1);
  assign at_last_x = x_q == XWidth'(EndX - 1);
  assign at_last_y = y_q == YWidth'(EndY - 1);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      y_q <= YWidth'(PT);
      x_q <= XWidth'(PL);
      c_q <= '0;
    end else if (fire) begin
      c_q <= at_last_c ? '0 : c_q + CWidth'(1);
      if (at_last_c) begin
        x_q <= at_last_x ? XWidth'(PL) : x_q + XWidth'(1);
        if (at_last_x) y_q <= at_last_y ? YWidth'(PT) : y_q + YWidth'(1);
      end
    end
  end

  // Does this row, this column complete a window? Steps count down to the next one that does.
  localparam int unsigned StepYWidth = askew_pkg::index_width(KH + SY);
  localparam int unsigned StepXWidth = askew_pkg::index_width(KW + SX);
  logic [StepYWidth-1:0] step_y_q;
  logic [StepXWidth-1:0] step_x_q;
  logic row_left, column_left;  // windows are left to complete in the frame, in the row
  assign row_left = y_q <= YWidth'((OH - 1) * SY + KH - 1);
  assign column_left = x_q <= XWidth'((OW - 1) * SX + KW - 1);
  assign row_done = step_y_q == '0 && row_left;
  assign column_done = step_x_q == '0 && column_left;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      step_y_q <= StepYWidth'(KH - 1 - PT);
      step_x_q <= StepXWidth'(KW - 1 - PL);
    end else if (fire && at_last_c) begin
      step_x_q <= at_last_x ? StepXWidth'(KW - 1 - PL) : step_x_q == '0 ? StepXWidth'(SX - 1) : step_x_q - StepXWidth'(1);
      if (at_last_x) begin
        step_y_q <= at_last_y ? StepYWidth'(KH - 1 - PT) : step_y_q == '0 ? StepYWidth'(SY - 1) : step_y_q - StepYWidth'(1);
      end
    end
  end

  // Horizontally: the OR of this position and the KW - 1 before it in its row.
  logic [SIMD-1:0] beat, across;
  assign beat = in_image ? data_i : '0;
  if (KW == 1) begin : gen_no_history
    assign across = beat;
  end else begin : gen_history
    logic [(KW-1)*CW*SIMD-1:0] history_q, history_d;  // newest position in the lowest bits
    logic [XWidth-1:0] walked;
    assign walked = x_q - XWidth'(PL);
    if ((KW - 1) * CW == 1) begin : gen_one
      assign history_d = beat;
    end else begin : gen_more
      assign history_d = {history_q[((KW-1)*CW-1)*SIMD-1:0], beat};
    end
    always_ff @(posedge clk_i) if (fire) history_q <= history_d;
    always_comb begin
      across = beat;
      for (int unsigned back = 1; back < KW; back++) begin
        if (XWidth'(back) <= walked) across |= history_q[(back*CW-1)*SIMD+:SIMD];
      end
    end
  end

  // Vertically: the OR of this row's and of the KH - 1 rows above it.
  logic [SIMD-1:0] down;
  if (KH == 1) begin : gen_no_rows
    assign down = across;
  end else begin : gen_rows
    localparam int unsigned Words = OW * CW;
    localparam int unsigned AddressWidth = askew_pkg::index_width(Words);
    logic [(KH-1)*SIMD-1:0] rows[Words];  // newest row in the lowest bits
    logic [(KH-1)*SIMD-1:0] above, kept;
    logic [AddressWidth-1:0] address_q;
    logic [YWidth-1:0] walked;
    assign walked = y_q - YWidth'(PT);
    assign above = rows[address_q];
    if (KH == 2) begin : gen_one
      assign kept = across;
    end else begin : gen_more
      assign kept = {above[(KH-2)*SIMD-1:0], across};
    end
    always_ff @(posedge clk_i) if (fire && column_done) rows[address_q] <= kept;
    always_ff @(posedge clk_i) begin
      if (!rst_ni) address_q <= '0;
      else if (fire && column_done) address_q <= address_q == AddressWidth'(Words - 1) ? '0 : address_q + AddressWidth'(1);
    end
    always_comb begin
      down = across;
      for (int unsigned back = 1; back < KH; back++) begin
        if (YWidth'(back) <= walked) down |= above[(back-1)*SIMD+:SIMD];
      end
    end
  end

  logic valid_q, last_q;
  logic [SIMD-1:0] data_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= 1'b0;
    else if (ce) valid_q <= fire && row_done && column_done;
  end
  always_ff @(posedge clk_i) begin
    if (fire) begin
      data_q <= down;
      last_q <= at_last_c && x_q == XWidth'((OW - 1) * SX + KW - 1) && y_q == YWidth'((OH - 1) * SY + KH - 1);
    end
  end
  assign valid_o = valid_q;
  assign data_o  = data_q;
  assign last_o  = last_q;

`ifdef SYNTHESIS
  logic unused_last;
  assign unused_last = last_i;
`else
  `ASKEW_ASSERT(FrameEnd, clk_i, rst_ni && valid_i && ready_o,
                last_i == (at_last_c && x_q == XWidth'(PL + W - 1) && y_q == YWidth'(PT + H - 1)),
                "a frame ends with the image's last position")
`endif

  askew_stream_rules #(
      .WIDTH(SIMD + 1)
  ) i_rules (
      .clk_i  (clk_i),
      .rst_ni (rst_ni),
      .valid_i(valid_o),
      .ready_i(ready_i),
      .data_i ({last_o, data_o})
  );
endmodule
