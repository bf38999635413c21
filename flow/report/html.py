"""The report as one HTML file that asks nothing of anyone: style, script, plots and pictures are all inside."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from flow.report.against import against_table
from flow.report.gantt import plot_gantt
from flow.report.hardware import checks, input_lines, layer_table, type_table, whole_table
from flow.report.markdown import describe, describe_target, layer_rows
from flow.report.network_drawing import draw_network
from flow.report.page import Cell, Picture, Plots, Shown, ShownStudy
from flow.report.plots import plot_accuracy, plot_plus_fractions, plot_resources, plot_thresholds, resource_shares
from flow.report.routed import path_table, routed_lines
from flow.report.sources import column_notes, rung_notes
from flow.report.study import describe_study, describe_this_run, study_table
from flow.report.study_plot import plot_study
from flow.report.svg import PALETTE
from flow.report.tables import Table, number, percent
from flow.report.training import course_note, plot_course
from flow.run.figures.report import ReportFigures
from flow.run.figures.report_network import Column, ReportedLayer, ReportedRung, ReportedStudy

FOLDER = Path(__file__).parent
MATRIX_CLASSES = 20  # a larger confusion matrix is a list of the most frequent mistakes alone
PAIRS = 10
_NUMBER = re.compile(r"[+-]?[\d,]+(\.\d+)?%?")


def to_html(report: ReportFigures) -> str:
    """What `collect` gathered, as a page."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.tests["plain_number"] = lambda text: _NUMBER.fullmatch(str(text)) is not None
    environment.filters["breakable"] = lambda text: escape(text).replace(".", Markup(".<wbr>"))
    environment.filters["sort_key"] = lambda text: str(text).replace(",", "").rstrip("%")
    rungs, network, comparison = report.rungs, report.network, report.comparison
    return environment.get_template("template.html").render(
        report=report,
        style=_file(PALETTE) + _file(FOLDER / "style.css"),
        script=_file(FOLDER / "tables.js"),
        described=describe(network) if network else "",
        target=describe_target(report),
        tiles=_tiles(report),
        rungs=_rungs(rungs),
        rung_notes=rung_notes(list(rungs)),
        differing=[name for name, rung in rungs.items() if rung.mismatches],
        course_note=course_note(report.training) if report.training else "",
        against=against_table([report.summary, *report.against]) if report.against and report.summary else None,
        studies=[_study(study, f"study-{index}") for index, study in enumerate(report.studies, 1)],
        layers=layer_rows(network) if network else None,
        shift_note=_shift_note(report),
        has_hardware=report.hardware.is_there and comparison is not None,
        whole=whole_table(comparison.whole, report.budget) if comparison else None,
        checks=[*checks(comparison.whole), *input_lines(comparison, report.budget)] if comparison else [],
        column_notes=column_notes(comparison) if comparison else [],
        hardware_layers=layer_table(comparison.layers) if comparison else None,
        routed=routed_lines(report.hardware.implementation) if report.hardware.implementation else [],
        routed_paths=path_table(report.hardware.implementation) if report.hardware.implementation else None,
        hardware_types=type_table(comparison.types) if comparison and comparison.types else None,
        plots=_plots(report),
        gantt_note=_gantt_note(report),
        steady_note=_steady_note(report),
        confusion=_confusion(report),
        mistakes=_mistakes(report),
        missing=(["part", "command"], list(report.missing.items())),
        stale=(
            ["stage", "stale because", "command"],
            [(name, part.because, part.command) for name, part in report.stale.items()],
        ),
    )


def _file(path: Path) -> Markup:
    return Markup(path.read_text(encoding="utf-8"))


def _study(study: ReportedStudy, name: str) -> ShownStudy:
    return ShownStudy(
        name=name,
        heading=study.question or study.name,
        title=study.name,
        statement=study.statement,
        method=study.method,
        this_run=describe_this_run(study),
        description=describe_study(study),
        table=study_table(study),
        plot=plot_study(study, f"{name}-plot"),
    )


def _tiles(report: ReportFigures) -> list[tuple[str, str]]:
    summary, network = report.summary, report.network
    if summary is None or network is None:
        measured = [value for value in (report.training.accuracy or []) if value is not None] if report.training else []
        return [("accuracy at last", percent(measured[-1]))] if measured else []
    kib = (network.weight_bits + (network.threshold_bits or 0)) / 8 / 1024
    tiles = [
        ("accuracy", percent(summary.accuracy)),
        ("parameters", f"{kib:,.1f} KiB"),
        ("cycles a frame", number(summary.frame_ii_cycles)),
        ("latency, us", number(summary.latency_us)),
        (_rate_title(summary), number(summary.frames_per_second)),
        ("LUTs, estimated", number(summary.luts)),
    ]
    return [(title, value) for title, value in tiles if value != "-"]


