"""The class that scores say: the one place where a class is made of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def classes_of(scores: NDArray[np.generic]) -> NDArray[np.int64]:
    """The class (n,) of each row of scores (n, classes): the highest, ties to the lower index."""
    return np.asarray(np.argmax(scores, axis=1), dtype=np.int64)  # argmax gives the first of equals
