"""The report as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; the first column to the left, the others to the right."""
    lines = ["| " + " | ".join(header) + " |", "|" + "|".join([" --- "] + [" ---: "] * (len(header) - 1)) + "|"]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def percent(fraction: float | None) -> str:
    """A share as a percentage with two digits; a dash where it is not known."""
    return "-" if fraction is None else f"{fraction:.2%}"


def to_markdown(report: dict[str, Any]) -> str:
    """What `collect` gathered, for a person to read."""
    network = report["network"]
    height, width, channels = network["input_shape"]
    encoding = "1-bit" if network["input_binary"] else "integer"
    size = network["weight_bits"] + network["threshold_bits"]
    sections = [
        f"# {report['run']}\n",
        f"Network `{report['network_hash'][:12]}`, made by Askew {report['askew_version']}. Input {height} x {width} x "
        f"{channels}, {encoding}; {network['classes']} classes; {network['weight_bits']:,} weight bits and "
        f"{network['threshold_bits']:,} threshold bits, {size / 8 / 1024:.1f} KiB in all.\n",
        "## Accuracy at each rung\n",
        _rungs(report),
        "## Layers\n",
        _layers(network),
    ]
    if any(report["hardware"].values()):
        sections += ["## Cycles and resources\n", _hardware(report)]
    if report["missing"]:
        sections += ["## Missing\n", *(f"- {part}: `{command}`" for part, command in report["missing"].items()), ""]
    sections += ["## Config\n", f"```toml\n{report['config'].rstrip()}\n```\n"]
    return "\n".join(sections)


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


def _layers(network: dict[str, Any]) -> str:
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
    header = ("layer", "output", "mw x mh", "weight bits", "thresholds", "constant channels", "fraction of +1")
    return table(header, [(*row[:-1], percent(row[-1])) for row in rows])


def _hardware(report: dict[str, Any]) -> str:
    """Per layer: predicted by our cycle model, measured in our RTL, estimated by FINN; then the whole."""
    folding, rtlsim, finn = (report["hardware"][key] for key in ("folding", "rtlsim", "finn_estimate"))
    names = [layer["name"] for layer in report["network"]["layers"]]
    folded, simulated, estimated = ((part or {}).get("layers", {}) for part in (folding, rtlsim, finn))
    header = (
        "layer",
        "PE",
        "SIMD",
        "cycles, folds",
        "predicted",
        "measured",
        "busy",
        "FINN",
        "FINN LUT",
        "FINN BRAM18",
    )
    rows = []
    for name in names:
        ours, theirs = simulated.get(name), estimated.get(name, {})
        rows.append(
            (
                name,
                *(_number(folded.get(name, {}).get(key)) for key in ("pe", "simd", "cycles")),
                _number(ours and ours["predicted"]["busy"]),
                _number(ours and ours["measured"]["busy"]),
                percent(ours and ours["busy_share"]),
                *(_number(theirs.get(key)) for key in ("cycles", "lut", "bram18")),
            )
        )
    text = table(header, rows)
    whole = []
    for title, key in (("frame initiation interval", "frame_ii_cycles"), ("latency", "latency_cycles")):
        whole.append(
            (
                f"{title}, cycles",
                _number(rtlsim and rtlsim[f"predicted_{key}"]),
                _number(rtlsim and rtlsim[key]),
                _number(finn and finn[key]),
            )
        )
    text += "\n" + table(("whole network", "predicted", "measured in RTL", "FINN's estimate"), whole)
    if rtlsim:
        text += f"\nRTL: {rtlsim['frames']:,} frames, {rtlsim['mismatches']} mismatches with golden.\n"
    if finn:
        text += (
            f"\nFINN: {finn['board']} at {finn['clock_mhz']:g} MHz, {len(finn['graphs'])} graphs on "
            f"{finn['frames']} frames, {finn['mismatches']} mismatches with golden.\n"
        )
    return text


def _number(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"