def _rate_title(summary: Column) -> str:
    """A rate never stands without its clock and that clock's origin."""
    if summary.clock_mhz is None:
        return "frames/s"
    return f"frames/s at {number(summary.clock_mhz)} MHz, {summary.clock_origin}"


def _rungs(rungs: Mapping[str, ReportedRung]) -> Table:
    header = ["rung", "accuracy", "frames", "mismatches with golden"]
    return header, [
        (name, percent(rung.accuracy), number(rung.frames), number(rung.mismatches)) for name, rung in rungs.items()
    ]


def _plots(report: ReportFigures) -> Plots:
    network, timeline = report.network, report.timeline
    layers = network.layers if network else []
    measured = {layer.name: layer for layer in layers if layer.plus_fraction is not None}
    if network and network.input_plus_fraction is not None:
        measured = {"input": ReportedLayer(name="input", plus_fraction=network.input_plus_fraction)} | measured
    known = {name: rung for name, rung in report.rungs.items() if rung.accuracy is not None}
    shares = resource_shares(report)
    return Plots(
        network=draw_network(network.nodes) if network and network.nodes else None,
        accuracy=plot_accuracy(known) if known else None,
        course=plot_course(report.training) if report.training else None,
        plus_fractions=plot_plus_fractions(measured) if measured else None,
        thresholds=[
            plot_thresholds(layer.name, index, layer.thresholds)
            for index, layer in enumerate(layers)
            if layer.thresholds
        ],
        first_frame=plot_gantt("first_frame", timeline.first_frame) if timeline else None,
        steady=plot_gantt("steady", timeline.steady) if timeline else None,
        resources=plot_resources(report.budget.board, shares) if shares and report.budget else None,
    )


def _shift_note(report: ReportFigures) -> str:
    shift = report.summary.threshold_shift if report.summary else None
    if report.network is None or not isinstance(shift, (int, float, list, str)):
        return ""
    if not shift or (isinstance(shift, list) and not any(shift)):
        return "The activation threshold is not shifted in this run."
    known = any(layer.before_shift for layer in report.network.layers)
    unknown = "" if known else " What it changed is not known: the checkpoint that was exported is gone."
    return f"Threshold shift: {', '.join(map(str, shift)) if isinstance(shift, list) else shift}.{unknown}"


def _gantt_note(report: ReportFigures) -> str:
    timeline = report.timeline
    if not timeline:
        return ""
    edges = timeline.first_frame.edges
    step = max(later - earlier for earlier, later in pairwise(edges))
    width = "" if step == 1 else f" A step is {step:,} cycles; the darker, the more of them are at work."
    return f"The first frame alone through each layer's matrix or pool, by our cycle model.{width}"


def _steady_note(report: ReportFigures) -> str:
    timeline = report.timeline
    if not timeline:
        return ""
    settled = "" if timeline.settled else " The run shown had not settled yet."
    return f"From one label to the next, with frames following each other without a gap.{settled}"


def _confusion(report: ReportFigures) -> Shown | None:
    counts, names = report.confusion, report.classes
    if counts is None:
        return None
    frames, right = sum(map(sum, counts)), sum(row[label] for label, row in enumerate(counts))
    pairs = [
        (count, names[label], names[answer])
        for label, row in enumerate(counts)
        for answer, count in enumerate(row)
        if answer != label and count
    ]
    pairs.sort(key=lambda pair: -pair[0])
    return Shown(
        words=f"{right:,} of {frames:,} golden frames are answered rightly, {frames - right:,} are not.",
        matrix=[(names[label], _shaded(row, label)) for label, row in enumerate(counts)]
        if len(names) <= MATRIX_CLASSES
        else None,
        pairs=(["picture of", "answer", "frames"], [(a, b, number(count)) for count, a, b in pairs[:PAIRS]]),
    )


def _shaded(row: list[int], label: int) -> list[Cell]:
    """Cells whose shade says the share of the row; the root makes the few mistakes visible."""
    frames = max(1, sum(row))
    return [Cell(count, answer == label, 0.75 * (count / frames) ** 0.5) for answer, count in enumerate(row)]


def _mistakes(report: ReportFigures) -> list[Picture]:
    shown = []
    for mistake in report.mistakes:
        label, answer = report.classes[mistake.label], report.classes[mistake.answer]
        shown.append(
            Picture(
                png=mistake.png_base64,
                label=label,
                answer=answer,
                frame=f"{mistake.frame:,}",
                scores=f"{mistake.score_of_answer:,} against {mistake.score_of_label:,}",
                alternative=f"Frame {mistake.frame}: {label}, taken for {answer}",
            )
        )
    return shown
