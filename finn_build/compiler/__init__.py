"""The integer network as FINN's graph: nodes, boards and execution."""
