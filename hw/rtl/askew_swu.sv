// Sliding window unit: an H x W x C image comes in as beats of SIMD channels and goes out once for every window that it is in,
// in the order (oy, ox, ky, kx, c), a beat a cycle as soon as its pixel is there. Words live in a circular buffer whose
// oldest one is freed with the last window that needs it, so the next row and the next frame are written while this
// window is read. All pointers count words of the endless stream of frames and move by constants: no multiplier.
// Rejected: a buffer of whole rows with row-wise handover (a row more, and no window before its row is complete);
// shift registers with all KH*KW taps (every window in one cycle, which only a fully unrolled layer could use).
`include "askew_assert.svh"

module askew_swu #(
    parameter int unsigned H = 3,  // image
    parameter int unsigned W = 3,
    parameter int unsigned C = 1,
    parameter int unsigned SIMD = 1,  // channels a beat; divides C
    parameter int unsigned EW = 1,  // bits of an element
    parameter int unsigned KH = 3,  // window
    parameter int unsigned KW = 3,
    parameter int unsigned SY = 1,  // stride
    parameter int unsigned SX = 1,
    parameter int unsigned PT = 0,  // padding at top, left, bottom, right; less than the window
    parameter int unsigned PL = 0,
    parameter int unsigned PB = 0,
    parameter int unsigned PR = 0,
    parameter logic [C*EW-1:0] PAD = '0,  // what a padded position reads as, channel 0 lowest
    parameter int unsigned DEPTH = 0  // words, a power of two, at least ((KH-1)*W + KW) * C/SIMD; 0: what KH rows need
) (
    input  logic               clk_i,
    input  logic               rst_ni,
    input  logic               valid_i,
    output logic               ready_o,
    input  logic [SIMD*EW-1:0] data_i,
    input  logic               last_i,
    output logic               valid_o,
    input  logic               ready_i,
    output logic [SIMD*EW-1:0] data_o,
    output logic               last_o
);
  localparam int unsigned CW = C / SIMD;  // words of a pixel
  localparam int unsigned OH = (PT + H + PB - KH) / SY + 1;
  localparam int unsigned OW = (PL + W + PR - KW) / SX + 1;
  localparam int unsigned AddressWidth = askew_pkg::index_width(DEPTH == 0 ? KH * W * CW : DEPTH);
  localparam int unsigned Words = 2 ** AddressWidth;
  localparam bit Padded = PT + PL + PB + PR != 0;

  // Pointers count modulo 2^PointerWidth, enough to tell their signed differences: a read pointer is at most Ahead words
  // in front of the write pointer and at most Behind words behind it (padded positions have words that do not exist).
  localparam int unsigned Ahead = (2 * KH + 2 * SY + 2) * (W + PL + PR + 1) * CW;
  localparam int unsigned Behind = Words + (PT * W + PL) * CW + 1;
  localparam int unsigned PointerWidth = $clog2(Ahead > Behind ? Ahead : Behind) + 1;
  typedef logic [PointerWidth-1:0] pointer_t;
  localparam pointer_t KernelRowStep = pointer_t'((W - KW) * CW + 1);  // wraps where padding makes KW > W
  localparam pointer_t WindowStep = pointer_t'(SX * CW);
  localparam pointer_t RowStep = pointer_t'(SY * W * CW);
  localparam pointer_t FrameStep = pointer_t'((H - (OH - 1) * SY) * W * CW);  // from the last row of windows
  localparam pointer_t LeftPad = pointer_t'(PL * CW);
  localparam pointer_t Pad = pointer_t'((PT * W + PL) * CW);

  localparam int unsigned CWidth = askew_pkg::index_width(CW);
  localparam int unsigned KxWidth = askew_pkg::index_width(KW);
  localparam int unsigned KyWidth = askew_pkg::index_width(KH);
  localparam int unsigned OxWidth = askew_pkg::index_width(OW);
  localparam int unsigned OyWidth = askew_pkg::index_width(OH);

  pointer_t write_q;  // words written
  pointer_t oldest_q;  // oldest word that is still needed
  pointer_t read_q, window_q, row_q;  // this beat's word; where its window and its row of windows begin
  pointer_t read_d, window_d, row_d, oldest_d;
  logic [CWidth-1:0] c_q;
  logic [KxWidth-1:0] kx_q;
  logic [KyWidth-1:0] ky_q;
  logic [OxWidth-1:0] ox_q;
  logic [OyWidth-1:0] oy_q;
  logic ce, issue, accept, pad, there, valid_q;
  logic c_last, kx_last, ky_last, ox_last, oy_last, window_end;

  // Writing.
  assign ready_o = write_q - oldest_q != pointer_t'(Words);
  assign accept  = valid_i && ready_o;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) write_q <= '0;
    else if (accept) write_q <= write_q + pointer_t'(1);
  end

  // Walking over the windows.
  assign ce = !valid_q || ready_i;
  pointer_t newest;  // write_q - read_q - 1: negative while this beat's word has not been written
  logic unused_newest;
  assign newest = write_q + ~read_q;
  assign unused_newest = ^newest[PointerWidth-2:0];
  assign there = !newest[PointerWidth-1];
  assign issue = ce && (there || pad);

  assign c_last = c_q == CWidth'(CW - 1);
  assign kx_last = c_last && kx_q == KxWidth'(KW - 1);
  assign ky_last = ky_q == KyWidth'(KH - 1);
  assign ox_last = ox_q == OxWidth'(OW - 1);
  assign oy_last = oy_q == OyWidth'(OH - 1);
  assign window_end = kx_last && ky_last;

  always_comb begin
    read_d   = read_q + (kx_last ? KernelRowStep : pointer_t'(1));
    window_d = window_q;
    row_d    = row_q;
    if (window_end) begin
      if (ox_last) row_d = row_q + (oy_last ? FrameStep : RowStep);
      window_d = ox_last ? row_d : window_q + WindowStep;
      read_d   = window_d;
    end
  end

  // The oldest word moves with the window, except where the window begins in the padding: then it waits at the start of
  // the row or, above the image, of the frame.
  logic above_next, left_next;  // the next row of windows begins above the image, the next window left of it
  if (PT > SY) begin : gen_above
    assign above_next = !oy_last && 32'(oy_q) + 1 < (PT + SY - 1) / SY;
  end else begin : gen_not_above
    assign above_next = 1'b0;
  end
  if (PL > SX) begin : gen_left
    assign left_next = 32'(ox_q) + 1 < (PL + SX - 1) / SX;
  end else begin : gen_not_left
    assign left_next = 1'b0;
  end
  logic above;  // this row of windows does
  if (PT > 0) begin : gen_now_above
    assign above = 32'(oy_q) < (PT + SY - 1) / SY;
  end else begin : gen_now_not_above
    assign above = 1'b0;
  end
  always_comb begin
    oldest_d = oldest_q;
    if (ox_last) begin
      if (oy_last) oldest_d = row_d + Pad;
      else if (!above_next) oldest_d = row_d + LeftPad;
    end else if (!above && !left_next) begin
      oldest_d = window_d;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      read_q <= -Pad;
      window_q <= -Pad;
      row_q <= -Pad;
      oldest_q <= '0;
      c_q <= '0;
      kx_q <= '0;
      ky_q <= '0;
      ox_q <= '0;
      oy_q <= '0;
    end else if (issue) begin
      read_q <= read_d;
      window_q <= window_d;
      row_q <= row_d;
      c_q <= c_last ? '0 : c_q + CWidth'(1);
      if (c_last) kx_q <= kx_last ? '0 : kx_q + KxWidth'(1);
      if (kx_last) ky_q <= ky_last ? '0 : ky_q + KyWidth'(1);
      if (window_end) begin
        oldest_q <= oldest_d;
        ox_q <= ox_last ? '0 : ox_q + OxWidth'(1);
        if (ox_last) oy_q <= oy_last ? '0 : oy_q + OyWidth'(1);
      end
    end
  end

  if (Padded) begin : gen_pad
    // Padded coordinates of this beat.
    localparam int unsigned XWidth = askew_pkg::count_width(PL + W + PR);
    localparam int unsigned YWidth = askew_pkg::count_width(PT + H + PB);
    logic [XWidth-1:0] x0_q, x;
    logic [YWidth-1:0] y0_q, y;
    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        x0_q <= '0;
        y0_q <= '0;
      end else if (issue && window_end) begin
        x0_q <= ox_last ? '0 : x0_q + XWidth'(SX);
        if (ox_last) y0_q <= oy_last ? '0 : y0_q + YWidth'(SY);
      end
    end
    assign x = x0_q + XWidth'(kx_q);
    assign y = y0_q + YWidth'(ky_q);
    logic before_left, before_top;
    if (PL > 0) begin : gen_left
      assign before_left = x < XWidth'(PL);
    end else begin : gen_no_left
      assign before_left = 1'b0;
    end
    if (PT > 0) begin : gen_top
      assign before_top = y < YWidth'(PT);
    end else begin : gen_no_top
      assign before_top = 1'b0;
    end
    assign pad = before_left || x >= XWidth'(PL + W) || before_top || y >= YWidth'(PT + H);
  end else begin : gen_no_pad
    assign pad = 1'b0;
  end

  // The buffer.
  logic [SIMD*EW-1:0] word_q;
  logic [SIMD*EW-1:0] ram[Words];
  always_ff @(posedge clk_i) begin
    if (accept) ram[write_q[AddressWidth-1:0]] <= data_i;
    if (ce) word_q <= ram[read_q[AddressWidth-1:0]];
  end
  if (Padded) begin : gen_pad_value
    logic pad_q;
    logic [CWidth-1:0] pad_word_q;
    always_ff @(posedge clk_i) begin
      if (ce) pad_q <= pad;
      if (ce) pad_word_q <= c_q;
    end
    assign data_o = pad_q ? PAD[32'(pad_word_q)*SIMD*EW+:SIMD*EW] : word_q;
  end else begin : gen_no_pad_value
    assign data_o = word_q;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= 1'b0;
    else if (ce) valid_q <= issue;
  end
  always_ff @(posedge clk_i) if (ce) last_o <= window_end && ox_last && oy_last;
  assign valid_o = valid_q;

  if (SIMD < 1 || C % SIMD != 0) begin : gen_check_simd
    $error("askew_swu: C (%0d) must be divisible by SIMD (%0d)", C, SIMD);
  end
  if (PT + H + PB < KH || PL + W + PR < KW || PT >= KH || PB >= KH || PL >= KW || PR >= KW) begin : gen_check_window
    $error("askew_swu: window %0d x %0d does not fit %0d x %0d padded by %0d %0d %0d %0d", KH, KW, H, W, PT, PL, PB, PR);
  end
  if (DEPTH != 0 && (Words != DEPTH || DEPTH < ((KH - 1) * W + KW) * CW)) begin : gen_check_depth
    $error("askew_swu: DEPTH (%0d) must be a power of two and at least %0d", DEPTH, ((KH - 1) * W + KW) * CW);
  end

`ifdef SYNTHESIS
  logic unused_last;
  assign unused_last = last_i;
`else
  localparam int unsigned FrameWidth = askew_pkg::count_width(H * W * CW);
  logic [FrameWidth-1:0] written_q;
  logic frame_end;
  assign frame_end = written_q == FrameWidth'(H * W * CW - 1);
  always_ff @(posedge clk_i) begin
    if (!rst_ni) written_q <= '0;
    else if (accept) written_q <= frame_end ? '0 : written_q + FrameWidth'(1);
  end
  `ASKEW_ASSERT(FrameEnd, clk_i, rst_ni && accept, last_i == frame_end, "a frame is H * W * C / SIMD words")
  `ASKEW_ASSERT(WordHeld, clk_i, rst_ni && issue && !pad, read_q - oldest_q < pointer_t'(Words),
                "no word is written over that is needed")
`endif

  askew_stream_rules #(
      .WIDTH(SIMD * EW + 1)
  ) i_rules (
      .clk_i  (clk_i),
      .rst_ni (rst_ni),
      .valid_i(valid_o),
      .ready_i(ready_i),
      .data_i ({last_o, data_o})
  );
endmodule
