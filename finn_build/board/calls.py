"""Calls to the accelerator: none waits for ever, and how long they take tells Python's share from the hardware's.

    seconds(n) = call + n * frame

``call`` is what any call costs: the registers written and read from Python, and the pipeline's filling. ``frame`` is
the hardware's own time from one frame to the next, DMA included, in which Python has no part. The line is fitted to the
median times of batches of several sizes, by least squares of the relative errors, so that a batch of one counts as much
as one of a thousand. ``residual`` is the largest relative error of a fitted time.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finn_build.board.accelerator import Accelerator

BATCHES = (1, 10, 100, 1000)
MOST_BYTES = 1 << 25  # of images in a timed batch: a board has some hundred MiB that its engines reach
REPEATS = 10
PATIENCE = 2.0  # times as long as single frames took


@dataclass(frozen=True)
class CallLine:
    """The line ``seconds(n) = call + n * frame``.

    Attributes:
        call_seconds: of any call, however many frames.
        frame_seconds: of each frame more.
        residual: largest relative error of a fitted time.
    """

    call_seconds: float
    frame_seconds: float
    residual: float


def fit_line(seconds: Mapping[int, float]) -> CallLine | None:
    """The line through batch size -> seconds; None for fewer than 3 sizes, or times that no such line explains."""
    if len(seconds) < 3:
        return None  # two points always lie on a line: nothing would tell whether it is one
    sizes, times = (np.array(values, np.float64) for values in (list(seconds), list(seconds.values())))
    scaled = np.stack([1 / times, sizes / times], axis=1)
    (call, frame), *_ = np.linalg.lstsq(scaled, np.ones(len(times)), rcond=None)
    if call < 0 or frame <= 0:
        return None
    return CallLine(float(call), float(frame), float(np.abs(scaled @ np.array([call, frame]) - 1).max()))


class Calls:
    """An accelerator that is called with a limit to every call.

    One frame may take ``timeout_seconds``; n frames may take that and ``PATIENCE * n`` times what one frame took.
    """

    def __init__(self, accelerator: Accelerator, images: NDArray[np.uint8], timeout_seconds: float) -> None:
        """Answer the first of ``images`` (n, H, W, C), which shows whether the accelerator answers at all."""
        self.accelerator = accelerator
        self._timeout_seconds = timeout_seconds
        self._frame_seconds = 0.0
        accelerator.load(images[:1])
        self._frame_seconds = self._run(1)

    def answers(self, images: NDArray[np.uint8]) -> NDArray[np.int64]:
        """(n, output_values) of (n, H, W, C) images."""
        self.accelerator.load(images)
        self._run(len(images))
        return self.accelerator.answers()

    def seconds(self, images: NDArray[np.uint8], size: int) -> float:
        """Median seconds that a batch takes from start to its last answer, without copying; images are repeated."""
        self.accelerator.load(images[np.arange(size) % len(images)])
        return statistics.median(self._run(size) for _ in range(REPEATS))

    def batch_seconds(self, images: NDArray[np.uint8]) -> dict[int, float]:
        """Batch size to seconds; of a simulation the first size alone, for how fast it is tells nothing."""
        sizes = [size for size in BATCHES if size == 1 or size * images[0].nbytes <= MOST_BYTES]
        return {size: self.seconds(images, size) for size in (sizes[:1] if self.accelerator.simulated else sizes)}

    def _run(self, count: int) -> float:
        start = time.perf_counter()
        self.accelerator.run(self._timeout_seconds + PATIENCE * count * self._frame_seconds)
        return time.perf_counter() - start
