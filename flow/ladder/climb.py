"""The ladder: the same frames through every rung, each held to the golden answers."""

from __future__ import annotations

from typing import Any

from flow.ladder.compare import accuracy
from flow.ladder.rungs import Rung
from flow.run.folder import Golden
from flow.run.progress import progress_bar


def climb(rung: Rung, golden: Golden) -> dict[str, Any]:
    """One rung's figures on these frames: how many, how many differ from golden and how that is decided, accuracy."""
    with progress_bar(f"{rung.name}", len(golden)) as progress:
        scores = rung.scores(golden.images, progress)
    wrong = rung.comparison.mismatching_frames(scores, golden.scores)
    return {
        "frames": len(golden),
        "mismatches": len(wrong),
        "first_mismatch": int(wrong[0]) if len(wrong) else None,
        "accuracy": accuracy(scores, golden.labels),
        "compared": rung.comparison.value,
    }
