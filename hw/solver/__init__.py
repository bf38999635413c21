"""The folding solver: the best PE and SIMD of every layer for a goal and a board."""

from hw.solver.solve import FoldedDesign, fold_for_latency, fold_for_max_rate, fold_for_rate

__all__ = ["FoldedDesign", "fold_for_latency", "fold_for_max_rate", "fold_for_rate"]
