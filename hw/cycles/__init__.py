"""The cycle model: exact predictions of what Verilator measures, buffer sizes and timelines."""
