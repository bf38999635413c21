"""One row of a study: trained, absorbed, simulated; its figures in one file, which says that the row is done."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from bnn.errors import UserError
from bnn.files import write_figures
from bnn.version import VERSION
from flow.run.figures import RowFigures, read_figures
from flow.study.plan import StudyError, StudyRow

DONE, FAILED = "done", "failed"
INTEGER, REFERENCE = "integer", "reference"  # whose accuracy it is: the integer network's, or the trained model's


def row_file(out: Path, row: StudyRow) -> Path:
    """Where a row's figures are."""
    return out / "rows" / f"{row.id}.json"


def finished_row(out: Path, row: StudyRow) -> dict[str, Any] | None:
    """A row's figures where it is done; None where it has not run, failed, or was made by another configuration."""
    file = row_file(out, row)
    if not file.exists():
        return None
    figures = read_figures(file, RowFigures, "delete it, and the study computes the row again", StudyError)
    return figures if figures["status"] == DONE and figures["config_hash"] == row.config.hash else None


def compute_row(row: StudyRow, out: Path, data_dir: Path | None, threads: int) -> dict[str, Any]:
    """Train (or go on), absorb, and simulate the whole test set; the figures, also written to the row's file.

    Accuracy is the integer network's; the trained model's where the integer network cannot hold it. An error becomes
    a failed row: the others go on.
    """
    start, cpu_start = time.perf_counter(), time.process_time()
    figures: dict[str, Any] = {"config_hash": row.config.hash, "askew_version": VERSION, "seed": row.seed}
    try:
        figures |= {"status": DONE} | _figures(row, out, data_dir, threads)
    except UserError as error:
        figures |= {"status": FAILED, "error": str(error)}
    except Exception as error:
        figures |= {"status": FAILED, "error": f"{type(error).__name__}: {error}"}
    figures |= {"seconds": time.perf_counter() - start, "cpu_seconds": time.process_time() - cpu_start}
    row_file(out, row).parent.mkdir(parents=True, exist_ok=True)
    write_figures(row_file(out, row), figures)
    return figures


def _figures(row: StudyRow, out: Path, data_dir: Path | None, threads: int) -> dict[str, Any]:
    import torch  # noqa: PLC0415 - torch takes seconds to import, and a study's driver needs none

    from bnn.serialize import save_network  # noqa: PLC0415
    from flow.ladder.climb import accuracy, mismatching_frames  # noqa: PLC0415
    from flow.run.folder import RunFolder  # noqa: PLC0415
    from hw.simulator import simulate  # noqa: PLC0415
    from onnx_export.absorb import absorb  # noqa: PLC0415
    from training.data.datasets import load_dataset  # noqa: PLC0415
    from training.fit.evaluate import float_scores  # noqa: PLC0415
    from training.fit.train import load_trained, train  # noqa: PLC0415

    torch.set_num_threads(threads)
    run = RunFolder.claim(out / "runs" / row.id, row.config.to_toml())
    result = train(row.config, run.path, data_dir=data_dir, threads=threads, progress=False)
    model = load_trained(run.checkpoint, row.config)
    test = load_dataset(row.config.data.name, data_dir, row.config.data.preparation).test
    figures = {
        "reference_accuracy": result.test_accuracy,
        "frames": len(test),
        "epochs": result.epochs,
        "images": result.images,
        "final_loss": result.history[-1]["loss"],
        "plus_one": result.plus_one,
    }
    if model.refusal:  # the integer network cannot hold it
        return figures | {"kind": REFERENCE, "accuracy": result.test_accuracy, "mismatches": None}
    network = absorb(model.staged())
    save_network(network, run.network_file)
    scores = simulate(network, test.pixels, threads=threads)
    return figures | {
        "kind": INTEGER,
        "network_hash": network.hash,
        "accuracy": accuracy(scores, test.labels),
        "mismatches": len(mismatching_frames(float_scores(model, test.images), scores)),
    }
