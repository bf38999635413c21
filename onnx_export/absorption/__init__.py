"""Absorption on the graph: a model's own float32 arithmetic becomes integers that compute exactly the same."""
