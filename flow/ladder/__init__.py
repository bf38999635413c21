"""The rungs, the ladder that holds them to golden, and where two of them part."""
