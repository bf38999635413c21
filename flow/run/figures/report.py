"""``report.json``: everything known of a run, from which its other pages are made."""

from __future__ import annotations

from typing import Any

from finn_build.results.form import Count, Part, says
from flow.run.figures.export import ExportFigures
from flow.run.figures.report_hardware import BoardBudget, Comparison, Hardware, ReportedClock, ReportedTimeline
from flow.run.figures.report_network import Column, Course, Mistake, ReportedNetwork, ReportedRung, ReportedStudy
from flow.run.figures.simulate import SimulateFigures


class StalePart(Part):
    """A result that was made from something else than what is there now. Nothing of it is shown."""

    because: str = says("what changed since it was made")
    command: str = says("that makes it anew")


class ReportFigures(Part):
    """``report.json``: everything known of a run."""

    network_hash: str | None = says("of the integer network; null where there is none")
    askew_version: str = says("version that wrote the file")
    run: str = says("the folder's name")
    board: str | None = says("that the run was folded or estimated for", default=None)
    clock: ReportedClock | None = says("of the rates that the head states", default=None)
    config: str = says("``config.toml``")
    network: ReportedNetwork | None = says("the integer network; null where there is none")
    refusal: str | None = says("why there can be no integer network; null where there can", default=None)
    rungs: dict[str, ReportedRung] = says("``ladder.json``'s")
    simulate: SimulateFigures | None = says("``simulate.json``")
    golden: ExportFigures | None = says("``export.json``")
    hardware_refusal: str | None = says("why there can be none of this network; null where there can", default=None)
    hardware: Hardware = says("figures of the hardware's stages")
    comparison: Comparison | None = says("what they say of the same network; null without a network")
    sources: dict[str, str] = says("column of the comparison to where its figures come from", default={})
    missing: dict[str, str] = says("part that is not there to the command that makes it")
    stale: dict[str, StalePart] = says("stage whose result is stale to why, and the command", default={})
    training: Course | None = says("course of the training; null without a log")
    classes: list[str] = says("what each label means, from 0 on")
    budget: BoardBudget | None = says("what the board offers; null without a board")
    timeline: ReportedTimeline | None = says("when each layer is at work; null without a folding")
    confusion: list[list[Count]] | None = says("[label][answer], golden frames; null without golden", "frames")
    mistakes: list[Mistake] = says("the worst, first the worst of all")
    summary: Column | None = says("what a comparison of runs shows of this one; null without a network")
    against: list[Column] = says("the same of the others")
    studies: list[ReportedStudy] = says("that the report was asked to show")

    def with_parts(self, **parts: Any) -> ReportFigures:
        """The same with other parts."""
        return self.model_copy(update=parts)
