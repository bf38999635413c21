"""FINN's estimates: its compiler front end on our network, every graph of it held to golden on the way."""

from __future__ import annotations

import importlib.metadata
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn import Chain, UserError, classes_of
from bnn.files import atomic_path, write_figures
from bnn.version import VERSION
from finn_build.board.evaluator import FRAMES_AT_ONCE, trace
from finn_build.compiler.form import finn_form
from finn_build.compiler.nodes import Compiler, gives_labels
from finn_build.compiler.widths import accumulators
from finn_build.package.extremes import extreme_frames
from finn_build.package.package import OUTPUT, write_package
from finn_build.package.settings import BuildSettings, Frames
from finn_build.results.reports import read_estimates
from finn_build.worker.process import Progress, run_worker

ESTIMATE_STEPS = 11  # the steps that FINN's builder runs for its estimates, each of which leaves a graph
DEFAULT_FRAMES = 20


def estimate_work(frames: int) -> int:
    """How far ``progress`` counts in one estimate on this many frames."""
    return ESTIMATE_STEPS * (1 + frames)


def estimate(
    network: Chain,
    frames: Frames,
    settings: BuildSettings,
    folder: Path,
    *,
    count: int = DEFAULT_FRAMES,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Estimate ``network`` with FINN and check every one of its graphs; also written to ``folder/estimate.json``.

    Args:
        network: what to estimate.
        frames: frames with golden answers.
        settings: board, clock, and our folding or FINN's own for a target rate.
        folder: ``folder/estimate`` becomes a build package, built by FINN up to its estimates.
        count: how many frames each graph is executed on: those whose accumulators come closest to their ends.
        progress: called with the steps and frames done since its last call; ``estimate_work(count)`` in all.

    Returns:
        The contents of ``estimate.json``: what ``reports.read_estimates`` gives, pe and simd of every matrix, its
        ``accumulator`` (low, high, type) and ``threshold`` (type), ``graphs`` (step to frames, mismatches,
        first_mismatch), ``frames``, ``mismatches`` and what it was made with.

    Raises:
        GraphError: FINN cannot hold the network.
        TypesError: FINN gave a unit a type that does not hold every reachable value.
        FinnError: FINN failed.
        UserError: settings or frames do not fit.
    """
    start = time.perf_counter()
    if not 1 <= count <= len(frames.images):
        raise UserError(f"finn estimate: frames ({count}) must lie in 1..{len(frames.images)}, the golden frames")
    settings = replace(settings, compiler=Compiler.FINN_PLUS, verify_frames=1)
    package = (folder / "estimate").absolute()
    shutil.rmtree(package, ignore_errors=True)
    manifest = write_package(package, network, frames, settings)
    form = finn_form(network).network
    chosen = extreme_frames(form, frames.images, count)
    golden = golden_trace(form, frames.images[chosen])
    with atomic_path(package / "golden.npz") as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, images=frames.images[chosen], **golden)
    job = {
        "package": str(package),
        "output": str(package / OUTPUT),
        "frames": str(package / "golden.npz"),
        "layers": layer_names(form),
    }
    answer = run_worker("estimate", job, package, progress)
    estimates = read_estimates(package / OUTPUT, manifest["nodes"])
    assert estimates is not None  # the worker ends well only after FINN's reports are there
    _add_folding(estimates, manifest, answer["nodes"])
    _add_types(estimates, form, answer["types"])
    for graph in answer["graphs"].values():
        if first := graph["first_mismatch"]:
            first["frame"] = int(chosen[first["frame"]])
    figures = {
        "network_hash": network.hash,
        "askew_version": VERSION,
        "finn_version": f"finn-plus {importlib.metadata.version('finn-plus')}",
        "board": settings.board.name,
        "part": settings.board.part,
        "clock_mhz": settings.clock_mhz,
        "folding_by": "finn" if settings.folding is None else "askew",
        "target_fps": settings.target_fps,
        "frames": count,
        "mismatches": sum(graph["mismatches"] for graph in answer["graphs"].values()),
        "graphs": answer["graphs"],
        **estimates,
        "seconds": time.perf_counter() - start,
    }
    return write_figures(folder / "estimate.json", figures)


def layer_names(form: Chain) -> list[str]:
    """The layers whose outputs a FINN graph shows, in order."""
    return (["input"] if form.input.binary else []) + [layer.name for layer in form.layers]


def golden_trace(form: Chain, images: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
    """Every layer's golden output, the last layer's accumulators, and the graph's ``answer``."""
    starts = range(0, len(images), FRAMES_AT_ONCE)
    parts = [trace(form, images[start : start + FRAMES_AT_ONCE]) for start in starts]
    golden = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    accumulators = golden[form.layers[-1].name]
    golden["answer"] = classes_of(accumulators) if gives_labels(form) else accumulators
    return golden


def _add_folding(estimates: dict[str, Any], manifest: dict[str, Any], nodes: list[dict[str, Any]]) -> None:
    """Add what FINN really applied: pe and simd of every matrix."""
    applied = {node["name"]: node for node in nodes}
    for node in manifest["nodes"]:
        if node["role"] == "matrix":
            estimates["layers"][node["layer"]] |= {key: applied[node["name"]][key] for key in ("pe", "simd")}


def _add_types(estimates: dict[str, Any], form: Chain, types: dict[str, dict[str, str]]) -> None:
    """Add what FINN's last graph counts in, beside what the counts can reach."""
    for reached in accumulators(form):
        found = types[reached.layer]
        estimates["layers"][reached.layer] |= {
            "accumulator": {"low": reached.low, "high": reached.high, "type": found["accumulator"]},
            "threshold": {"type": found["threshold"]} if "threshold" in found else None,
        }
