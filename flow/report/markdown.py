"""The report as Markdown."""

from __future__ import annotations

from typing import Any

from flow.report.against import against_table
from flow.report.hardware import hardware_section
from flow.report.study import study_section
from flow.report.tables import percent, table


def to_markdown(report: dict[str, Any]) -> str:
    """What `collect` gathered, for a person to read."""
    network = report["network"]
    sections = [
        f"# {report['run']}\n",
        f"Network `{report['network_hash'][:12]}`, made by Askew {report['askew_version']}. {describe(network)}\n",
        "## Accuracy at each rung\n",
        _rungs(report),
        "## Layers\n",
        table(*layer_rows(network)),
    ]
    if report["against"]:
        sections += ["## Side by side\n", table(*against_table([report["summary"], *report["against"]]))]
    for study in report["studies"]:
        sections += [f"## {study['question'] or study['name']}\n", f"Study {study['name']}.\n", study_section(study)]
    if any(report["hardware"].values()):
        sections += ["## Cycles and resources\n", hardware_section(report)]
    if report["missing"]:
        sections += ["## Missing\n", *(f"- {part}: `{command}`" for part, command in report["missing"].items()), ""]
    sections += ["## Config\n", f"```toml\n{report['config'].rstrip()}\n```\n"]
    return "\n".join(sections)


def describe(network: dict[str, Any]) -> str:
    """The network in a sentence."""
    height, width, channels = network["input_shape"]
    encoding = "1-bit" if network["input_binary"] else "integer"
    size = network["weight_bits"] + network["threshold_bits"]
    images = network.get("images")
    return (
        f"Input {height} x {width} x {channels}, {encoding}; {network['classes']} classes; "
        f"{network['weight_bits']:,} weight bits and {network['threshold_bits']:,} threshold bits, "
        f"{size / 8 / 1024:.1f} KiB in all." + (f" {images}" if images else "")
    )


def _rungs(report: dict[str, Any]) -> str:
    rows = [
        (name, f"{figures['frames']:,}", figures["mismatches"], percent(figures["accuracy"]))
        for name, figures in report["rungs"].items()
    ]
    if not rows:
        return "No rung has been run yet.\n"
    text = table(("rung", "frames", "mismatches with golden", "accuracy"), rows)
    differing = [row[0] for row in rows if row[2]]
    if differing:
        return text + f"\n**Not equal to golden: {', '.join(differing)}.** `askew diff` names the place.\n"
    return text + "\nEvery rung gives golden's answer on every frame it was given.\n"


def layer_rows(network: dict[str, Any]) -> tuple[list[str], list[tuple[str, ...]]]:
    """Header and rows: shape, size, thresholds and fraction of +1 of every layer."""
    rows = []
    if network["input_plus_fraction"] is not None:
        rows.append(
            ("input", "x".join(map(str, network["input_shape"])), "-", "-", "-", "-", network["input_plus_fraction"])
        )
    for layer in network["layers"]:
        thresholds = layer["thresholds"]
        rows.append(
            (
                layer["name"],
                "x".join(map(str, layer["output_shape"])),
                f"{layer['mw']} x {layer['mh']}" if "mw" in layer else "-",
                f"{layer['weight_bits']:,}",
                f"{thresholds['min']} .. {thresholds['max']}" if thresholds else "-",
                thresholds["always"] + thresholds["never"] if thresholds else "-",
                layer["plus_fraction"],
            )
        )
    header = ["layer", "output", "mw x mh", "weight bits", "thresholds", "constant channels", "fraction of +1"]
    return header, [(*(str(cell) for cell in row[:-1]), percent(row[-1])) for row in rows]
