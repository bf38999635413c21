"""Everything that is held to the integer network: simulator, folding, cycle model, RTL."""
