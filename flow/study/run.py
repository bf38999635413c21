"""Run a study with Ray: rows side by side, each kept as soon as it is done, so that a kill costs an epoch a row."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

from bnn.errors import UserError
from bnn.files import clear_stale, write_text
from flow.run.figures.study import RowFigures
from flow.study.plan import Study, StudyRow
from flow.study.row import DONE, compute_row, failed_row, finished_row
from flow.study.table import write_tables

Report = Callable[[StudyRow, RowFigures], None]
MAX_LOSSES = 3
ROWS_A_WORKER = 4  # then a fresh process: each training leaves about 100 MB behind
REPOSITORY = Path(__file__).resolve().parent.parent.parent


def run_study(
    study: Study,
    out: Path,
    *,
    data_dir: Path | None = None,
    jobs: int = 1,
    threads: int = 1,
    address: str | None = None,
    report: Report | None = None,
) -> list[tuple[StudyRow, RowFigures]]:
    """Every row of a study; rows that are done are not done again, failed ones are.

    Args:
        study: what to run.
        out: gets ``rows/ID.json``, ``runs/ID/`` (whole run folders) and the tables; on a cluster all nodes must see it.
        data_dir: where data sets lie.
        jobs: rows at a time, on this machine.
        threads: of each row.
        address: of a Ray cluster, which then decides how many rows run at a time.
        report: called with each row as it ends, and first with those that were done already.

    Returns:
        Rows with their figures, in the study's order.

    Raises:
        UserError: the folder holds another study.
    """
    claim(study, out)
    rows = study.rows()
    figures: dict[str, RowFigures] = {}
    for row in rows:
        done = finished_row(out, row)
        if done is not None and row.id not in figures:
            figures[row.id] = done
            if report:
                report(row, done)
    missing = list({row.id: row for row in rows if row.id not in figures}.values())
    missing.sort(key=lambda row: study.seeds.index(row.seed))  # each setting once before any twice: fit to be cut short
    for row, computed in _compute(missing, out.resolve(), data_dir, jobs, threads, address):
        figures[row.id] = computed
        write_tables(study, [(one, figures[one.id]) for one in rows if one.id in figures], out)
        if report:
            report(row, computed)
    results = [(row, figures[row.id]) for row in rows]
    write_tables(study, results, out)
    return results


def claim(study: Study, out: Path) -> None:
    """Make the folder the study's; UserError where it is another study's."""
    described = study.model_dump_json(indent=2)
    file = out / "study.json"
    if file.exists() and file.read_bytes() != described.encode():
        raise UserError(f"{out}: holds another study, or another version of this one; choose another --out")
    out.mkdir(parents=True, exist_ok=True)
    write_text(file, described)
    clear_stale([out, out / "rows"])


class _ClusterLostError(Exception):
    """Ray itself died, not a row: on a starved machine it takes itself for dead."""


def _compute(
    rows: list[StudyRow], out: Path, data_dir: Path | None, jobs: int, threads: int, address: str | None
) -> Iterator[tuple[StudyRow, RowFigures]]:
    """Rows as they end; Ray is started again where it died."""
    missing = {row.id: row for row in rows}
    lost = 0
    while missing:
        try:
            for row, computed in _session(list(missing.values()), out, data_dir, jobs, threads, address):
                del missing[row.id]
                lost = 0
                yield row, computed
        except _ClusterLostError as error:
            lost += 1
            if lost > MAX_LOSSES:
                raise UserError(
                    f"study: Ray died {lost} times without finishing a row ({error}); run it again on a quieter machine"
                ) from error


def _session(
    rows: list[StudyRow], out: Path, data_dir: Path | None, jobs: int, threads: int, address: str | None
) -> Iterator[tuple[StudyRow, RowFigures]]:
    """Rows as they end, in one life of Ray."""
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_health_check_failure_threshold", "20")  # heartbeats that a busy machine may miss
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import ray  # noqa: PLC0415 - takes a second to import

        environment = {"env_vars": {"OMP_NUM_THREADS": str(threads), "PYTHONPATH": str(REPOSITORY)}}
        where = {"address": address} if address else {"num_cpus": jobs, "include_dashboard": False}
        ray.init(logging_level=logging.ERROR, log_to_driver=False, runtime_env=environment, **where)
    try:
        remote = ray.remote(num_cpus=1, max_retries=0, max_calls=ROWS_A_WORKER)(compute_row)
        waiting = {remote.remote(row, out, data_dir, threads): row for row in rows}
        while waiting:
            (ready,), _ = ray.wait(list(waiting), num_returns=1)
            row = waiting.pop(ready)
            try:
                computed = ray.get(ready)
            except (ray.exceptions.LocalRayletDiedError, ray.exceptions.NodeDiedError) as error:
                raise _ClusterLostError(type(error).__name__) from error
            except ray.exceptions.RayError as error:  # its process was killed: by the machine, or for want of memory
                computed = failed_row(row, f"its process ended: {type(error).__name__}")
            yield row, computed
    finally:
        ray.shutdown()


def failures(results: list[tuple[StudyRow, RowFigures]]) -> list[tuple[StudyRow, str]]:
    """Rows that failed, and why."""
    return [(row, figures.error or "") for row, figures in results if figures.status != DONE]
