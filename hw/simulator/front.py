"""The simulator's front: images in; scores, classes or traces out, whichever backend computes them."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from importlib.util import find_spec
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from bnn import Bits, Network, UserError
from bnn.counts import count_widths
from hw.simulator.reference import Reference

Progress = Callable[[int], None]


class Backend(Enum):
    """What computes the network; all give the same bits."""

    NUMPY = "numpy"
    NUMBA = "numba"


class Engine(Protocol):
    """One network, made ready to run on one backend. Its methods may be called from several threads at once."""

    @property
    def frames_per_batch(self) -> int:
        """Frames to hand to one call."""

    def scores(self, images: NDArray[np.uint8], out: NDArray[np.int32] | None = None) -> NDArray[np.int32]:
        """Scores (n, classes) of images (n, H, W, C), in ``out`` where that is given."""

    def trace(self, images: NDArray[np.uint8], names: Collection[str]) -> dict[str, NDArray[Any]]:
        """As ``trace``, for one batch."""


_engines: WeakKeyDictionary[Network, dict[Backend, Engine]] = WeakKeyDictionary()


def available_backends() -> tuple[Backend, ...]:
    """The backends that this machine can run, the fastest first."""
    return (Backend.NUMBA, Backend.NUMPY) if find_spec("numba") else (Backend.NUMPY,)


def default_threads() -> int:
    """The number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def simulate(
    network: Network,
    images: NDArray[np.uint8],
    *,
    backend: Backend | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> NDArray[np.int32]:
    """The integer network's scores. Memory beyond images and scores does not grow with the number of images.

    Args:
        network: what to compute.
        images: (n, H, W, C) uint8, of the network's input shape.
        backend: None takes the fastest that is installed.
        threads: frames are computed by this many threads at once; None takes one a processor.
        progress: called with the number of frames done since its last call.

    Returns:
        (n, classes) int32.

    Raises:
        UserError: the images' shape or type is wrong, there are no threads, or the backend is not installed.
    """
    check_images(network, images)
    engine = prepare(network, backend)
    scores = np.empty((len(images), network.classes), np.int32)

    count = default_threads() if threads is None else threads
    if count < 1:
        raise UserError(f"threads: {count} given, must be at least 1")
    frames = _balanced(len(images), count, engine.frames_per_batch)

    def run(start: int) -> int:
        batch = images[start : start + frames]
        engine.scores(batch, scores[start : start + len(batch)])
        return len(batch)

    _in_threads(run, range(0, len(images), frames), count, progress)
    return scores


def trace(
    network: Network,
    images: NDArray[np.uint8],
    *,
    backend: Backend | None = None,
    names: Collection[str] | None = None,
) -> dict[str, NDArray[Any]]:
    """What every node gives, in the order of the network. All of it is held in memory.

    Args:
        network: what to compute.
        images: (n, H, W, C) uint8, of the network's input shape.
        backend: None takes the fastest that is installed.
        names: of the nodes to give; None for all.

    Returns:
        By the node's name (n, H, W, C): uint8 bits, or int32 integers; of the last node (n, classes) int32 scores.

    Raises:
        UserError: the images' shape or type is wrong, a name that no node has, or the backend is not installed.
    """
    check_images(network, images)
    wanted = list(network.values) if names is None else names
    for name in wanted:
        if name not in network.values:
            raise UserError(f"trace: the network has no node {name}; its nodes are {', '.join(network.values)}")
    engine = prepare(network, backend)
    starts = range(0, max(len(images), 1), engine.frames_per_batch)
    parts = [engine.trace(images[start : start + engine.frames_per_batch], wanted) for start in starts]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def bit_values(network: Network) -> tuple[str, ...]:
    """The names of all nodes that give bits, in the order of the network."""
    return tuple(name for name, value in network.values.items() if isinstance(value, Bits))


def reference_meaning(network: Network, traced: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The trace as the trained model means it: channels that the network's notes call inverted turned back.

    Where a popcount's row is negated, the model's own row has the other mw - P. A layer right before an inverted pool
    keeps the network's own bits; the model, which pools before its activation, has nothing to compare them with.
    """
    widths, meant = count_widths(network), dict(traced)
    for name, inverted in network.notes.inverted.items():
        if name in traced:
            whole = 1 if isinstance(network.values[name], Bits) else widths.get(name, 0)
            meant[name] = np.where(inverted, whole - traced[name], traced[name])
    return meant


def prepare(network: Network, backend: Backend | None = None) -> Engine:
    """The network made ready for a backend, kept for as long as the network lives.

    Args:
        network: what to compute.
        backend: None takes the fastest that is installed.

    Raises:
        UserError: the backend is not installed.
    """
    chosen = available_backends()[0] if backend is None else backend
    if chosen not in available_backends():
        raise UserError(f"backend {chosen.value}: is not installed; install {chosen.value} or use --backend numpy")
    engines = _engines.setdefault(network, {})
    if chosen not in engines:
        engines[chosen] = _make_engine(network, chosen)
    return engines[chosen]


def _make_engine(network: Network, backend: Backend) -> Engine:
    if backend is Backend.NUMPY:
        return Reference(network)
    from hw.simulator.compiled import Compiled  # noqa: PLC0415  numba takes a second to import

    return Compiled(network)


def check_images(network: Network, images: NDArray[Any]) -> None:
    """UserError where the images are not (n, H, W, C) uint8 of the network's input shape."""
    expected = ", ".join(str(size) for size in network.input.shape)
    if images.dtype != np.uint8:
        raise UserError(f"images: type is {images.dtype}, must be uint8 pixel values of shape (n, {expected})")
    if images.ndim != 4 or images.shape[1:] != network.input.shape:
        raise UserError(f"images: shape is {images.shape}, must be (n, {expected}), the network's input")


def _balanced(count: int, threads: int, most: int) -> int:
    """Frames a batch, at most ``most``, so that all threads get as many batches."""
    rounds = -(-count // (threads * most))
    return max(-(-count // (threads * rounds)), 1) if rounds else 1


def _in_threads(run: Callable[[int], int], starts: range, threads: int, progress: Progress | None) -> None:
    """Call ``run`` on every start, in this thread and ``threads - 1`` more; what it returns goes to ``progress``."""
    unclaimed = iter(starts)  # threads may share it: the interpreter's lock makes next() one step
    finished: deque[int] = deque()

    def work(report: Progress | None = None) -> None:
        try:
            for start in unclaimed:
                finished.append(run(start))
                while report and finished:
                    report(finished.popleft())
        except BaseException:
            deque(unclaimed, maxlen=0)  # so that nobody goes on
            raise

    with ThreadPoolExecutor(max(threads - 1, 1)) as executor:
        others = [executor.submit(work) for _ in range(min(threads, len(starts)) - 1)]
        work(progress)
        for other in others:
            other.result()
    while progress and finished:
        progress(finished.popleft())
