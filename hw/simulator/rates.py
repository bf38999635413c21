"""How fast the compiled kernels are, and how fast this machine could be at best. Rates are multiply-accumulates, 1e9/s.

One multiply-accumulate of bits is one xnor, one place of a popcount and its share of an addition. Time is what each
thread itself had of a processor: what others do on the machine meanwhile does not make a kernel slower.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn import MatrixLayer, Network, as_chain
from hw.simulator.compiled import BinaryStep, Compiled
from hw.simulator.front import Backend, prepare
from hw.simulator.kernels.peak import LANE_WORDS, TILE_WORDS, count_by_trees, count_each_word

PEAK_BYTES = 2**14  # half a level 1 data cache
PEAK_REPEATS = 1024  # calling from Python then costs nothing that shows
STRETCHES = 5


@dataclass(frozen=True)
class LayerRate:
    """One layer's share of a frame's work, and its kernel's speed."""

    name: str
    macs_per_frame: int
    gmacs_per_second: float
    peak_gmacs_per_second: float  # measured right before


def popcount_peak(threads: int, seconds: float) -> dict[str, float]:
    """The speed of xor, popcount and add from the level 1 cache, by method, on so many threads for so long each.

    "each word" is the plain loop with the machine's best vector popcount; "carry-save trees" are what the kernels
    use, at a length that no layer has, with nothing around them.
    """
    words = PEAK_BYTES // 8
    random = np.random.default_rng(0)
    weights = random.integers(0, 2**64, words + LANE_WORDS, dtype=np.uint64)
    weights = weights[-weights.ctypes.data % 64 // 8 :][:words]  # from where a cache line starts
    row = random.integers(0, 2**64, TILE_WORDS, dtype=np.uint64)

    def each_word() -> int:
        count_each_word(weights, row, PEAK_REPEATS, np.zeros(LANE_WORDS, np.uint64))
        return PEAK_REPEATS * PEAK_BYTES * 8

    def by_trees() -> int:
        count_by_trees(weights.view(np.uint32), row, PEAK_REPEATS, np.zeros(2 * LANE_WORDS, np.int32))
        return PEAK_REPEATS * PEAK_BYTES * 8

    return {
        "each word": _rate(each_word, threads, seconds) / 1e9,
        "carry-save trees": _rate(by_trees, threads, seconds) / 1e9,
    }


def layer_rates(network: Network, threads: int, seconds: float, at_least_macs: int = 0) -> list[LayerRate]:
    """The speed of every hidden layer with binary input, each alone, on random images.

    Layers of fewer multiply-accumulates a frame than ``at_least_macs`` are left out.
    """
    engine = prepare(network, Backend.NUMBA)
    assert isinstance(engine, Compiled)
    shapes = {layer.name: (layer, layer.output_shape(shape)) for layer, shape, _ in as_chain(network).walk()}
    count = engine.frames_per_batch
    images = np.random.default_rng(0).integers(0, 256, (count, *network.input.shape), dtype=np.uint8)
    frames: NDArray[Any] = images.reshape(-1)
    rates = []
    for step in engine.steps[:-1]:
        if isinstance(step, BinaryStep):
            layer, (height, width, _) = shapes[step.name]
            assert isinstance(layer, MatrixLayer)
            macs = layer.mw * layer.mh * height * width
            if macs >= at_least_macs:
                # The loop variables as defaults: each function is called before the next is made, and keeps its own.
                def run(step: BinaryStep = step, frames: NDArray[Any] = frames, macs: int = macs) -> int:
                    step.bits(frames, count)
                    return count * macs

                peak = max(popcount_peak(threads, seconds).values())
                rates.append(LayerRate(step.name, macs, _rate(run, threads, seconds) / 1e9, peak))
        frames = step.bits(frames, count)
    return rates


def _rate(run: Callable[[], int], threads: int, seconds: float) -> float:
    """What ``run`` returns per second of a thread's time, summed over the threads; the best of a few stretches."""
    run()

    def stretch(length: float) -> float:
        done, start = 0, time.thread_time()
        while True:
            done += run()
            passed = time.thread_time() - start
            if passed >= length:
                return done / passed

    with ThreadPoolExecutor(threads) as executor:
        return max(sum(executor.map(stretch, repeat(seconds / STRETCHES, threads))) for _ in range(STRETCHES))
