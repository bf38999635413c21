"""The fraction of +1 of a layer and of its channels, as every stage that measures it describes it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

PROFILE_FRAMES = 256  # enough for the fraction of +1 to three digits
DIGITS = 6
QUARTILES = (0, 0.25, 0.5, 0.75, 1)


def describe_fractions(per_channel: NDArray[np.float64]) -> dict[str, Any]:
    """``plus_fraction`` of all, ``plus_fraction_quartiles`` of the channels, and ``plus_fraction_channels``, each.

    Args:
        per_channel: (channels,) fractions, 0..1; of as many values each, so that their mean is that of all.
    """
    return {
        "plus_fraction": float(per_channel.mean()),
        "plus_fraction_quartiles": [float(value) for value in np.quantile(per_channel, QUARTILES)],
        "plus_fraction_channels": [round(float(value), DIGITS) for value in per_channel],
    }
