"""The stage that gathers everything known of a run into one page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bnn.files import write_json, write_text
from flow.run.folder import RunFolder
from flow.run.records import fingerprint
from flow.stages.freshness import Examination
from flow.stages.options import Kind, Options, option
from flow.stages.stage import Stage
from flow.stages.words import say

USES = (
    "network",
    "export",
    "golden",
    "simulate",
    "ladder",
    "folding",
    "rtl",
    "rtlsim",
    "finn folding",
    "finn estimate",
    "finn results",
    "shift cost",
)


class ReportOptions(Options):
    """What is shown besides the run."""

    against: tuple[Path, ...] = option((), "Another run to show beside it; repeatable.", kind=Kind.RESULT)
    study: tuple[Path, ...] = option((), "A study's folder (its --out) to show; repeatable.", kind=Kind.RESULT)


def report_stage(stages: Mapping[str, Stage]) -> Stage:
    """The stage; ``stages`` are those whose results it shows."""

    def run_report(run: RunFolder, options: ReportOptions) -> None:
        from flow.report import collect, to_markdown  # noqa: PLC0415 - many modules, and few commands need them
        from flow.report.html import to_html  # noqa: PLC0415

        others = [RunFolder.open(other) for other in options.against]
        examinations = [Examination(one, stages) for one in (run, *others)]
        contents = collect(examinations[0], examinations[1:], options.study)
        write_json(run.report_json, contents.to_json())
        write_text(run.report_markdown, to_markdown(contents))
        write_text(run.report_html, to_html(contents))

    return Stage(
        name="report",
        summary="Gather everything known of a run into report.html, report.md and report.json.",
        example="--run runs/tfc --against runs/other",
        options=ReportOptions,
        needs=("config",),
        uses=USES,
        brings=("simulate", "ladder"),
        makes=("report", "report page"),
        run=run_report,
        show=_show,
        outside=_others,
    )


def _others(_run: RunFolder, options: ReportOptions) -> dict[str, str | None]:
    shown: dict[str, Any] = {f"run {path.name}": path / "stages" for path in options.against}
    shown |= {f"study {path.name}": path / "summary.json" for path in options.study}
    return {name: fingerprint(path) for name, path in shown.items()}


def _show(run: RunFolder, _: None) -> None:
    say(f"report: {run.report_html}, {run.report_markdown} and {run.report_json}")
