"""Arrays of the contract: read-only, of the contract's own type, whatever type was given."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn.values import NetworkError


def frozen(array: Any, dtype: type[np.generic], where: str) -> NDArray[Any]:
    """A read-only copy in the contract's type; NetworkError where a value does not fit that type."""
    given = np.asarray(array)
    with np.errstate(invalid="ignore"):
        converted = given.astype(dtype)
    if not np.array_equal(converted, given):
        raise NetworkError(f"{where}: values do not fit {np.dtype(dtype).name}")
    converted.flags.writeable = False
    return converted
