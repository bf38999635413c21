"""The integer network on images, and how fast: what `askew simulate` times, for runs and for other people's files."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from bnn.errors import UserError
from bnn.network import Network
from flow.run.progress import progress_bar
from hw.simulator import Backend, available_backends, simulate


def timed_simulation(
    network: Network, images: NDArray[np.uint8], backend: Backend, threads: int | None
) -> tuple[NDArray[np.int32], float]:
    """(n, classes) scores of (n, H, W, C) images, and frames per second.

    Timed are images in memory to scores in memory, all threads together; kernels are compiled, and the network's
    weights laid out for them, before.
    """
    simulate(network, images[:1], backend=backend, threads=threads)
    with progress_bar(f"simulate ({backend.value})", len(images)) as progress:
        start = time.perf_counter()
        scores = simulate(network, images, backend=backend, threads=threads, progress=progress)
        seconds = time.perf_counter() - start
    return scores, len(images) / seconds


def find_backend(name: str | None) -> Backend:
    """The backend of that name, the fastest for None; UserError lists the names there are."""
    if name is None:
        return available_backends()[0]
    try:
        return Backend(name)
    except ValueError:
        names = ", ".join(backend.value for backend in Backend)
        raise UserError(f"--backend {name}: unknown, must be one of {names}") from None
