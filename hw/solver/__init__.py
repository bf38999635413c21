"""The folding solver: the best PE and SIMD of every layer for a goal and a board."""
