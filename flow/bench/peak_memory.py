"""How much memory a simulation needs at most, measured in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from bnn import load_network
from hw.simulator import Backend, simulate


def measure_peak_memory(network: Path, frames: int, backend: Backend, threads: int) -> float:
    """MiB that a process takes at most which loads a network file and simulates so many random images."""
    command = [sys.executable, "-m", "flow.bench.peak_memory", str(network), str(frames), backend.value, str(threads)]
    finished = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(finished.stdout) / 1024


def main(path: str, frames: str, backend: str, threads: str) -> None:
    """Simulate and write the peak of the resident memory, KiB, to standard output."""
    network = load_network(Path(path))
    images = np.random.default_rng(0).integers(0, 256, (int(frames), *network.input.shape), dtype=np.uint8)
    simulate(network, images, backend=Backend(backend), threads=int(threads))
    sys.stdout.write(f"{_high_water_kib()}\n")


def _high_water_kib() -> int:
    # Not getrusage: its ru_maxrss outlives exec, so that a child of a large process starts with its parent's peak.
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    raise AssertionError("the kernel gives no VmHWM")


if __name__ == "__main__":
    main(*sys.argv[1:])
