"""A model's own arithmetic as a function of NumPy arrays, as ``bnn.stage`` wants it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bnn.stage import Epilogue


def numpy_epilogue(epilogue: Callable[[Tensor], Tensor], *, is_image: bool) -> Epilogue:
    """(n, c) float32 numbers through ``epilogue``, which takes images (n, c, h, w) or rows (n, c)."""

    def apply(numbers: NDArray[np.float32]) -> NDArray[np.float32]:
        x = torch.from_numpy(np.ascontiguousarray(numbers, dtype=np.float32))
        with torch.no_grad():
            y = epilogue(x[:, :, None, None])[:, :, 0, 0] if is_image else epilogue(x)
        answer: NDArray[np.float32] = y.numpy()
        return answer

    return apply
