"""Holds the board to golden: streams the test set, compares every answer, measures latency and throughput.

    python3 validate.py                      on the board, as root: README.md has the whole command
    python3 validate.py --images FILE.npy    the user's own images instead: writes predictions.npy
    python3 validate.py --simulate           anywhere: the integer network in the accelerator's place

Writes ``board.json`` beside itself. How the driver's time is told from the hardware's: ``finn_build/board/calls.py``.
"""

from __future__ import annotations

import argparse
import math
import platform
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn.errors import UserError
from bnn.files import atomic_path, write_json
from bnn.version import VERSION
from finn_build.board.accelerator import TIMEOUT_SECONDS
from finn_build.board.calls import CallLine, Calls, fit_line
from finn_build.board.deployment import Deployment
from finn_build.board.evaluator import scores

UNRELIABLE = 0.1  # residual from which on the times do not lie on a line
CHECKED = 20  # of the user's own images, held to the integer network, which takes a board up to a second each


def validate(deployment: Deployment, calls: Calls, frames: int, batch: int) -> dict[str, Any]:
    """Compare every answer with golden and measure; gives the contents of ``board.json``."""
    labels = deployment.labels
    wrong: list[int] = []
    correct = 0
    for start in range(0, frames, batch):
        part = slice(start, min(start + batch, frames))
        answers = calls.answers(deployment.images[part])
        wrong.extend(start + int(index) for index in deployment.wrong(answers, deployment.scores[part]))
        if labels is not None:
            correct += int((deployment.predicted(answers) == labels[part]).sum())
    settings, accelerator = deployment.settings, calls.accelerator
    clock_mhz = accelerator.clock_mhz()
    seconds = calls.batch_seconds(deployment.images)
    return {
        "network_hash": settings["network_hash"],
        "askew_version": VERSION,
        "board": settings["board"],
        "machine": platform.machine(),
        "simulated": accelerator.simulated,
        "clock_mhz": clock_mhz,
        "clock_mhz_built_for": settings["clock_mhz"],
        "bitfile_sha256": deployment.bitfile_sha256,
        "frames": frames,
        "mismatches": len(wrong),
        "first_mismatch": wrong[0] if wrong else None,
        "accuracy": None if labels is None else correct / frames,
        "latency_seconds": seconds[1],
        "frames_per_second": {str(size): size / duration for size, duration in seconds.items()},
        **hardware_figures(seconds, settings.get("cycles"), clock_mhz),
    }


def hardware_figures(
    seconds: dict[int, float], cycles: dict[str, Any] | None, clock_mhz: float | None
) -> dict[str, float | str | None]:
    """The driver's time and the hardware's, told apart; None for what cannot be.

    Args:
        seconds: batch size to measured seconds.
        cycles: ``latency_cycles`` of one frame and their ``origin``, from the build; None where it has none.
        clock_mhz: the clock as it runs.

    Returns:
        ``call_seconds``, ``frame_seconds`` and ``fit_residual`` of the line through the times, and
        ``hardware_frames_per_second``; ``hardware_latency_seconds``, the build's cycles at this clock, with their
        ``hardware_latency_origin``; ``driver_seconds``, what a call with one frame takes beyond that.
    """
    line = fit_line(seconds)
    latency = cycles["latency_cycles"] / (clock_mhz * 1e6) if cycles and clock_mhz else None
    if latency is not None and latency >= seconds[1]:
        latency = None  # an estimate that the board refutes
    return {
        "call_seconds": line.call_seconds if line else None,
        "frame_seconds": line.frame_seconds if line else None,
        "fit_residual": line.residual if line else None,
        "hardware_frames_per_second": 1 / line.frame_seconds if line else None,
        "hardware_latency_seconds": latency,
        "hardware_latency_origin": cycles["origin"] if cycles and latency else None,
        "driver_seconds": seconds[1] - latency if latency else None,
    }


def predict(
    deployment: Deployment, calls: Calls, images: NDArray[np.uint8], batch: int, checked: int
) -> tuple[NDArray[np.int64], int]:
    """(n,) predicted labels of the user's own images, and how many of the first ``checked`` are not the network's."""
    parts: list[NDArray[np.int64]] = []
    mismatches = 0
    for start in range(0, len(images), batch):
        answers = calls.answers(images[start : start + batch])
        parts.append(deployment.predicted(answers))
        if (count := min(len(answers), checked - start)) > 0:
            golden = scores(deployment.network, images[start : start + count])
            mismatches += len(deployment.wrong(answers[:count], golden))
    return np.concatenate(parts), mismatches


