"""Which frames are worth a slow check: those whose accumulators come closest to the ends of what they can reach.

Whatever is too narrow somewhere in the hardware goes wrong there first, and nowhere else.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bnn import Chain, MatrixLayer
from finn_build.board.evaluator import accumulator_ends
from finn_build.compiler.widths import accumulators

MOST_PRODUCTS = 5 * 10**9  # multiplications that the search may take: some seconds; a frame of CNV has 6 * 10**7


def extreme_frames(form: Chain, images: NDArray[np.uint8], count: int) -> NDArray[np.int64]:
    """Indices of ``count`` frames, ascending.

    For every matrix layer the frame with the highest accumulator and, where it can be negative, the one with the
    lowest, first those that come closest to the end of the layer's range; then those with the lowest popcounts, for
    which no type is too narrow; then the first frames that are left.

    Args:
        form: the network as ``finn_form`` gave it.
        images: (n, H, W, C); only the first are looked at where the network is large.
        count: 1..n.
    """
    searched = images[: max(count, min(len(images), MOST_PRODUCTS // _products(form)))]
    ends = accumulator_ends(form, searched)
    found: list[tuple[bool, float, int]] = []  # whether that end is 0; how far off, as a share of the range; the frame
    for reached in accumulators(form):
        lowest, highest = ends[reached.layer].T
        span = max(reached.high - reached.low, 1)
        found.append((reached.high == 0, (reached.high - int(highest.max())) / span, int(highest.argmax())))
        found.append((reached.low == 0, (int(lowest.min()) - reached.low) / span, int(lowest.argmin())))
    frames = [frame for *_, frame in sorted(found)] + list(range(len(images)))
    return np.array(sorted(list(dict.fromkeys(frames))[:count]), np.int64)


def _products(form: Chain) -> int:
    """Multiplications of one frame."""
    total = 0
    for layer, shape, _ in form.walk():
        if isinstance(layer, MatrixLayer):
            height, width, channels = layer.output_shape(shape)
            total += height * width * channels * layer.mw
    return total
