// The assertion macro of all modules; nothing of it is left in synthesis.
// NAME: label of the assertion. CLOCK: it is checked at every rising edge. ENABLE: while this is 1; a reset that is active
// low, or a signal that says that there is something to check. PROPERTY: what must hold. SENTENCE: the same in words, for
// whoever sees it fail. A property with a comma outside brackets goes into parentheses.
`ifndef ASKEW_ASSERT_SVH
`define ASKEW_ASSERT_SVH

`ifdef SYNTHESIS
`define ASKEW_ASSERT(NAME, CLOCK, ENABLE, PROPERTY, SENTENCE)
`elsif YOSYS  // proves assertions, and knows no else branch of theirs
`define ASKEW_ASSERT(NAME, CLOCK, ENABLE, PROPERTY, SENTENCE) \
  always_ff @(posedge CLOCK) if (ENABLE) NAME : assert (PROPERTY);
`elsif __ICARUS__  // takes no label here, and knows X, which is no failure while nothing has been loaded
`define ASKEW_ASSERT(NAME, CLOCK, ENABLE, PROPERTY, SENTENCE) \
  always @(posedge CLOCK) if ((ENABLE) === 1'b1) assert ((PROPERTY) !== 1'b0) else $error("%s", SENTENCE);
`else
`define ASKEW_ASSERT(NAME, CLOCK, ENABLE, PROPERTY, SENTENCE) \
  always_ff @(posedge CLOCK) if (ENABLE) NAME : assert (PROPERTY) else $error("%s", SENTENCE);
`endif

`endif
