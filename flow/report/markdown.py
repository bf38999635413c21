"""The report as Markdown."""

from __future__ import annotations

from collections.abc import Mapping

from flow.report.against import against_table
from flow.report.hardware import hardware_section
from flow.report.routed import path_table, routed_lines
from flow.report.sources import rung_notes
from flow.report.study import study_section
from flow.report.tables import Table, number, percent, table
from flow.report.training import course_note
from flow.run.figures.report import ReportFigures
from flow.run.figures.report_network import Course, ReportedNetwork, ReportedRung


def to_markdown(report: ReportFigures) -> str:
    """What `collect` gathered, for a person to read."""
    sections = [f"# {report.run}\n", " ".join(head(report)) + "\n"]
    if report.network:
        sections += [
            "## Accuracy at each rung\n",
            _rungs(report.rungs),
            "## Layers\n",
            table(*layer_rows(report.network)),
        ]
    if report.training:
        sections += ["## Training\n", f"{describe_course(report.training)} {course_note(report.training)}\n"]
    if report.against and report.summary:
        sections += ["## Side by side\n", table(*against_table([report.summary, *report.against]))]
    for study in report.studies:
        sections += [f"## {study.question or study.name}\n", f"Study {study.name}.\n", study_section(study)]
    if report.hardware.is_there and report.comparison:
        sections += ["## Cycles and resources\n", hardware_section(report.comparison, report.budget)]
    if found := report.hardware.implementation:
        sections += [
            "## Placed and routed\n",
            *(f"{line}\n" for line in routed_lines(found)),
            table(*path_table(found)),
        ]
    if report.hardware_refusal:
        sections += ["## Cycles and resources\n", f"There is no hardware of this network: {report.hardware_refusal}.\n"]
    if report.stale or report.missing:
        sections.append("## Stale or missing\n")
        sections += [f"- {name}: stale, {part.because}: `{part.command}`" for name, part in report.stale.items()]
        sections += [*(f"- {part}: `{command}`" for part, command in report.missing.items()), ""]
    sections += ["## Config\n", f"```toml\n{report.config.rstrip()}\n```\n"]
    return "\n".join(sections)


def head(report: ReportFigures) -> list[str]:
    """What network this is, for which board, and at which clock, in sentences."""
    made = f"made by Askew {report.askew_version}."
    sentences = [f"Network `{report.network_hash[:12]}`, {made}" if report.network_hash else f"No network yet, {made}"]
    if report.refusal:
        sentences.append(f"There can be none: {report.refusal}.")
    if report.network:
        sentences.append(describe(report.network))
    if target := describe_target(report):
        sentences.append(target)
    return sentences


def describe_target(report: ReportFigures) -> str:
    """Board and clock with its origin, in a sentence; empty where nobody named either."""
    if report.clock is None:
        return f"For {report.board}." if report.board else ""
    why = {
        "routed": "a router reached it",
        "estimated": "estimated, not routed",
        "assumed": "assumed: nothing was placed and routed",
    }
    where = f"For {report.board}, at" if report.board else "At"
    return f"{where} a clock of {number(report.clock.mhz)} MHz ({why[report.clock.origin]})."


def describe(network: ReportedNetwork) -> str:
    """The network in a sentence."""
    shape = " x ".join(str(size) for size in network.input_shape or [])
    encoding = "1-bit" if network.input_binary else "integer"
    thresholds = network.threshold_bits or 0
    return (
        f"Input {shape}, {encoding}; {network.classes} classes; "
        f"{network.weight_bits:,} weight bits and {thresholds:,} threshold bits, "
        f"{(network.weight_bits + thresholds) / 8 / 1024:.1f} KiB in all."
        + (f" {network.images}" if network.images else "")
    )


def describe_course(course: Course) -> str:
    """The training in a sentence."""
    count = f"{len(course.epochs)} epoch{'s' if len(course.epochs) > 1 else ''}"
    words = f"{count}, loss {course.loss[0]:.4f} to {course.loss[-1]:.4f}"
    if course.accuracy:
        words += f", accuracy at last {percent(course.accuracy[-1])}"
    return f"{words}."


def _rungs(rungs: Mapping[str, ReportedRung]) -> str:
    rows = [(name, f"{rung.frames:,}", rung.mismatches, percent(rung.accuracy)) for name, rung in rungs.items()]
    if not rows:
        return "No rung has been run yet.\n"
    text = table(("rung", "frames", "mismatches with golden", "accuracy"), rows)
    differing = [name for name, rung in rungs.items() if rung.mismatches]
    notes = "".join(f"- {name}: {note}\n" for name, note in rung_notes(list(rungs)))
    if differing:
        said = f"**Not equal to golden: {', '.join(differing)}.** `askew diff` names the place.\n"
    else:
        said = "Every rung gives golden's answer on every frame it was given.\n"
    return f"{text}\n{said}\n{notes}"


def layer_rows(network: ReportedNetwork) -> Table:
    """Header and rows: shape, size, thresholds and fraction of +1 of every layer."""
    rows: list[tuple[str, ...]] = []
    if network.input_plus_fraction is not None:
        rows.append(("input", _shape(network.input_shape), "-", "-", "-", "-", percent(network.input_plus_fraction)))
    for layer in network.layers:
        thresholds = layer.thresholds
        rows.append(
            (
                layer.name,
                _shape(layer.output_shape),
                f"{layer.mw} x {layer.mh}" if layer.mw is not None else "-",
                number(layer.weight_bits),
                f"{thresholds.min} .. {thresholds.max}" if thresholds else "-",
                str((thresholds.always or 0) + (thresholds.never or 0)) if thresholds else "-",
                percent(layer.plus_fraction),
            )
        )
    return ["layer", "output", "mw x mh", "weight bits", "thresholds", "constant channels", "fraction of +1"], rows


def _shape(shape: list[int] | None) -> str:
    return "x".join(map(str, shape or []))
