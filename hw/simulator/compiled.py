"""The network on the compiled kernels: weights prepared once, then any thread computes any batch of frames."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bnn import Network
from hw.simulator.fusing import find_tasks
from hw.simulator.memory import Memory, Plan
from hw.simulator.steps import Run, make_step

BATCH_BYTES = 2**19  # the values that are held at once: half a usual level 2 cache
MIN_BATCH = 64  # frames that are worth a call of each kernel
MOST_BATCH_BYTES = 2**25  # however large a frame is, or one frame
IDLE_BATCHES = 64  # whose memory is kept for the next ones; one a thread is used


class Bound(NamedTuple):
    """The memory of a batch, and the steps bound to it."""

    memory: Memory
    runs: list[Run]


class Program:
    """The steps that compute some of a network's values, and the plan of their memory.

    Attributes:
        steps: in the order to run them.
        plan: of the memory.
    """

    def __init__(self, network: Network, kept: Collection[str], *, exact: bool) -> None:
        tasks = find_tasks(network, kept)
        self.steps = [make_step(network, task, exact=exact) for task in tasks]
        self.plan = Plan(network, tasks, kept)

        self._idle: deque[Bound] = deque(maxlen=IDLE_BATCHES)

    @contextmanager
    def run(self, images: NDArray[np.uint8]) -> Iterator[Memory]:
        """The memory after all steps: it holds the scores and what is kept, and belongs to the caller within."""
        bound = self._take(len(images))
        pixels = flat_pixels(images)
        for run in bound.runs:
            run(pixels)
        yield bound.memory
        self._idle.append(bound)

    def _take(self, count: int) -> Bound:
        """Memory of so many frames that nobody uses, from an earlier batch or new."""
        try:
            bound = self._idle.popleft()
        except IndexError:
            bound = None
        if bound is None or bound.memory.count != count:
            memory = Memory(self.plan, count)
            bound = Bound(memory, [step.bind(memory) for step in self.steps])
        return bound


class Compiled:
    """A network on the compiled kernels.

    Args:
        network: what to compute.
        exact: kernels are compiled for exactly each matrix's rows; else there is one for all, slower, but compiled
            once.
    """

    def __init__(self, network: Network, *, exact: bool = True) -> None:
        self.network = network
        self._exact = exact
        self._traces: dict[frozenset[str], Program] = {}
        self.program = Program(network, (), exact=exact)
        self.scores(np.zeros((0, *network.input.shape), np.uint8))  # compiles what is not yet compiled

    @cached_property
    def frames_per_batch(self) -> int:
        """Frames whose values stay in the level 2 cache from one step to the next."""
        frame_bytes = self.program.plan.frame_bytes
        return max(BATCH_BYTES // frame_bytes, min(MIN_BATCH, MOST_BATCH_BYTES // frame_bytes), 1)

    def scores(self, images: NDArray[np.uint8], out: NDArray[np.int32] | None = None) -> NDArray[np.int32]:
        """As ``Engine.scores``."""
        scores = np.empty((len(images), self.network.classes), np.int32) if out is None else out
        with self.program.run(images) as memory:
            scores[...] = memory.numbers(self.network.output.name)[:, 0, 0]
        return scores

    def trace(self, images: NDArray[np.uint8], names: Collection[str]) -> dict[str, NDArray[Any]]:
        """The values of these names, as ``hw.simulator.trace`` gives them."""
        wanted = frozenset(names)
        if wanted not in self._traces:
            self._traces[wanted] = Program(self.network, wanted, exact=self._exact)
        with self._traces[wanted].run(images) as memory:
            traced = {name: memory.unpacked(name) for name in self.network.values if name in wanted}
        last = self.network.output.name
        if last in traced:
            traced[last] = traced[last].reshape(len(images), self.network.classes)
        return traced


def flat_pixels(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """One row of pixels; of one kind to the compiler, which takes a read-only array for another."""
    flat = np.ascontiguousarray(images).reshape(-1)
    return flat if flat.flags.writeable else flat.copy()
