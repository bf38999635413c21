// Makes a stream unit of askew_axis_bytes: TKEEP stands above the bytes of a beat, what is missing above those that go out.
module askew_bytes_probe #(
    parameter int unsigned IN_BYTES  = 4,
    parameter int unsigned OUT_BYTES = 3
) (
    input  logic                   clk_i,
    input  logic                   rst_ni,
    input  logic                   valid_i,
    output logic                   ready_o,
    input  logic [ 9*IN_BYTES-1:0] data_i,
    input  logic                   last_i,
    output logic                   valid_o,
    input  logic                   ready_i,
    output logic [8*OUT_BYTES : 0] data_o,
    output logic                   last_o
);
  askew_axis_bytes #(
      .IN_BYTES (IN_BYTES),
      .OUT_BYTES(OUT_BYTES)
  ) i_bytes (
      .clk_i,
      .rst_ni,
      .valid_i,
      .ready_o,
      .data_i   (data_i[8*IN_BYTES-1:0]),
      .keep_i   (data_i[9*IN_BYTES-1:8*IN_BYTES]),
      .last_i,
      .valid_o,
      .ready_i,
      .data_o   (data_o[8*OUT_BYTES-1:0]),
      .last_o,
      .partial_o(data_o[8*OUT_BYTES])
  );
endmodule
