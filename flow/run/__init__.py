"""The run folder: one design, and what every stage reads and writes."""
