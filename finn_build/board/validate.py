"""Holds the board to golden: streams the test set, compares every answer, measures latency and throughput.

    python3 validate.py              on the board, as root
    python3 validate.py --simulate   anywhere: the integer network in the accelerator's place

Writes ``board.json`` beside itself.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn.classes import classes_of
from bnn.errors import UserError
from bnn.network import Network
from bnn.serialize import load_network
from bnn.version import VERSION
from finn_build.board.accelerator import Accelerator, Interface, PynqAccelerator, Simulated
from finn_build.board.evaluator import scores_of

BATCHES = (1, 10, 100, 1000)
REPEATS = 10


class Deployment:
    """The files of a deploy folder, checked to belong together.

    Raises UserError where one is missing, damaged or of another network.
    """

    def __init__(self, folder: Path) -> None:
        try:
            self.settings: dict[str, Any] = json.loads((folder / "deploy.json").read_text(encoding="utf-8"))
            self.images: NDArray[np.uint8] = np.load(folder / "validation" / "images.npy", allow_pickle=False)
            self.labels: NDArray[np.int64] = np.load(folder / "validation" / "labels.npy", allow_pickle=False)
            self.scores: NDArray[np.int32] = np.load(folder / "validation" / "scores.npy", allow_pickle=False)
            self.network: Network = load_network(folder / "network.npz")
        except (OSError, ValueError) as error:
            raise UserError(f"{folder}: not a whole deploy folder ({error}); copy it again") from error
        if self.network.hash != self.settings["network_hash"]:
            raise UserError(
                f"{folder / 'network.npz'} is of network {self.network.hash[:12]}, deploy.json is of "
                f"{self.settings['network_hash'][:12]}: copy the folder again"
            )
        self.folder = folder
        self.gives_labels: bool = self.settings["gives"] == "label"

    def open(self, simulate: bool) -> Accelerator:
        """The accelerator, or what stands in for it."""
        if simulate:
            return Simulated(self.network, self.gives_labels)
        described = self.settings["interface"]
        bitfile = self.settings["bitfile"]
        if described is None or bitfile is None:
            raise UserError(f"{self.folder}: has no bitfile yet; build one with `make bitstream` and copy it again")
        interface = Interface(**{field.name: described[field.name] for field in fields(Interface)})
        try:
            return PynqAccelerator(self.folder / "bitfile" / bitfile, interface, self.settings["clock_mhz"])
        except ImportError as error:
            raise UserError(
                f"pynq is not installed here ({error}); run this on the board, or with --simulate"
            ) from error

    def predicted(self, answers: NDArray[np.int64]) -> NDArray[np.int64]:
        """The label of each frame from what the accelerator gave."""
        return answers[:, 0] if self.gives_labels else classes_of(scores_of(self.network, answers))

    def wrong(self, answers: NDArray[np.int64], start: int) -> NDArray[np.int64]:
        """Indices of the frames whose answers are not golden's, given those from frame ``start`` on."""
        golden = self.scores[start : start + len(answers)]
        if self.gives_labels:
            different = answers[:, 0] != classes_of(golden)
        else:
            different = (scores_of(self.network, answers) != golden).any(axis=1)
        return start + np.flatnonzero(different)


def validate(deployment: Deployment, accelerator: Accelerator, frames: int, batch: int) -> dict[str, Any]:
    """Compare every answer with golden and measure; gives the contents of ``board.json``."""
    wrong: list[int] = []
    correct = 0
    for start in range(0, frames, batch):
        accelerator.load(deployment.images[start : min(start + batch, frames)])
        accelerator.run()
        answers = accelerator.answers()
        wrong.extend(int(index) for index in deployment.wrong(answers, start))
        correct += int((deployment.predicted(answers) == deployment.labels[start : start + len(answers)]).sum())
    batches = BATCHES[:1] if accelerator.simulated else BATCHES  # how fast a simulation is tells nothing
    seconds = {size: _seconds(deployment, accelerator, size) for size in batches if size <= len(deployment.images)}
    settings = deployment.settings
    return {
        "network_hash": settings["network_hash"],
        "askew_version": VERSION,
        "board": settings["board"],
        "machine": platform.machine(),
        "simulated": accelerator.simulated,
        "clock_mhz": accelerator.clock_mhz(),
        "clock_mhz_built_for": settings["clock_mhz"],
        "bitfile_sha256": None if accelerator.simulated else settings["bitfile_sha256"],
        "frames": frames,
        "mismatches": len(wrong),
        "first_mismatch": wrong[0] if wrong else None,
        "accuracy": correct / frames,
        "latency_seconds": seconds[1],
        "frames_per_second": {str(size): size / duration for size, duration in seconds.items()},
    }


def _seconds(deployment: Deployment, accelerator: Accelerator, size: int) -> float:
    """Median seconds that a batch of this size takes from start to its last answer, without copying it."""
    accelerator.load(deployment.images[:size])
    durations = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        accelerator.run()
        durations.append(time.perf_counter() - start)
    return statistics.median(durations)


def main(folder: Path, arguments: list[str] | None = None) -> int:
    """The command; 0 where every answer is golden's, 1 where one is not, 2 for what the user can put right."""
    parser = argparse.ArgumentParser(prog="validate.py", description="Hold the board to the golden answers.")
    parser.add_argument("--simulate", action="store_true", help="the integer network in the accelerator's place")
    parser.add_argument("--frames", type=int, help="only this many of the test set")
    parser.add_argument("--batch", type=int, default=1000, help="frames given to the accelerator at once")
    given = parser.parse_args(arguments)
    try:
        deployment = Deployment(folder)
        frames = len(deployment.images) if given.frames is None else given.frames
        if not 1 <= frames <= len(deployment.images):
            raise UserError(f"--frames {frames}: must lie in 1..{len(deployment.images)}")
        if given.batch < 1:
            raise UserError(f"--batch {given.batch}: must be at least 1")
        report = validate(deployment, deployment.open(given.simulate), frames, given.batch)
        temporary = folder / f".board.json.{os.getpid()}.tmp"
        temporary.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
        temporary.replace(folder / "board.json")
    except (UserError, OSError) as error:
        sys.stderr.write(f"validate: {error}\n")
        return 2
    rate = max(report["frames_per_second"].values())
    where = "simulated" if report["simulated"] else f"{report['clock_mhz']:.1f} MHz"
    sys.stdout.write(
        f"validate: {report['frames']} frames, {report['mismatches']} mismatches with golden, accuracy "
        f"{report['accuracy']:.2%}, latency {report['latency_seconds'] * 1e6:.1f} us, {rate:,.0f} frames/s ({where})\n"
    )
    return 1 if report["mismatches"] else 0
