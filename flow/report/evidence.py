"""What the report's pictures are drawn from: figures that no stage has written down, from what stages left behind."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn.classes import classes_of
from bnn.errors import UserError
from bnn.network import Network
from bnn.readers import read_toml
from flow.report.pictures import png_base64
from flow.run.folder import Golden, RunFolder
from hw.boards.board import BoardError, load_board
from training.data.sources.catalogue import KNOWN

MISTAKES = 12
HISTOGRAM_BINS = 32
NORMAL_95 = 1.96


def class_names(run: RunFolder, classes: int) -> list[str]:
    """What the labels mean, as `askew export` or a known data set says; else their numbers."""
    exported = (run.result("export") or {}).get("class_names")
    if isinstance(exported, list) and len(exported) == classes:
        return [str(name) for name in exported]
    known = KNOWN.get(str(config_table(run, "data").get("name")))
    if known is not None and len(known.class_names) == classes:
        return list(known.class_names)
    return [str(label) for label in range(classes)]


def config_table(run: RunFolder, section: str) -> dict[str, Any]:
    """A section of the run's config; empty where it is damaged, which `export` and `train` report."""
    try:
        found = read_toml(run.config).get(section)
    except UserError:
        return {}
    return found if isinstance(found, dict) else {}


def interval(accuracy: float, frames: int) -> list[float]:
    """Where the accuracy on all possible frames lies at 95 %: Wilson's interval (1927), right for few frames too."""
    z2 = NORMAL_95**2 / frames
    middle = (accuracy + z2 / 2) / (1 + z2)
    half = math.sqrt(z2 * (accuracy * (1 - accuracy) + z2 / 4)) / (1 + z2)
    return [max(0.0, middle - half), min(1.0, middle + half)]


def histogram(values: NDArray[np.int32]) -> dict[str, list[int]]:
    """Counts of whole numbers in at most ``HISTOGRAM_BINS`` equal bins; ``edges`` has one entry more than ``counts``.

    Bin i holds edges[i] <= value < edges[i + 1].
    """
    low, high = int(values.min()), int(values.max()) + 1
    width = -(-(high - low) // HISTOGRAM_BINS)
    edges = np.arange(low, high + width, width)
    counts, _ = np.histogram(values, edges)
    return {"edges": edges.tolist(), "counts": counts.tolist()}


def confusion(golden: Golden, classes: int) -> list[list[int]]:
    """``[label][answer]``: how often the integer network answers so."""
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (golden.labels, classes_of(golden.scores)), 1)
    counted: list[list[int]] = counts.tolist()
    return counted


def worst_mistakes(golden: Golden) -> list[dict[str, Any]]:
    """The wrong answers that lie the most above the right one, first the worst; with a PNG of the image."""
    answers = classes_of(golden.scores)
    frames = np.arange(len(golden))
    margins = golden.scores[frames, answers].astype(np.int64) - golden.scores[frames, golden.labels]
    wrong = np.flatnonzero(answers != golden.labels)
    order = wrong[np.argsort(-margins[wrong], kind="stable")][:MISTAKES]
    return [
        {
            "frame": int(frame),
            "label": int(golden.labels[frame]),
            "answer": int(answers[frame]),
            "score_of_label": int(golden.scores[frame, golden.labels[frame]]),
            "score_of_answer": int(golden.scores[frame, answers[frame]]),
            "png_base64": png_base64(golden.images[frame]),
        }
        for frame in order
    ]


def budget(folding: dict[str, Any] | None, others: list[dict[str, Any] | None]) -> dict[str, Any] | None:
    """What the board offers that the run was folded for (or else estimated for); None where there is no board."""
    for figures in (folding, *others):
        name = (figures or {}).get("board")
        if isinstance(name, str):
            try:
                board = load_board(name)
            except BoardError:  # a board file of the user's own, known by its name alone
                continue
            return {"board": board.name, "luts": board.luts, "ffs": board.ffs, "bram18": board.bram18}
    return None


def written_rtl(run: RunFolder, network: Network) -> dict[str, Any] | None:
    """What `rtl/` holds: ``written``, in words, and ``clock_mhz`` where it is the design of today's folding.

    None where it was not written. A stale one gives no figures.
    """
    if not run.rtl.exists():
        return None
    from flow.stages.hardware import delivered_design, folding_clock  # noqa: PLC0415 - Numba takes a second to import
    from hw.generator import DesignError, read_manifest  # noqa: PLC0415

    again = f"make it again with `askew rtl --run {run.path}`"
    try:
        manifest = read_manifest(run.rtl, network)
        clock = float(manifest["clock_mhz"])
    except (DesignError, KeyError, TypeError, ValueError) as error:
        return {"written": f"stale or damaged ({error}); {again}"}
    if not run.folding.exists():
        return {"written": "stale, as there is no folding.json"}
    now = delivered_design(run, network).manifest()
    if any(manifest.get(key) != now[key] for key in ("folding", "popcount", "buffers", "rtl_sha256")):
        return {"written": f"stale, made from another folding or by another version; {again}"}
    folded = folding_clock(run, network)
    differs = "" if folded in {None, clock} else f", while the folding is for {folded:g} MHz"
    return {"clock_mhz": clock, "written": f"popcount {manifest['popcount']}, constraints for {clock:g} MHz{differs}"}


def timeline(run: RunFolder, network: Network) -> dict[str, Any] | None:
    """When each layer is at work in the first frame and in steady state, by the cycle model; None without a folding."""
    if not run.folding.exists():
        return None
    from flow.stages.hardware import delivered_design  # noqa: PLC0415 - Numba takes a second to import
    from hw.cycles.timeline import Span, layer_timeline  # noqa: PLC0415

    found = layer_timeline(delivered_design(run, network).dataflow)

    def described(span: Span) -> dict[str, Any]:
        layers = {name: {"busy": list(busy)} for name, busy in span.busy.items()}
        return {"edges": list(span.edges), "layers": layers}

    return {
        "first_frame": described(found.first_frame),
        "steady": described(found.steady),
        "settled": found.settled,
    }
