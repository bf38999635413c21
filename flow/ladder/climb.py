"""The ladder: the same frames through every rung, each held to the golden answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn.classes import classes_of
from flow.ladder.rungs import Rung, dense_ranks, open_rung
from flow.run.folder import Golden, RunFolder
from flow.run.progress import progress_bar


def mismatching_frames(scores: NDArray[Any], golden_scores: NDArray[Any]) -> NDArray[np.int64]:
    """Indices of frames whose classes are ordered otherwise than golden's, ties included."""
    different = (dense_ranks(scores) != dense_ranks(golden_scores)).any(axis=1)
    return np.flatnonzero(different)


def accuracy(scores: NDArray[Any], labels: NDArray[np.int64]) -> float:
    """Share of frames whose highest score (ties: the lower index) is the label, 0..1."""
    return float((classes_of(scores) == labels).mean())


def climb(rung: Rung, golden: Golden) -> dict[str, Any]:
    """One rung's figures on these frames: how many, how many differ from golden, the accuracy."""
    with progress_bar(f"{rung.name}", len(golden)) as progress:
        scores = rung.scores(golden.images, progress)
    wrong = mismatching_frames(scores, golden.scores)
    return {
        "frames": len(golden),
        "mismatches": len(wrong),
        "first_mismatch": int(wrong[0]) if len(wrong) else None,
        "accuracy": accuracy(scores, golden.labels),
    }


def run_ladder(run: RunFolder, names: Sequence[str], frames: int | None) -> dict[str, Any]:
    """Every named rung on the run's golden frames; written to ``ladder.json`` and returned.

    Args:
        run: the run folder.
        names: rungs.
        frames: how many of the golden frames; None for each rung's default.
    """
    network = run.network()
    golden = run.golden(network)
    rungs = [open_rung(name, run) for name in names]
    results = {rung.name: climb(rung, golden.first(frames or rung.default_frames)) for rung in rungs}
    previous = run.result("ladder") or {}
    if previous.get("network_hash") == network.hash:
        results = {**previous["rungs"], **results}
    figures = {"rungs": results}
    run.write_result("ladder", network, figures)
    return figures
