"""Boards: what a design may use, and its usual clock. One TOML file a board."""
