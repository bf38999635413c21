"""A model's own arithmetic as a function of NumPy arrays, as ``bnn.stage`` wants it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bnn.stage.operators import Operator


@dataclass(frozen=True, eq=False)
class NumpyEpilogue:
    """(n, c) float32 numbers through ``function``.

    Attributes:
        function: takes images (n, c, h, w) or rows (n, c), and computes in PyTorch.
        is_image: which of the two.
        operators: the same for a file that writes it down, as ``bnn.stage.operators.Written``.
    """

    function: Callable[[Tensor], Tensor]
    is_image: bool
    operators: tuple[Operator, ...] = ()

    def __call__(self, numbers: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, c) to (n, c)."""
        x = torch.from_numpy(np.ascontiguousarray(numbers, dtype=np.float32))
        with torch.no_grad():
            y = self.function(x[:, :, None, None])[:, :, 0, 0] if self.is_image else self.function(x)
        answer: NDArray[np.float32] = y.numpy()
        return answer
