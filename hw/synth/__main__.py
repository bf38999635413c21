"""``python -m hw.synth``: units, the sweep and whole networks through Yosys.

unit SPECIFICATION          one unit, such as: unit mvau mw=64 mh=64 simd=8 pe=8
sweep [MODULE ...]          measure the kept data again, of all modules or of those named
held-out                    measure other units again, which only judge the fit
network NAME FOLDING [DIR]  tfc or cnv with random weights, kept as data; FOLDING is a shipped name or "unrolled"
levels NAME FOLDING MHZ     levels of logic between registers of tfc or cnv, with the registers for that clock
popcount [WIDTH ...]        XNOR-popcount-threshold, 128 bits unless widths are given
"""

from __future__ import annotations

import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from bnn.errors import UserError
from bnn.files import write_json
from bnn.folding import Folding, load_folding
from hw.generator import Design
from hw.resources import Resources, dataflow_resources, unit_resources
from hw.synth.design import synthesize
from hw.synth.levels import logic_levels
from hw.synth.measured import DATA_FOLDER, Measured, measure, write_data
from hw.synth.networks import NETWORKS
from hw.synth.specification import specify
from hw.synth.sweep import held_out, sweep
from hw.synth.units import synthesize_module
from hw.units import Pipeline, PopcountStyle, module_name


def main(arguments: list[str]) -> int:
    """0, or 2 for what the user must mend."""
    commands = {
        "unit": _unit,
        "sweep": _sweep,
        "held-out": _held_out,
        "network": _network,
        "levels": _levels,
        "popcount": _popcount,
    }
    if not arguments or arguments[0] not in commands:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    try:
        commands[arguments[0]](arguments[1:])
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _line(name: str, measured: Resources, estimated: Resources) -> None:
    sys.stdout.write(
        f"{name}: {measured.luts} LUTs, {measured.ffs} flip-flops, {measured.bram18} BRAM18 "
        f"(estimated {estimated.luts}, {estimated.ffs}, {estimated.bram18})\n"
    )
    sys.stdout.flush()


def _report(row: Measured) -> None:
    _line(row.text, row.resources, unit_resources(specify(row.text).unit))


def _unit(words: list[str]) -> None:
    measure([" ".join(words)], _report)


def _sweep(modules: list[str]) -> None:
    texts = defaultdict(list)
    for text in sweep():
        texts[text.split()[0]].append(text)
    for name in modules or texts:
        if name not in texts:
            raise UserError(f"sweep: no module {name}; there are {', '.join(texts)}")
        write_data(name, measure(texts[name], _report))


def _held_out(words: list[str]) -> None:
    if words:
        raise UserError(f"held-out: takes no arguments, not {' '.join(words)}")
    write_data("units", measure(list(held_out()), _report), DATA_FOLDER / "held_out")


def _network(words: list[str]) -> None:
    if len(words) not in (2, 3) or words[0] not in NETWORKS:
        raise UserError(f"network: give one of {', '.join(NETWORKS)}, a folding and, if you like, a folder")
    network = NETWORKS[words[0]]()
    unrolled = words[1] == "unrolled"
    folding = Folding.unrolled(network) if unrolled else load_folding(words[1], network)
    design = Design.of(network, folding, popcount=PopcountStyle.PRIMITIVES)
    with tempfile.TemporaryDirectory(prefix="askew-synth-") as folder:
        result = synthesize(design, Path(words[2] if len(words) == 3 else folder), flatten_first=unrolled)
    for unit in design.dataflow:
        if unit.name in result.units:
            _line(unit.name, result.units[unit.name], unit_resources(unit))
    _line("all", result.resources, dataflow_resources(design.dataflow))
    layers = folding.describe(network)["layers"]
    kept = {"folding": layers, "buffers": design.dataflow.buffers} | result.describe()
    write_json(DATA_FOLDER / "designs" / f"{words[0]}-{words[1]}.json", kept)


def _levels(words: list[str]) -> None:
    if len(words) != 3 or words[0] not in NETWORKS or not words[2].isdecimal() or words[2] == "0":
        raise UserError(f"levels: give one of {', '.join(NETWORKS)}, a folding and a clock in MHz")
    network, style = NETWORKS[words[0]](), PopcountStyle.PRIMITIVES
    pipeline = Pipeline.for_clock(style, float(words[2]))
    design = Design.of(network, load_folding(words[1], network), popcount=style, pipeline=pipeline)
    with tempfile.TemporaryDirectory(prefix="askew-synth-") as folder:
        levels, cells = logic_levels(design, Path(folder) / "design")
    sys.stdout.write(f"{levels} levels, {pipeline.levels} asked for: {', '.join(cells)}\n")


def _popcount(widths: list[str]) -> None:
    for text in widths or ["128"]:
        if not text.isdecimal() or int(text) < 1:
            raise UserError(f"popcount: width {text!r} must be a number of at least 1")
        for style in PopcountStyle:
            with tempfile.TemporaryDirectory(prefix="askew-synth-") as folder:
                parameters: dict[str, int | str] = {"WIDTH": int(text), "STYLE": style.value}
                measured = synthesize_module(module_name("popcount_threshold"), parameters, Path(folder))
            sys.stdout.write(f"{text} bits, {style.name.lower()}: {measured.luts} LUTs\n")
            sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
