"""Which benchmarks there are. Each measures ours and the peers in one run, because machines are noisy."""

from __future__ import annotations

from pathlib import Path

from bnn.errors import UserError
from bnn.version import VERSION
from flow.run.figures.bench import BenchFigures, TrainingBench


def run_bench(what: str, data_dir: Path | None) -> tuple[BenchFigures, str]:
    """The figures of one benchmark, and as Markdown; UserError lists the benchmarks."""
    if what == "training":
        from training.fit.bench import bench_training  # noqa: PLC0415
        from training.fit.bench_steps import bench_steps  # noqa: PLC0415
        from training.fit.train import is_gpu_used  # noqa: PLC0415

        figures, markdown = bench_training(data_dir)
        if not is_gpu_used():  # CPU seconds say nothing about one
            steps, table = bench_steps()
            figures, markdown = {**figures, "steps": steps}, f"{markdown}\n\n{table}"
        return TrainingBench.model_validate({"askew_version": VERSION, **figures}), markdown
    if what == "simulator":
        from flow.bench.simulator import bench_simulator  # noqa: PLC0415

        return bench_simulator()
    if what == "rtl":
        from flow.bench.rtl import bench_rtl  # noqa: PLC0415

        return bench_rtl()
    raise UserError(f"bench {what!r}: unknown, must be rtl, simulator or training")
