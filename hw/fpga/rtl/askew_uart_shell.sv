// Frames from a serial line through a dataflow, labels, scores and cycles back: `askew_uart_pkg` has the protocol. A frame is
// stored whole and its check compared before any of it reaches the dataflow, so that a damaged one never does; then it is
// streamed at the dataflow's own speed, as often as asked. One frame is in the dataflow at a time, while the next one comes.
// Rejected: streaming pixels as they arrive, which would need flow control on the line and would time the line alone.
module askew_uart_shell #(
    parameter int unsigned BEATS = 2,  // of a frame
    parameter int unsigned BEAT_BYTES = 1,  // pixels of a beat
    parameter int unsigned CLASSES = 10,  // scores of a frame
    parameter int unsigned LANES = 1,  // scores that come together; divides CLASSES
    parameter int unsigned SCORE_W = 16,  // bits of a score, two's complement
    parameter int unsigned LABEL_W = 4,  // bits of a label, 16 at most
    parameter int unsigned STEP = 1,  // with MODULUS: baud rate / clock
    parameter int unsigned MODULUS = 16,
    parameter int unsigned TIMEOUT = 1000000,  // cycles after which a packet that stopped is given up
    parameter int unsigned IDENTITY_BYTES = 1,
    parameter IDENTITY_FILE = ""  // $readmemh, a byte a line
) (
    input  logic                     clk_i,
    input  logic                     rst_ni,
    input  logic                     rx_i,
    output logic                     tx_o,
    output logic                     pixels_valid_o,
    input  logic                     pixels_ready_i,
    output logic [ 8*BEAT_BYTES-1:0] pixels_data_o,
    output logic                     pixels_last_o,
    input  logic                     label_valid_i,
    output logic                     label_ready_o,
    input  logic [      LABEL_W-1:0] label_i,
    input  logic                     scores_valid_i,  // this beat of scores moves in this cycle
    input  logic [LANES*SCORE_W-1:0] scores_i,
    output logic                     busy_o,
    output logic                     error_o  // a packet has been refused since the last good one
);
  localparam int unsigned AddressWidth = askew_pkg::index_width(BEATS);
  localparam int unsigned ByteWidth = askew_pkg::index_width(BEAT_BYTES);
  localparam int unsigned TimeoutWidth = $clog2(TIMEOUT + 1);

  // Receiving.
  typedef enum logic [1:0] {
    RxIdle,
    RxHeader,
    RxPixels,
    RxCheck
  } rx_e;
  rx_e state_q;
  logic [7:0] rx_byte, number_q;
  logic [15:0] crc_q, crc_d, repeats_q;
  logic [1:0] count_q;
  logic [ByteWidth-1:0] lane_q;
  logic [AddressWidth-1:0] beat_q;
  logic [8*BEAT_BYTES-1:0] word_q, word_d;
  logic [TimeoutWidth-1:0] quiet_q;
  logic rx_valid, is_frame_q, refused_q, timed_out, packet_ends, is_good, write, blocked, whole;
  askew_uart_rx #(
      .STEP(STEP),
      .MODULUS(MODULUS)
  ) i_rx (
      .clk_i  (clk_i),
      .rst_ni (rst_ni),
      .rx_i   (rx_i),
      .valid_o(rx_valid),
      .data_o (rx_byte)
  );
  if (BEAT_BYTES == 1) begin : gen_byte
    assign word_d = rx_byte;
  end else begin : gen_bytes
    assign word_d = {rx_byte, word_q[8*BEAT_BYTES-1:8]};  // a new byte pushes out the oldest one
  end
  always_ff @(posedge clk_i) if (rx_valid) word_q <= word_d;
  assign crc_d = askew_uart_pkg::crc_next(state_q == RxIdle ? askew_uart_pkg::CrcStart : crc_q, rx_byte);
  assign timed_out = state_q != RxIdle && quiet_q == TimeoutWidth'(TIMEOUT);
  assign packet_ends = rx_valid && state_q == RxCheck && count_q == 2'd1;
  assign is_good = packet_ends && crc_d == '0;
  assign write = rx_valid && state_q == RxPixels && lane_q == ByteWidth'(BEAT_BYTES - 1);
  assign whole = is_good && is_frame_q && !refused_q;
  always_ff @(posedge clk_i) begin
    if (rx_valid) begin
      crc_q <= crc_d;
      if (state_q == RxIdle) is_frame_q <= rx_byte == askew_uart_pkg::CommandFrame;
      if (state_q == RxHeader && count_q == 2'd0) number_q <= rx_byte;
      if (state_q == RxHeader && count_q != 2'd0) repeats_q <= {rx_byte, repeats_q[15:8]};
    end
    quiet_q <= rx_valid || state_q == RxIdle ? '0 : quiet_q + TimeoutWidth'(1);
    if (!rst_ni) begin
      state_q <= RxIdle;
      count_q <= '0;
      lane_q <= '0;
      beat_q <= '0;
      refused_q <= 1'b0;
    end else if (timed_out) begin
      state_q <= RxIdle;
    end else if (rx_valid) begin
      case (state_q)
        RxIdle: begin
          count_q <= '0;
          lane_q <= '0;
          beat_q <= '0;
          refused_q <= 1'b0;
          if (rx_byte == askew_uart_pkg::CommandFrame) state_q <= RxHeader;
          if (rx_byte == askew_uart_pkg::CommandIdentify) state_q <= RxCheck;
        end
        RxHeader: begin
          count_q <= count_q + 2'd1;
          if (count_q == 2'd2) begin
            count_q <= '0;
            state_q <= RxPixels;
          end
        end
        RxPixels: begin
          lane_q <= write ? '0 : lane_q + ByteWidth'(1);
          if (write) begin
            refused_q <= refused_q || blocked;
            beat_q <= beat_q + AddressWidth'(1);
            if (beat_q == AddressWidth'(BEATS - 1)) state_q <= RxCheck;
          end
        end
        default: begin
          count_q <= count_q + 2'd1;
          if (packet_ends) state_q <= RxIdle;
        end
      endcase
    end
  end

  // Running.
  typedef enum logic [1:0] {
    RunFree,
    RunBusy,
    RunReply
  } run_e;
  run_e run_q;
  logic [7:0] stored_number_q, run_number_q;
  logic [15:0] stored_repeats_q, run_repeats_q, labels_q, label_q;
  logic [31:0] cycles_q;
  logic occupied, start, started_q, label_moves, reply_sent;
  askew_frame_store #(
      .WIDTH(8 * BEAT_BYTES),
      .BEATS(BEATS)
  ) i_store (
      .clk_i     (clk_i),
      .rst_ni    (rst_ni),
      .write_i   (write),
      .address_i (beat_q),
      .data_i    (word_q),
      .blocked_o (blocked),
      .whole_i   (whole),
      .occupied_o(occupied),
      .start_i   (start),
      .repeats_i (stored_repeats_q),
      .valid_o   (pixels_valid_o),
      .ready_i   (pixels_ready_i),
      .data_o    (pixels_data_o),
      .last_o    (pixels_last_o)
  );
  assign start = run_q == RunFree && occupied;
  assign label_ready_o = run_q == RunBusy;
  assign label_moves = label_valid_i && label_ready_o;
  assign busy_o = run_q != RunFree;
  always_ff @(posedge clk_i) begin
    if (whole) begin
      stored_number_q  <= number_q;
      stored_repeats_q <= repeats_q;
    end
    if (start) begin
      run_number_q <= stored_number_q;
      run_repeats_q <= stored_repeats_q;
      labels_q <= '0;
      cycles_q <= '0;
    end
    if (label_moves) begin
      labels_q <= labels_q + 16'd1;
      label_q  <= 16'(label_i);
    end
    if (started_q && run_q == RunBusy) cycles_q <= cycles_q + 32'd1;  // in the end: from first beat to last label
    if (!rst_ni) begin
      run_q <= RunFree;
      started_q <= 1'b0;
    end else begin
      case (run_q)
        RunFree: if (start) run_q <= RunBusy;
        RunBusy: begin
          if (pixels_valid_o && pixels_ready_i) started_q <= 1'b1;
          if (label_moves && labels_q + 16'd1 == run_repeats_q) run_q <= RunReply;
        end
        default: begin
          started_q <= 1'b0;
          if (reply_sent) run_q <= RunFree;
        end
      endcase
    end
  end

  // The scores of the last frame.
  logic [SCORE_W-1:0] score;
  logic next_score;
  askew_score_store #(
      .CLASSES(CLASSES),
      .LANES  (LANES),
      .SCORE_W(SCORE_W)
  ) i_scores (
      .clk_i   (clk_i),
      .rst_ni  (rst_ni),
      .valid_i (scores_valid_i),
      .scores_i(scores_i),
      .first_i (run_q == RunBusy),
      .next_i  (next_score),
      .score_o (score)
  );

  // Replying.
  localparam int unsigned ScoreBytes = (SCORE_W + 7) / 8;
  localparam int unsigned IdentityWidth = askew_pkg::index_width(IDENTITY_BYTES);
  localparam int unsigned LongestWidth = askew_pkg::index_width(CLASSES * ScoreBytes + IDENTITY_BYTES);
  typedef enum logic [2:0] {
    TxIdle,
    TxHeader,
    TxScores,
    TxIdentity,
    TxCheck
  } tx_e;
  tx_e tx_state_q;
  logic [7:0] identity[IDENTITY_BYTES];
  logic [7:0] tx_byte_q, score_byte;
  logic [63:0] header_q;  // the next byte is the lowest
  logic [15:0] tx_crc_q;
  logic [LongestWidth-1:0] left_q;
  logic [IdentityWidth-1:0] place_q;  // in the identity
  logic [1:0] byte_q;  // of a score
  askew_uart_pkg::error_e error_q;
  logic identify_q, error_pending_q, offered_q, tx_ready, sent, is_label_q;
  logic [8*ScoreBytes-1:0] wide_score;
  if (IDENTITY_FILE == "") begin : gen_no_identity
    for (genvar i = 0; i < IDENTITY_BYTES; i++) begin : gen_zero
      assign identity[i] = '0;
    end
  end else begin : gen_identity
    initial $readmemh(IDENTITY_FILE, identity);
  end
  askew_uart_tx #(
      .STEP(STEP),
      .MODULUS(MODULUS)
  ) i_tx (
      .clk_i  (clk_i),
      .rst_ni (rst_ni),
      .valid_i(offered_q),
      .ready_o(tx_ready),
      .data_i (tx_byte_q),
      .tx_o   (tx_o)
  );
  assign sent = offered_q && tx_ready;
  assign wide_score = (8 * ScoreBytes)'($signed(score));
  assign score_byte = wide_score[8*byte_q+:8];
  assign next_score = sent && tx_state_q == TxScores && byte_q == 2'(ScoreBytes - 1);
  assign reply_sent = sent && tx_state_q == TxCheck && left_q == '0 && is_label_q;
  assign error_o = error_pending_q || error_q != askew_uart_pkg::error_e'(8'd0);
  always_ff @(posedge clk_i) begin
    // A byte is fetched in one cycle and offered from the next one on.
    case (tx_state_q)
      TxScores: tx_byte_q <= score_byte;
      TxIdentity: tx_byte_q <= identity[place_q];
      TxCheck: tx_byte_q <= left_q != '0 ? tx_crc_q[15:8] : tx_crc_q[7:0];
      default: tx_byte_q <= header_q[7:0];
    endcase
    if (offered_q) tx_byte_q <= tx_byte_q;
    if (sent && tx_state_q != TxCheck) tx_crc_q <= askew_uart_pkg::crc_next(tx_crc_q, tx_byte_q);
    if (!rst_ni) begin
      tx_state_q <= TxIdle;
      identify_q <= 1'b0;
      error_pending_q <= 1'b0;
      error_q <= askew_uart_pkg::error_e'(8'd0);
      offered_q <= 1'b0;
    end else begin
      if (is_good && !is_frame_q) identify_q <= 1'b1;
      if (whole) error_q <= askew_uart_pkg::error_e'(8'd0);
      if (timed_out || (packet_ends && (!is_good || (is_frame_q && refused_q)))) begin
        error_pending_q <= 1'b1;
        error_q <= timed_out ? askew_uart_pkg::ErrorIncomplete : is_good ? askew_uart_pkg::ErrorBusy : askew_uart_pkg::ErrorCheck;
      end
      if (tx_state_q == TxIdle) begin
        offered_q  <= 1'b0;
        tx_crc_q   <= askew_uart_pkg::CrcStart;
        is_label_q <= 1'b0;
        byte_q     <= '0;
        place_q    <= '0;
        if (run_q == RunReply) begin
          tx_state_q <= TxHeader;
          is_label_q <= 1'b1;
          header_q   <= {cycles_q, label_q, run_number_q, askew_uart_pkg::ReplyLabel};
          left_q     <= LongestWidth'(7);
        end else if (identify_q) begin
          tx_state_q <= TxHeader;
          identify_q <= 1'b0;
          header_q   <= 64'(askew_uart_pkg::ReplyIdentity);
          left_q     <= LongestWidth'(0);
        end else if (error_pending_q) begin
          tx_state_q <= TxHeader;
          error_pending_q <= 1'b0;
          header_q <= 64'({error_q, askew_uart_pkg::ReplyError});
          left_q <= LongestWidth'(1);
        end
      end else begin
        offered_q <= !sent;
        if (sent) begin
          left_q   <= left_q - LongestWidth'(1);
          header_q <= header_q >> 8;
          if (tx_state_q == TxIdentity) place_q <= place_q + IdentityWidth'(1);
          if (tx_state_q == TxScores) byte_q <= next_score ? '0 : byte_q + 2'd1;
          if (left_q == '0) begin
            if (tx_state_q == TxCheck) begin
              tx_state_q <= TxIdle;
            end else if (tx_state_q == TxHeader && is_label_q) begin
              tx_state_q <= TxScores;
              left_q <= LongestWidth'(CLASSES * ScoreBytes - 1);
            end else if (tx_state_q == TxHeader && header_q[7:0] == askew_uart_pkg::ReplyIdentity) begin
              tx_state_q <= TxIdentity;
              left_q <= LongestWidth'(IDENTITY_BYTES - 1);
            end else begin
              tx_state_q <= TxCheck;
              left_q <= LongestWidth'(1);
            end
          end
        end
      end
    end
  end

  if (BEATS < 1 || BEAT_BYTES < 1 || CLASSES % LANES != 0 || LABEL_W > 16 || SCORE_W > 32) begin : gen_check_sizes
    $error("askew_uart_shell: BEATS (%0d), BEAT_BYTES (%0d), CLASSES (%0d), LANES (%0d), LABEL_W (%0d), SCORE_W (%0d)",
           BEATS, BEAT_BYTES, CLASSES, LANES, LABEL_W, SCORE_W);
  end
  if (MODULUS < 8 * STEP) begin : gen_check_baud
    $error("askew_uart_shell: a bit (%0d/%0d cycles) must last at least 8 cycles", MODULUS, STEP);
  end
endmodule
