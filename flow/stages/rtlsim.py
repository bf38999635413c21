"""The stage that streams golden frames through the RTL in Verilator."""

from __future__ import annotations

import dataclasses
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from bnn.chain import Chain
from bnn.classes import classes_of
from bnn.errors import UserError
from flow.ladder.compare import Comparison, accuracy
from flow.run.folder import RunFolder
from flow.stages.chains import no_chain
from flow.stages.options import Kind, Options, option
from flow.stages.rtl import rtl_sources
from flow.stages.stage import Stage
from flow.stages.words import say

DEFAULT_FRAMES = 100


class RtlsimOptions(Options):
    """What is streamed, and how."""

    frames: int | None = option(None, "Golden frames; default: 100.", ge=1)
    stall: float = option(0.0, "Chance that a stream waits, per cycle.", ge=0, le=0.99)
    seed: int = option(0, "Of the stalls.", ge=0)
    trace: Path | None = option(None, "Write a waveform (.fst), of the first frame.", kind=Kind.PASSING)
    trace_from: int = option(0, "The waveform's first frame.", kind=Kind.PASSING, ge=0)
    trace_count: int = option(1, "Frames of the waveform.", kind=Kind.PASSING, ge=1)
    threads: int = option(1, "Copies of the design that share the frames.", kind=Kind.PASSING, ge=1)
    popcount: str | None = option(
        None, "naive, compressor or primitives. Default: as `askew rtl` delivers; naive where that is too wide."
    )


def _rtlsim(run: RunFolder, options: RtlsimOptions) -> dict[str, Any]:
    """Golden frames through the RTL; written to `rtlsim.json` and returned.

    What is simulated is what `askew rtl` delivers, unless another style is asked for or it is very wide; then the
    figures say so.
    """
    from flow.stages.hardware import delivered_design, find_popcount, simulated_design, stream  # noqa: PLC0415 - Numba
    from hw.cycles import predict_cycles  # noqa: PLC0415

    network = run.chain()
    golden = run.golden(network.network(), options.frames or DEFAULT_FRAMES)
    popcount = find_popcount(options.popcount)
    delivered = delivered_design(run, network)
    design = dataclasses.replace(simulated_design(delivered, popcount), stall_gates=options.stall > 0)
    measured = stream(
        design,
        golden.images,
        stall=options.stall,
        seed=options.seed,
        trace_path=options.trace,
        trace_frames=(options.trace_from, options.trace_from + options.trace_count),
        threads=options.threads,
    )
    predicted = predict_cycles(design.dataflow, frames=len(measured.label_cycles))
    wrong_labels = measured.labels != classes_of(golden.scores)
    wrong = np.union1d(
        Comparison.SCORES.mismatching_frames(measured.scores, golden.scores), np.flatnonzero(wrong_labels)
    )
    figures = {
        "frames": len(golden),
        "mismatches": len(wrong),
        "first_mismatch": int(wrong[0]) if len(wrong) else None,
        "accuracy": accuracy(measured.scores, golden.labels),
        "stall": options.stall,
        "popcount": measured.popcount.name.lower(),
        "delivered_popcount": delivered.popcount.name.lower(),
        "popcount_note": _popcount_note(design, delivered, popcount),
        "latency_cycles": measured.latency_cycles,
        "frame_ii_cycles": measured.frame_ii_cycles,
        "predicted_latency_cycles": predicted.latency_cycles,
        "predicted_frame_ii_cycles": predicted.frame_ii_cycles,
        "frames_per_second": len(golden) / measured.seconds,
        "cycles_per_second": measured.simulated_cycles / measured.seconds,
        "layers": layer_figures(network, design.folding, predicted, measured),
    }
    run.write_result("rtlsim", network.network(), figures)
    return figures


def _popcount_note(design: Any, delivered: Any, asked: Any) -> str | None:
    """Why something else is simulated than is delivered; None where it is not."""
    if design.popcount is delivered.popcount:
        return None
    if asked is not None:
        return "as asked"
    return f"its {delivered.dataflow.xnors:,} XNORs side by side would compile for many minutes"


def layer_figures(network: Chain, folding: Any, predicted: Any, measured: Any) -> dict[str, dict[str, Any]]:
    """Per layer: PE, SIMD, the cycles of its folds, and what its main unit did between two labels, both ways."""
    cycles = folding.cycles(network)
    figures: dict[str, dict[str, Any]] = {}
    for layer in network.layers:
        theirs, ours = _main_unit(predicted.units, layer.name), _main_unit(measured.units, layer.name)
        figures[layer.name] = {
            "cycles": cycles.get(layer.name, ours.busy),
            "predicted": _states(theirs),
            "measured": _states(ours),
            "busy_share": ours.busy / measured.frame_ii_cycles,
        }
        if layer.name in folding.layers:
            chosen = folding.layers[layer.name]
            figures[layer.name] |= {"pe": chosen.pe, "simd": chosen.simd}
    return figures


def _main_unit(units: tuple[Any, ...], layer: str) -> Any:
    from hw.units import LAYER_KINDS  # noqa: PLC0415 - Numba takes a second to import

    main = [unit for unit in units if unit.layer == layer and unit.kind in LAYER_KINDS]
    assert len(main) == 1, (layer, units)
    return main[0]


def _states(unit: Any) -> dict[str, int]:
    return {key: value for key, value in asdict(unit).items() if key in {"busy", "blocked", "starved"}}


def _show(run: RunFolder, figures: dict[str, Any]) -> None:
    from flow.report.hardware import describe_popcount  # noqa: PLC0415 - a second, with all that a report needs

    columns = ("pe", "simd", "cycles", "predicted busy", "measured busy", "busy share")
    table = Table("layer", *columns, box=None, pad_edge=False)
    for name, layer in figures["layers"].items():
        table.add_row(
            name,
            str(layer.get("pe", "-")),
            str(layer.get("simd", "-")),
            f"{layer['cycles']:,}",
            f"{layer['predicted']['busy']:,}",
            f"{layer['measured']['busy']:,}",
            f"{layer['busy_share']:.1%}",
        )
    Console(soft_wrap=True, highlight=False).print(table)
    stalled = f" with stalls ({figures['stall']:.0%} a cycle), which slow it down" if figures["stall"] else ""
    say(
        f"rtlsim: {figures['frames']:,} frames{stalled}, {figures['mismatches']} mismatches with golden; a frame every "
        f"{figures['frame_ii_cycles']:,} cycles (predicted {figures['predicted_frame_ii_cycles']:,}), latency "
        f"{figures['latency_cycles']:,} (predicted {figures['predicted_latency_cycles']:,}); simulated "
        f"{figures['frames_per_second']:,.0f} frames/s, {figures['cycles_per_second']:,.0f} cycles/s, "
        f"{describe_popcount(figures['popcount'], figures['delivered_popcount'], figures['popcount_note'])}"
    )
    if figures["mismatches"]:
        raise UserError(
            f"rtlsim: {figures['mismatches']} frames differ from golden, the first is {figures['first_mismatch']}; "
            f"see `askew diff --run {run.path} rtl numpy --frame {figures['first_mismatch']}`"
        )


RTLSIM = Stage(
    name="rtlsim",
    summary="Stream golden frames through the RTL in Verilator; count mismatches and cycles.",
    example="--run runs/tfc --frames 200 --stall 0.1",
    options=RtlsimOptions,
    needs=("network", "golden", "folding"),
    makes=("rtlsim",),
    run=_rtlsim,
    show=_show,
    outside=lambda *_: rtl_sources(),
    refused=no_chain,
)
