// Holds a design to the scores, labels and identity that were written beside it: frames with a TLAST each and the input and
// output always willing; then a part of a frame, a reset in its midst, and all frames as one packet with one TLAST at its
// end, while the input has gaps and the output is slow. For Verilator 5 and Icarus 12; run by the Makefile beside it.
`timescale 1ns / 1ps

module askew_verify;
  `include "askew_verify_sizes.svh"

  localparam integer Phases = 2;
  reg clk = 1'b0, rst_n = 1'b0;
  always #5 clk = !clk;

  reg [PixelBits-1:0] pixels[0:Frames*PixelBeats-1];
  reg [ScoreBits-1:0] scores[0:Frames*ScoreBeats-1];
  reg [31:0] labels[0:Frames-1];
  initial begin
    $readmemh("verify/pixels.hex", pixels);
    $readmemh("verify/scores.hex", scores);
    $readmemh("verify/labels.hex", labels);
  end

  reg s_valid = 1'b0, m_ready = 1'b0, ar_valid = 1'b0;
  reg [PixelBits-1:0] s_data;
  reg s_last;
  reg [11:0] ar_addr = 12'h000;
  wire s_ready, m_valid, m_last, ar_ready, r_valid;
  wire [31:0] m_data, r_data;
  wire [1:0] r_resp;
  askew_top i_top (
      .clk_i(clk),
      .rst_ni(rst_n),
      .s_axis_tvalid(s_valid),
      .s_axis_tready(s_ready),
      .s_axis_tdata(s_data),
      .s_axis_tlast(s_last),
      .s_axis_tuser(1'b0),
      .m_axis_tvalid(m_valid),
      .m_axis_tready(m_ready),
      .m_axis_tdata(m_data),
      .m_axis_tlast(m_last),
      .s_axi_awvalid(1'b0),
      .s_axi_awready(),
      .s_axi_awaddr(12'h000),
      .s_axi_wvalid(1'b0),
      .s_axi_wready(),
      .s_axi_wdata(32'h0),
      .s_axi_wstrb(4'h0),
      .s_axi_bvalid(),
      .s_axi_bready(1'b1),
      .s_axi_bresp(),
      .s_axi_arvalid(ar_valid),
      .s_axi_arready(ar_ready),
      .s_axi_araddr(ar_addr),
      .s_axi_rvalid(r_valid),
      .s_axi_rready(1'b1),
      .s_axi_rdata(r_data),
      .s_axi_rresp(r_resp)
  );

  integer phase = 0, sent = 0, scored = 0, labelled = 0, silent = 0, mismatches = 0, wrong_frames = 0;
  integer beats_to_send;
  reg running = 1'b0, wrong = 1'b0;
  reg [31:0] random = 32'h1234_5678;  // xorshift
  function [31:0] next_random(input [31:0] from);
    reg [31:0] x;
    begin
      x = from ^ (from << 13);
      x = x ^ (x >> 17);
      next_random = x ^ (x << 5);
    end
  endfunction

  // What is driven changes at falling edges.
  reg shown = 1'b0;
  always @(negedge clk) begin
    random <= next_random(random);
    if (!running) begin
      s_valid <= 1'b0;
      m_ready <= 1'b0;
      shown   <= 1'b0;
    end else begin
      if ((shown || phase == 0 || random[1:0] != 2'd0) && sent < beats_to_send) begin
        s_valid <= 1'b1;
        shown   <= 1'b1;
        s_data  <= pixels[sent];
        s_last  <= phase == 0 ? sent % PixelBeats == PixelBeats - 1 : sent == Frames * PixelBeats - 1;
      end else begin
        s_valid <= 1'b0;
      end
      m_ready <= phase == 0 || random[4:2] == 3'd0;
    end
  end

  // What happens is seen at rising edges.
  always @(posedge clk) begin
    if (running) begin
      silent <= silent + 1;
      if (s_valid && s_ready) begin
        sent   <= sent + 1;
        shown  <= 1'b0;
        silent <= 0;
      end
      if (i_top.i_dataflow.i_label.valid_i && i_top.i_dataflow.i_label.ready_o) begin
        if (i_top.i_dataflow.i_label.data_i !== scores[scored]) begin
          mismatches <= mismatches + 1;
          $display("phase %0d, frame %0d: scores %h, expected %h", phase, scored / ScoreBeats,
                   i_top.i_dataflow.i_label.data_i, scores[scored]);
        end
        scored <= scored + 1;
      end
      if (m_valid && m_ready) begin
        silent   <= 0;
        labelled <= labelled + 1;
        if (m_data !== labels[labelled] || m_last !== (phase == 0 || labelled == Frames - 1)) begin
          wrong_frames <= wrong_frames + 1;
          $display("phase %0d, frame %0d: label %0d, last %b, expected %0d", phase, labelled, m_data, m_last, labels[labelled]);
        end
      end
    end
  end

  task reset;
    begin
      running = 1'b0;
      rst_n   = 1'b0;
      repeat (4) @(negedge clk);
      sent = 0;
      scored = 0;
      labelled = 0;
      silent = 0;
      rst_n = 1'b1;
    end
  endtask

  task read(input [11:0] address, output [31:0] value);
    begin
      @(negedge clk);
      ar_addr  = address;
      ar_valid = 1'b1;
      @(posedge clk);
      while (!ar_ready) @(posedge clk);
      @(negedge clk);
      ar_valid = 1'b0;
      while (!r_valid) @(negedge clk);
      value = r_data;
    end
  endtask

  integer word;
  reg [31:0] value;
  reg [255:0] identity;
  initial begin
    for (phase = 0; phase < Phases; phase = phase + 1) begin
      if (phase == 1) begin  // a part of a frame, which the reset makes nothing of
        reset;
        beats_to_send = PixelBeats > 1 ? PixelBeats / 2 : 1;
        running = 1'b1;
        repeat (4 * PixelBeats + 8) @(negedge clk);
      end
      reset;
      beats_to_send = Frames * PixelBeats;
      running = 1'b1;
      while (labelled < Frames && silent < StuckCycles) @(negedge clk);
      running = 1'b0;
      if (labelled < Frames) begin
        wrong_frames = wrong_frames + Frames - labelled;
        $display("phase %0d: stuck after %0d of %0d labels", phase, labelled, Frames);
      end
      if (scored < Frames * ScoreBeats) mismatches = mismatches + 1;
    end
    for (word = 0; word < 8; word = word + 1) begin
      read(12'h040 + 4 * word[9:0], value);
      identity = {identity[223:0], value};
    end
    if (identity !== NetworkHash) $display("identity: %h, expected %h", identity, NetworkHash);
    if (mismatches == 0 && wrong_frames == 0 && identity === NetworkHash) begin
      $display("PASS: network %h, %0d frames twice, all scores and labels as expected", NetworkHash[255:208], Frames);
    end else begin
      $display("FAIL: %0d beats of scores and %0d labels are not as expected", mismatches, wrong_frames);
    end
    $finish;
  end
endmodule