def main(folder: Path, arguments: list[str] | None = None) -> int:
    """The command; 0 where every answer is golden's, 1 where one is not, 2 for what the user can put right."""
    given = _parser().parse_args(arguments)
    try:
        _verify(given)
        deployment = Deployment(folder)
        images = deployment.images if given.images is None else deployment.own_images(given.images)
        labels = None if given.labels is None else deployment.own_labels(given.labels, len(images))
        frames = len(images) if given.frames is None else given.frames
        if not 1 <= frames <= len(images):
            raise UserError(f"--frames {given.frames}: must lie in 1..{len(images)}")
        calls = Calls(deployment.open(given.simulate), images, given.timeout)
        if given.images is None:
            report = validate(deployment, calls, frames, given.batch)
            write_json(folder / "board.json", report)
            sys.stdout.write("".join(f"{line}\n" for line in describe(report)))
            return 1 if report["mismatches"] else 0
        # A simulation is that network: comparing it with itself would show nothing.
        checked = 0 if given.simulate else min(given.check, frames)
        predictions, mismatches = predict(deployment, calls, images[:frames], given.batch, checked)
        target = given.predictions or folder / "predictions.npy"
        with atomic_path(target) as temporary, temporary.open("wb") as file:
            np.save(file, predictions, allow_pickle=False)
    except (UserError, OSError) as error:
        sys.stderr.write(f"validate: {error}\n")
        return 2
    words = f"{frames} images, {mismatches} mismatches with the integer network in the first {checked}"
    if not checked:
        words = f"{frames} images, none of them held to the integer network"
    if labels is not None:
        words += f", accuracy {(predictions == labels[:frames]).mean():.2%}"
    sys.stdout.write(f"validate: {words}; {target}\n")
    return 1 if mismatches else 0


def describe(report: dict[str, Any]) -> list[str]:
    """``board.json`` in one to three lines."""
    accuracy = "not known (no labels)" if report["accuracy"] is None else f"{report['accuracy']:.2%}"
    where = "simulated" if report["simulated"] else f"{report['clock_mhz']:.1f} MHz"
    lines = [
        f"validate: {report['frames']} frames, {report['mismatches']} mismatches with golden, accuracy {accuracy}, "
        f"one Python call with one frame {report['latency_seconds'] * 1e6:.1f} us, "
        f"{max(report['frames_per_second'].values()):,.0f} frames/s ({where})"
    ]
    if report["call_seconds"] is not None:
        line = CallLine(report["call_seconds"], report["frame_seconds"], report["fit_residual"])
        doubt = "; not a line: measure again on a quiet board" if line.residual > UNRELIABLE else ""
        lines.append(
            f"hardware alone: {1 / line.frame_seconds:,.0f} frames/s, {line.frame_seconds * 1e6:.3f} us a frame; a "
            f"call costs {line.call_seconds * 1e6:.1f} us besides (line through batches of "
            f"{', '.join(report['frames_per_second'])} frames, largest error {line.residual:.1%}{doubt})"
        )
    elif not report["simulated"]:
        lines.append("hardware alone: not known, for the times of the batches lie on no line; measure on a quiet board")
    if report["hardware_latency_seconds"] is not None:
        lines.append(
            f"latency of one frame: hardware {report['hardware_latency_seconds'] * 1e6:.2f} us "
            f"({report['hardware_latency_origin']}), driver {report['driver_seconds'] * 1e6:.1f} us"
        )
    return lines


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="validate.py", description="Hold the board to the golden answers.")
    parser.add_argument("--simulate", action="store_true", help="the integer network in the accelerator's place")
    parser.add_argument("--frames", type=int, help="only this many of the images")
    parser.add_argument("--batch", type=int, default=1000, help="frames given to the accelerator at once")
    parser.add_argument(
        "--timeout", type=float, default=TIMEOUT_SECONDS, help="seconds that the first frame may take (default 10)"
    )
    parser.add_argument("--images", type=Path, help="images of your own: a .npy file, uint8 (n, H, W, C)")
    parser.add_argument("--labels", type=Path, help="with --images: their labels, a .npy file of integers (n,)")
    parser.add_argument(
        "--predictions", type=Path, help="with --images: where the labels go (default: predictions.npy here)"
    )
    parser.add_argument(
        "--check", type=int, default=CHECKED, help=f"with --images: hold so many to the network (default {CHECKED})"
    )
    return parser


def _verify(given: argparse.Namespace) -> None:
    """Raise UserError for options that mean nothing."""
    if given.images is None:
        for name in ("labels", "predictions"):
            if getattr(given, name) is not None:
                raise UserError(f"--{name}: belongs to --images, which is not given")
    if given.batch < 1:
        raise UserError(f"--batch {given.batch}: must be at least 1")
    if given.check < 0:
        raise UserError(f"--check {given.check}: must be at least 0")
    if not (given.timeout > 0 and math.isfinite(given.timeout)):
        raise UserError(f"--timeout {given.timeout:g}: must be more than 0 seconds")
