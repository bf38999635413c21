"""Threshold absorption: a trained model becomes integers that compute exactly what its float32 arithmetic computes.

Nothing here is algebra on real numbers. The model's own epilogue is evaluated at every accumulator that a layer can
reach; where its output turns is the threshold, and what it gives on a grid is what M, B and s must give.
"""

from __future__ import annotations

from collections.abc import Callable

from bnn.network import Network
from bnn.stage import ModelGraph
from onnx_export.absorption.reach import AbsorptionError
from onnx_export.absorption.walk import Walk

__all__ = ["AbsorptionError", "absorb"]


def absorb(model: ModelGraph, progress: Callable[[int], None] | None = None) -> Network:
    """Turn a trained model into the integer network that gives the same answers for every image.

    A channel whose output rises with the accumulator gets the first accumulator that gives +1 as its threshold. A
    falling one has its row of weights negated (row_flip), which negates its accumulator. In front of a max pool that
    is not valid, because the pool takes the largest accumulator, nor where somebody else reads the accumulators: there
    the bit means the opposite of the model's, and the weights of those who read it, and their padding, are negated
    instead. Where a max pool reads such bits that is not valid either: there the integer is negated in front of the
    threshold. What the model rounds onto a grid becomes (M x + B) >> s.

    Every value of the network has the name of the model's; values that only the network has get names of their own.

    Args:
        model: as training and the importer describe it.
        progress: called with 1 after each sign, grid, average pool, and the logits.

    Raises:
        AbsorptionError: an epilogue that is not monotonic, gives NaN, or has no integer form; layer and channel named.
        bnn.values.NetworkError: sizes that do not fit.
    """
    return Walk(model, progress).network
