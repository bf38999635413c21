"""Gather what the stages of a run wrote into one JSON value. What is missing is said, with the command for it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from bnn.errors import UserError
from bnn.network import Network
from bnn.readers import read_text
from bnn.version import VERSION
from finn_build.results.figures import EstimateFigures, ResultsFigures
from flow.report import evidence
from flow.report.against import side_by_side
from flow.report.comparison import ASSUMED, compare, stated
from flow.report.describe import describe_images, describe_network
from flow.report.shift import before_shift
from flow.report.sources import NOTES
from flow.report.study import read_study
from flow.report.training import training_course
from flow.run.figures import (
    ExportFigures,
    Figures,
    FoldingFigures,
    ImplementFigures,
    LadderFigures,
    OverlayFigures,
    OverlayResults,
    RtlsimFigures,
    Rung,
    SimulateFigures,
)
from flow.run.figures.report import ReportFigures, StalePart
from flow.run.figures.report_hardware import Hardware, ReportedClock
from flow.run.figures.report_network import ReportedRung
from flow.run.folder import Origin, RunError, RunFolder
from flow.stages.freshness import Examination, State
from flow.stages.ladder import still_true

Model = TypeVar("Model", bound=Figures)
Found = TypeVar("Found")


@dataclass
class Lacking:
    """What a report cannot show, filled while it is gathered.

    Attributes:
        missing: part that is not there to the command that makes it.
        stale: part that was made from something else than is there now.
        refused: why the network can have no hardware; the parts are then not among the missing.
    """

    missing: dict[str, str] = field(default_factory=dict)
    stale: dict[str, StalePart] = field(default_factory=dict)
    refused: str | None = None


def collect(seen: Examination, against: Sequence[Examination] = (), studies: Sequence[Path] = ()) -> ReportFigures:
    """Everything that the report shows, of results that are fresh.

    Args:
        seen: the run. Without a network yet there is its training alone.
        against: other runs, to be shown beside it.
        studies: folders that `askew study` wrote.

    Raises:
        UserError: another run has no network, or what is named is no study.
    """
    run = seen.run
    studied = [read_study(folder, run) for folder in studies]
    network = run.network() if run.network_file.exists() else None
    report = _without_network(run) if network is None else _of_network(seen, network, with_evidence=True)
    others = [side_by_side(other.run, _other(other)) for other in against]
    return report.with_parts(
        training=training_course(run),
        summary=side_by_side(run, report),
        against=[column for column in others if column],
        studies=studied,
    )


def _other(seen: Examination) -> ReportFigures:
    """Another run, whose network is compared with this one's; UserError where it can have none."""
    run = seen.run
    if not run.network_file.exists() and (refusal := _refusal(run)):
        raise UserError(f"--against {run.path}: {refusal}; leave it out")
    return _of_network(seen, run.network())


def _without_network(run: RunFolder) -> ReportFigures:
    """What there is to say of a run that was not exported yet, or never can be."""
    refusal = _refusal(run)
    missing = {} if refusal else {"export": run.mending("export")}
    return _report(run, Lacking(missing)).with_parts(refusal=refusal)


def _refusal(run: RunFolder) -> str | None:
    """Why the integer network cannot hold the trained model; None where it can, or there is no whole model."""
    if run.origin is not Origin.TRAINED or not run.checkpoint.exists():
        return None
    from training.config.load import load_config  # noqa: PLC0415 - torch takes seconds to import
    from training.fit.train import load_trained  # noqa: PLC0415

    try:
        return load_trained(run.checkpoint, load_config(run.config)).refusal
    except UserError:  # a damaged model is for `export` to report
        return None


