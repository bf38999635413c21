"""The stage that runs the integer network on the golden frames."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn.network import Network
from flow.ladder.compare import Comparison, accuracy
from flow.run.folder import Golden, RunFolder
from flow.run.plus_fraction import PROFILE_FRAMES, describe_fractions
from flow.run.progress import console
from flow.stages.options import Kind, Options, option
from flow.stages.stage import Stage


class SimulateOptions(Options):
    """How many frames, and by which code."""

    frames: int | None = option(None, "Only this many frames.", ge=1)
    backend: str | None = option(None, "numpy or numba; default: the fastest.")
    threads: int | None = option(None, "Threads to use; default: all cores.", kind=Kind.PASSING, ge=1)


def _simulate(run: RunFolder, options: SimulateOptions) -> tuple[dict[str, Any], NDArray[np.int32]]:
    """The figures, also written to ``simulate.json``, and the (n, classes) scores."""
    from flow.stages.simulation import find_backend, timed_simulation  # noqa: PLC0415 - Numba takes a second

    network = run.network()
    golden = run.golden(network, options.frames)
    backend = find_backend(options.backend)
    scores, rate = timed_simulation(network, golden.images, backend, options.threads)
    figures = {
        "frames": len(golden),
        "accuracy": accuracy(scores, golden.labels),
        "mismatches": len(Comparison.SCORES.mismatching_frames(scores, golden.scores)),
        "frames_per_second": rate,
        "backend": backend.value,
        "layers": profile(network, golden),
    }
    run.write_result("simulate", network, figures)
    return figures, scores


def profile(network: Network, golden: Golden) -> dict[str, dict[str, Any]]:
    """Per value of bits, over the first frames: the fraction of +1, in all and per channel."""
    from hw.simulator import Backend, bit_values, reference_meaning, trace  # noqa: PLC0415 - Numba takes a second to import

    images = golden.images[:PROFILE_FRAMES]
    traced = reference_meaning(network, trace(network, images, backend=Backend.NUMPY, names=bit_values(network)))
    layers = {}
    for name, bits in traced.items():
        per_channel = bits.mean(axis=(0, 1, 2))
        layers[name] = describe_fractions(per_channel) | {
            "constant_channels": int(((per_channel == 0) | (per_channel == 1)).sum()),
            "channels": int(bits.shape[3]),
        }
    return layers


def describe(figures: dict[str, Any]) -> str:
    """One line of a simulation's figures."""
    parts = [f"simulate: {figures['frames']:,} frames"]
    if figures["accuracy"] is not None:
        parts.append(f"accuracy {figures['accuracy']:.2%}")
    if figures["mismatches"] is not None:
        parts.append(f"{figures['mismatches']} mismatches with golden")
    parts.append(f"{figures['frames_per_second']:,.0f} frames/s ({figures['backend']}, compiled before)")
    return ", ".join(parts)


SIMULATE = Stage(
    name="simulate",
    summary="Run the integer network on the golden frames.",
    example="--run runs/tfc --frames 1000",
    options=SimulateOptions,
    needs=("network", "golden"),
    makes=("simulate",),
    run=_simulate,
    show=lambda _, result: console.print(describe(result[0]), highlight=False),
)
