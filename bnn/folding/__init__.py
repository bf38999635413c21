"""Foldings of networks, and their files."""

from bnn.folding.file import (
    FOLDING_FOLDER,
    FoldingFile,
    Goal,
    load_folded,
    load_folding,
    save_folding,
    shipped_foldings,
)
from bnn.folding.folding import (
    Folding,
    FoldingError,
    LayerFolding,
    LoopOrder,
    MatrixSize,
    divisors,
    matrix_sizes,
)

__all__ = [
    "FOLDING_FOLDER",
    "Folding",
    "FoldingError",
    "FoldingFile",
    "Goal",
    "LayerFolding",
    "LoopOrder",
    "MatrixSize",
    "divisors",
    "load_folded",
    "load_folding",
    "matrix_sizes",
    "save_folding",
    "shipped_foldings",
]