def _of_network(seen: Examination, network: Network, *, with_evidence: bool = False) -> ReportFigures:
    """What the run's stages wrote down, and on request what is computed from it."""
    run, lacking = seen.run, Lacking()
    exported = _part(seen, "export", run.origin.maker, ExportFigures, network, lacking)
    simulated = _part(seen, "simulate", "simulate", SimulateFigures, network, lacking)
    hardware = Hardware(
        folding=_part(seen, "folding", "fold", FoldingFigures, network, lacking),
        rtlsim=_part(seen, "rtlsim", "rtlsim", RtlsimFigures, network, lacking),
        implementation=_part(seen, "fpga/implement", "implement", ImplementFigures, network, lacking),
        overlay=_part(seen, "pynq/bitstream", "pynq bitstream", OverlayFigures, network, lacking),
        overlay_results=_part(seen, "pynq/results", "pynq results", OverlayResults, network, lacking),
        finn_estimate=_part(seen, "finn/estimate", "finn estimate", EstimateFigures, network, lacking),
        finn_results=_part(seen, "finn/results", "finn results", ResultsFigures, network, lacking),
        rtl=evidence.written_rtl(seen, network),
    )
    rungs = _rungs(seen, network, lacking)
    if hardware.finn_results:
        lacking.missing |= {f"finn/results: {part}": way for part, way in hardware.finn_results.missing.items()}
    if hardware.overlay_results:
        lacking.missing |= {f"pynq/results: {part}": way for part, way in hardware.overlay_results.missing.items()}
    golden = None
    if with_evidence:
        golden = _fresh(seen, run.origin.maker, "golden", lacking, lambda: run.golden(network))
    shifted = before_shift(run, exported, golden) if golden else {}
    names = evidence.class_names(run, exported, network.classes)
    profile = simulated.layers if simulated else {}
    labelled = golden if golden and golden.labels is not None else None
    described = describe_network(network, profile, shifted, describe_images(exported, names))
    report = _report(run, lacking).with_parts(
        network_hash=network.hash,
        network=described,
        rungs={
            name: ReportedRung.model_validate(
                rung.to_json() | {"accuracy_interval": evidence.interval(rung.accuracy, rung.frames)}
            )
            for name, rung in rungs.items()
        },
        simulate=simulated,
        golden=exported,
        hardware_refusal=lacking.refused,
        hardware=hardware,
        comparison=compare([layer.name for layer in described.layers], hardware, math.prod(network.input.shape)),
        sources=NOTES,
        classes=names,
        budget=evidence.budget(hardware),
        confusion=evidence.confusion(labelled, network.classes) if labelled else None,
        mistakes=evidence.worst_mistakes(labelled) if labelled else [],
        timeline=evidence.timeline(run, network) if with_evidence and hardware.folding else None,
    )
    return report.with_parts(board=_board(report), clock=_clock(report))


def _rungs(seen: Examination, network: Network, lacking: Lacking) -> dict[str, Rung]:
    """The rungs of the ladder; of a stale one those that were held to what is there now."""
    ladder = _part(seen, "ladder", "ladder", LadderFigures, network, lacking)
    if ladder:
        return ladder.rungs
    if "ladder" not in lacking.stale:
        return {}
    return {name: Rung.model_validate(rung) for name, rung in still_true(seen.run).items()}


def _part(
    seen: Examination, file: str, stage: str, model: type[Model], network: Network, lacking: Lacking
) -> Model | None:
    """A stage's figures where they are fresh."""
    return _fresh(seen, stage, file, lacking, lambda: model.of(seen.run.result(file, network)))


def _fresh(seen: Examination, stage: str, part: str, lacking: Lacking, read: Callable[[], Found]) -> Found | None:
    """What ``read`` gives of a stage that is fresh; else None, with the reason and the command in ``lacking``."""
    finding, command = seen.find(stage), seen.run.mending(stage)
    if refusal := seen.refusal_of(stage):
        lacking.refused = refusal
        return None
    if finding.state is State.MISSING:
        lacking.missing[part] = command
        return None
    because = finding.because
    if finding.fresh:
        try:
            return read()
        except RunError as error:
            because = str(error)
    lacking.stale[part] = StalePart(because=because, command=command)
    return None


def _report(run: RunFolder, lacking: Lacking) -> ReportFigures:
    """A report that has only what every run has."""
    return ReportFigures(
        network_hash=None,
        askew_version=VERSION,
        run=run.path.name,
        config=read_text(run.config),
        network=None,
        rungs={},
        simulate=None,
        golden=None,
        hardware=Hardware(),
        comparison=None,
        missing=lacking.missing,
        stale=lacking.stale,
        training=None,
        classes=[],
        budget=None,
        timeline=None,
        confusion=None,
        mistakes=[],
        summary=None,
        against=[],
        studies=[],
    )


def _board(report: ReportFigures) -> str | None:
    folding, estimate = report.hardware.folding, report.hardware.finn_estimate
    return (folding.board if folding else None) or (estimate.board if estimate else None)


def _clock(report: ReportFigures) -> ReportedClock | None:
    """The clock of the rates that stand for the run; else the one that it was folded for."""
    source = stated(report.comparison) if report.comparison else None
    if source and source.clock_mhz and source.clock_origin:
        return ReportedClock(mhz=source.clock_mhz, origin=source.clock_origin)
    folded = report.hardware.folding.clock_mhz if report.hardware.folding else None
    return ReportedClock(mhz=folded, origin=ASSUMED) if folded else None
