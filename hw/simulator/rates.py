"""How fast the compiled kernels are, and how fast this machine could be at best. Rates are multiply-accumulates, 1e9/s.

One multiply-accumulate of bits is one xnor, one place of a popcount and its share of an addition. Time is what each
thread itself had of a processor: what others do on the machine meanwhile does not make a kernel slower.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from bnn import Network
from hw.simulator.compiled import Compiled, flat_pixels
from hw.simulator.front import Backend, prepare
from hw.simulator.kernels.peak import LANE_WORDS, TILE_WORDS, count_by_trees, count_each_word
from hw.simulator.memory import Memory
from hw.simulator.steps import BinaryStep

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
    program, count = engine.program, engine.frames_per_batch
    images = np.random.default_rng(0).integers(0, 256, (count, *network.input.shape), dtype=np.uint8)
    pixels, memory = flat_pixels(images), Memory(program.plan, count)
    rates = []
    for step in program.steps:
        is_hidden = isinstance(step, BinaryStep) and step.name != network.output.name
        if isinstance(step, BinaryStep) and is_hidden and _macs(network, step) >= at_least_macs:
            peak = max(popcount_peak(threads, seconds).values())
            rate = _rate(_Repeated(step, memory, pixels, _macs(network, step)), threads, seconds)
            rates.append(LayerRate(step.name, _macs(network, step), rate / 1e9, peak))
        step.bind(memory)(pixels)
    return rates


def _macs(network: Network, step: BinaryStep) -> int:
    """Multiply-accumulates of a frame."""
    height, width, _ = network.values[step.node.name].shape
    return step.node.mw * step.node.mh * height * width


class _Repeated:
    """A step to be run again and again, by each thread on a copy of its own of the memory."""

    def __init__(self, step: BinaryStep, memory: Memory, pixels: NDArray[np.uint8], macs: int) -> None:
        self._step, self._memory, self._pixels, self._macs = step, memory, pixels, macs
        self._threads = threading.local()

    def __call__(self) -> int:
        """Run it; the multiply-accumulates done."""
        if not hasattr(self._threads, "run"):
            self._threads.run = self._step.bind(self._memory.copy())
        self._threads.run(self._pixels)
        return self._memory.count * self._macs


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
