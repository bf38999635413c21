"""What the report's pictures are drawn from: figures that no stage has written down, from what stages left behind."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn.chain import as_chain
from bnn.classes import classes_of
from bnn.errors import UserError
from bnn.network import Network
from bnn.readers import read_toml
from flow.report.pictures import png_base64
from flow.run.figures.export import ExportFigures
from flow.run.figures.report_hardware import BoardBudget, BusyLayer, Hardware, ReportedTimeline, Span, WrittenRtl
from flow.run.figures.report_network import Histogram, Mistake
from flow.run.folder import Golden, RunFolder
from flow.stages.freshness import Examination, State
from hw.boards.board import BoardError, load_board
from training.data.sources.catalogue import KNOWN

MISTAKES = 12
HISTOGRAM_BINS = 32
NORMAL_95 = 1.96


def class_names(run: RunFolder, exported: ExportFigures | None, classes: int) -> list[str]:
    """What the labels mean, as `askew export` or a known data set says; else their numbers."""
    if exported and exported.class_names and len(exported.class_names) == classes:
        return exported.class_names
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


def interval(accuracy: float | None, frames: int) -> list[float] | None:
    """Where the accuracy on all possible frames lies at 95 %: Wilson's interval (1927), right for few frames too."""
    if accuracy is None:
        return None
    z2 = NORMAL_95**2 / frames
    middle = (accuracy + z2 / 2) / (1 + z2)
    half = math.sqrt(z2 * (accuracy * (1 - accuracy) + z2 / 4)) / (1 + z2)
    return [max(0.0, middle - half), min(1.0, middle + half)]


def histogram(values: NDArray[np.int32]) -> Histogram:
    """Counts of whole numbers in at most ``HISTOGRAM_BINS`` equal bins."""
    low, high = int(values.min()), int(values.max()) + 1
    width = -(-(high - low) // HISTOGRAM_BINS)
    edges = np.arange(low, high + width, width)
    counts, _ = np.histogram(values, edges)
    return Histogram(edges=edges.tolist(), counts=counts.tolist())


def confusion(golden: Golden, classes: int) -> list[list[int]]:
    """``[label][answer]``: how often the integer network answers so; of frames with labels."""
    assert golden.labels is not None
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (golden.labels, classes_of(golden.scores)), 1)
    counted: list[list[int]] = counts.tolist()
    return counted


def worst_mistakes(golden: Golden) -> list[Mistake]:
    """The wrong answers that lie the most above the right one, first the worst; with a PNG of the image."""
    assert golden.labels is not None
    answers = classes_of(golden.scores)
    frames = np.arange(len(golden))
    margins = golden.scores[frames, answers].astype(np.int64) - golden.scores[frames, golden.labels]
    wrong = np.flatnonzero(answers != golden.labels)
    order = wrong[np.argsort(-margins[wrong], kind="stable")][:MISTAKES]
    return [
        Mistake(
            frame=int(frame),
            label=int(golden.labels[frame]),
            answer=int(answers[frame]),
            score_of_label=int(golden.scores[frame, golden.labels[frame]]),
            score_of_answer=int(golden.scores[frame, answers[frame]]),
            png_base64=png_base64(golden.images[frame]),
        )
        for frame in order
    ]


def budget(hardware: Hardware) -> BoardBudget | None:
    """What the board offers that the run was folded for (or else estimated for); None where there is no board."""
    folding, estimate = hardware.folding, hardware.finn_estimate
    for name in (folding and folding.board, estimate and estimate.board):
        if not name:
            continue
        try:
            board = load_board(name)
        except BoardError:  # a board file of the user's own, known by its name alone
            continue
        limit = folding.input_limit if folding and folding.board == name else None
        return BoardBudget(
            board=board.name,
            luts=board.luts,
            ffs=board.ffs,
            bram18=board.bram18,
            input_bytes_per_second=limit.bytes_per_second if limit else None,
        )
    return None


def written_rtl(seen: Examination, network: Network) -> WrittenRtl | None:
    """What `rtl/` holds; None where it was not written. A stale one gives no figures."""
    run, finding = seen.run, seen.find("rtl")
    if finding.state is State.MISSING:
        return None
    again = f"make it again with `{run.mending('rtl')}`"
    if not finding.fresh:
        return WrittenRtl(written=f"stale, {finding.because}; {again}")
    from flow.stages.hardware import folding_clock  # noqa: PLC0415 - Numba takes a second to import
    from hw.generator import DesignError, read_manifest  # noqa: PLC0415

    try:
        manifest = read_manifest(run.rtl, as_chain(network))
        clock = float(manifest["clock_mhz"])
    except (DesignError, KeyError, TypeError, ValueError) as error:
        return WrittenRtl(written=f"damaged ({error}); {again}")
    folded = folding_clock(run, as_chain(network))
    differs = "" if folded in {None, clock} else f", while the folding is for {folded:g} MHz"
    words = f"popcount {manifest['popcount']}, constraints for {clock:g} MHz{differs}"
    return WrittenRtl(written=words, clock_mhz=clock)


def timeline(run: RunFolder, network: Network) -> ReportedTimeline | None:
    """When each layer is at work in the first frame and in steady state, by the cycle model; None without a folding."""
    if not run.folding.exists():
        return None
    from flow.stages.hardware import delivered_design  # noqa: PLC0415 - Numba takes a second to import
    from hw.cycles import timeline as cycles  # noqa: PLC0415

    found = cycles.layer_timeline(delivered_design(run, as_chain(network)).dataflow)

    def described(span: cycles.Span) -> Span:
        return Span(
            edges=list(span.edges), layers={name: BusyLayer(busy=list(busy)) for name, busy in span.busy.items()}
        )

    return ReportedTimeline(
        first_frame=described(found.first_frame), steady=described(found.steady), settled=found.settled
    )
