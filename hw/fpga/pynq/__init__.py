"""Our own design as an overlay for PYNQ boards: Vivado's scripts, and what they are told."""
