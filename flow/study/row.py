"""One row of a study: trained, absorbed, simulated; its figures in one file, which says that the row is done."""

from __future__ import annotations

import time
from pathlib import Path

from bnn.errors import UserError
from bnn.version import VERSION
from flow.run.figures.study import RowFigures
from flow.study.plan import StudyError, StudyRow

DONE, FAILED = "done", "failed"
INTEGER, REFERENCE = "integer", "reference"  # whose accuracy it is: the integer network's, or the trained model's


def row_file(out: Path, row: StudyRow) -> Path:
    """Where a row's figures are."""
    return out / "rows" / f"{row.id}.json"


def finished_row(out: Path, row: StudyRow) -> RowFigures | None:
    """A row's figures where it is done; None where it has not run, failed, or was made by another configuration."""
    file = row_file(out, row)
    if not file.exists():
        return None
    figures = RowFigures.read(file, "delete it, and the study computes the row again", StudyError)
    return figures if figures.status == DONE and figures.config_hash == row.config.hash else None


def compute_row(row: StudyRow, out: Path, data_dir: Path | None, threads: int) -> RowFigures:
    """Train (or go on), absorb, and simulate the whole test set; the figures, also written to the row's file.

    Accuracy is the integer network's; the trained model's where the integer network cannot hold it. Where the config
    holds out training images, it is measured on those in the place of the test images, which then choose nothing. An
    error becomes a failed row: the others go on.
    """
    start, cpu_start = time.perf_counter(), time.process_time()
    try:
        figures = _figures(row, out, data_dir, threads)
    except UserError as error:
        figures = failed_row(row, str(error))
    except Exception as error:
        figures = failed_row(row, f"{type(error).__name__}: {error}")
    taken = {"seconds": time.perf_counter() - start, "cpu_seconds": time.process_time() - cpu_start}
    figures = figures.model_copy(update=taken)
    row_file(out, row).parent.mkdir(parents=True, exist_ok=True)
    figures.write(row_file(out, row))
    return figures


def failed_row(row: StudyRow, error: str) -> RowFigures:
    """The figures of a row that came to nothing, and why."""
    return RowFigures(config_hash=row.config.hash, askew_version=VERSION, seed=row.seed, status="failed", error=error)


def _figures(row: StudyRow, out: Path, data_dir: Path | None, threads: int) -> RowFigures:
    import torch  # noqa: PLC0415 - torch takes seconds to import, and a study's driver needs none

    from bnn.serialize import save_network  # noqa: PLC0415
    from flow.ladder.compare import Comparison, accuracy  # noqa: PLC0415
    from flow.run.folder import RunFolder  # noqa: PLC0415
    from flow.stages.measure import integer_accuracy  # noqa: PLC0415
    from hw.simulator import simulate  # noqa: PLC0415
    from onnx_export.absorb import absorb  # noqa: PLC0415
    from training.data.datasets import load_dataset  # noqa: PLC0415
    from training.fit.evaluate import float_scores  # noqa: PLC0415
    from training.fit.train import load_trained, split_training, train  # noqa: PLC0415

    torch.set_num_threads(threads)
    run = RunFolder.claim(out / "runs" / row.id, row.config.to_toml())
    dataset = load_dataset(row.config.data.name, data_dir, row.config.data.preparation)
    _, held_out = split_training(row.config, dataset)
    measure = None if held_out is None else integer_accuracy  # each epoch's; absorption is quicker than PyTorch
    result = train(row.config, run.path, data_dir=data_dir, threads=threads, progress=False, measure=measure)
    model = load_trained(run.checkpoint, row.config)
    measured = held_out or dataset.test
    logits = float_scores(model, measured.images)
    reference = accuracy(logits, measured.labels)
    figures = RowFigures(
        config_hash=row.config.hash,
        askew_version=VERSION,
        seed=row.seed,
        status="done",
        images_of="test" if held_out is None else "held-out",
        reference_accuracy=reference,
        frames=len(measured),
        epochs=result.epochs,
        images=result.images,
        final_loss=result.history[-1]["loss"],
        plus_one=result.plus_one,
    )
    if model.refusal:  # the integer network cannot hold it
        held = {"kind": REFERENCE, "accuracy": reference, "mismatches": None}
        return figures.model_copy(update=held)
    network = absorb(model.staged())
    save_network(network, run.network_file)
    scores = simulate(network, measured.pixels, threads=threads)
    return figures.model_copy(
        update={
            "kind": INTEGER,
            "network_hash": network.hash,
            "accuracy": accuracy(scores, measured.labels),
            "mismatches": len(Comparison.ORDER.mismatching_frames(logits, scores)),
        }
    )
