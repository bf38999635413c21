"""The stages of our own hardware: a folding, its RTL, and frames through it in Verilator."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from numpy.typing import NDArray

from bnn.classes import classes_of
from bnn.errors import UserError
from bnn.files import write_figures
from bnn.folding import Folding, FoldingFile, Goal, load_folded, load_folding
from bnn.network import Network
from flow.boards import board_of_ours
from flow.ladder.climb import accuracy, mismatching_frames
from flow.run.folder import RunFolder
from flow.run.progress import console, progress_bar
from flow.stages.limits import input_limit, limits
from hw.boards.board import DEFAULT_UTILIZATION, board_names
from hw.cycles import Prediction, UnitCycles, predict_cycles
from hw.generator import DEFAULT_CLOCK_MHZ, Design, file_popcount
from hw.rtlsim import Effort, RtlResult, simulate_design
from hw.solver import FoldedDesign, fold_for_latency, fold_for_max_rate, fold_for_rate
from hw.units import LAYER_KINDS, PopcountStyle

DEFAULT_FRAMES = 100
SIMULATED_XNORS = 8192  # in the delivered style: about 10 s of compiling for each 1,000; all of TFC at once has 59,008


def build_folder() -> Path:
    """Where Verilator's executables are kept, by their contents: ASKEW_CACHE, or the user's cache."""
    folder = Path(os.environ.get("ASKEW_CACHE") or platformdirs.user_cache_path("askew")) / "rtlsim"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def open_folding(run: RunFolder, network: Network) -> Folding:
    """The run's folding."""
    return open_folded(run, network).folding


def open_folded(run: RunFolder, network: Network) -> FoldingFile:
    """The run's folding, and what its file says beside it."""
    return load_folded(run.require(run.folding, "fold"), network)


def folding_popcount(run: RunFolder, network: Network) -> PopcountStyle:
    """How the design that the run was folded for counts bits; compressor trees where `folding.json` does not say."""
    return file_popcount(open_folded(run, network))


def delivered_design(run: RunFolder, network: Network) -> Design:
    """The design that `askew rtl` writes, unless that is asked for another clock, which is in the constraints alone."""
    return Design.of_file(network, open_folded(run, network), lambda why: console.print(f"{run.folding}: {why}"))


def simulated_design(delivered: Design, popcount: PopcountStyle | None = None) -> Design:
    """What Verilator is given for a delivered design: itself.

    Unless another ``popcount`` is asked for, or the design is so wide that its popcounts would compile for many
    minutes: then the same design with plain sums, which results must say.
    """
    is_wide = delivered.dataflow.xnors > SIMULATED_XNORS
    chosen = popcount or (PopcountStyle.NAIVE if is_wide else delivered.popcount)
    if chosen is delivered.popcount:
        return delivered
    buffers = delivered.dataflow.buffers
    return Design.of(delivered.network, delivered.folding, buffers=buffers, popcount=chosen)


def folding_clock(run: RunFolder, network: Network) -> float | None:
    """The clock in MHz that the run's folding and its frames/s are for; None where it was folded without one."""
    return open_folded(run, network).clock_mhz


def find_popcount(name: str | None) -> PopcountStyle | None:
    """The style of that name; UserError lists the names there are. None stays None."""
    if name is None:
        return None
    if name.upper() not in PopcountStyle.__members__:
        names = ", ".join(style.name.lower() for style in PopcountStyle)
        raise UserError(f"--popcount {name}: unknown, must be one of {names}")
    return PopcountStyle[name.upper()]


def run_fold(
    path: Path,
    *,
    board: str | None = None,
    target_fps: float | None = None,
    max_fps: bool = False,
    latency: bool = False,
    folding: str | None = None,
    clock_mhz: float | None = None,
    utilization: float | None = None,
    input_roof: bool = True,
) -> tuple[Path, dict[str, Any]]:
    """Solve for one goal, or check a folding file or shipped folding; the run's `folding.json` and its contents."""
    goals = {"--target-fps": target_fps is not None, "--max-fps": max_fps, "--latency": latency}
    if sum((*goals.values(), folding is not None)) != 1:
        raise UserError(f"fold: give exactly one of {', '.join(goals)} and --folding")
    if board is None and folding is None:
        raise UserError(f"fold: give the --board to fold for, one of {', '.join(board_names())}, or a .toml file")
    run = RunFolder.open(path)
    network = run.network()
    chosen = board_of_ours(board) if board is not None else None
    clock = clock_mhz if clock_mhz is not None else chosen.clock_mhz if chosen else None
    if folding is not None:
        style = PopcountStyle.for_family(chosen.family if chosen else "generic")
        goal, design = Goal.GIVEN, FoldedDesign.of(network, load_folding(folding, network), style)
        if chosen:
            design.verify(chosen)
    else:
        assert chosen is not None
        assert clock is not None
        utilization = DEFAULT_UTILIZATION if utilization is None else utilization
        share = chosen.share(utilization)
        if target_fps is not None:
            goal, design = Goal.TARGET_FPS, fold_for_rate(network, share, target_fps, clock)
        elif latency:
            goal, design = Goal.LATENCY, fold_for_latency(network, share)
        else:
            roof = input_limit(network, chosen, clock) if input_roof else None
            goal, design = Goal.MAX_FPS, fold_for_max_rate(network, share, roof.cycles if roof else Fraction(0))
    described = design.describe(chosen, clock, goal, target_fps=target_fps) | limits(
        network, chosen, clock, None if folding else utilization
    )
    write_figures(run.folding, described)
    return run.folding, described


def run_rtl(path: Path, clock_mhz: float | None) -> tuple[Path, str]:
    """Write the RTL of the run's network under its folding to `rtl/`.

    Args:
        path: the run.
        clock_mhz: for constraints and manifest; None takes the folding's.

    Returns:
        That folder, and in words which clock it was written for and why.
    """
    run = RunFolder.open(path)
    network = run.network()
    design = delivered_design(run, network)
    folded_mhz = folding_clock(run, network)
    if clock_mhz is not None and clock_mhz != folded_mhz:
        chosen = clock_mhz
        why = "as asked" if folded_mhz is None else f"as asked; the folding and its frames/s are for {folded_mhz:g} MHz"
    elif folded_mhz is not None:
        chosen, why = folded_mhz, "the folding's clock"
    else:
        chosen, why = DEFAULT_CLOCK_MHZ, "assumed, as the folding names no clock; --clock-mhz sets another"
    dataclasses.replace(design, clock_mhz=chosen).write(run.rtl)
    return run.rtl, f"constraints for {chosen:g} MHz, {why}"


def run_rtlsim(
    path: Path,
    *,
    frames: int | None,
    stall: float,
    seed: int,
    trace: Path | None,
    trace_frames: tuple[int, int],
    threads: int,
    popcount: PopcountStyle | None = None,
) -> dict[str, Any]:
    """Golden frames through the RTL; written to `rtlsim.json` and returned.

    What is simulated is what `askew rtl` delivers, unless ``popcount`` asks for another style or it is very wide; then
    the figures say so.
    """
    run = RunFolder.open(path)
    network = run.network()
    golden = run.golden(network).first(frames or DEFAULT_FRAMES)
    delivered = delivered_design(run, network)
    design = dataclasses.replace(simulated_design(delivered, popcount), stall_gates=stall > 0)
    options = {"stall": stall, "seed": seed, "trace_path": trace, "trace_frames": trace_frames, "threads": threads}
    measured = stream(design, golden.images, **options)
    predicted = predict_cycles(design.dataflow, frames=len(measured.label_cycles))
    wrong_labels = measured.labels != classes_of(golden.scores)
    wrong = np.union1d(mismatching_frames(measured.scores, golden.scores), np.flatnonzero(wrong_labels))
    figures = {
        "frames": len(golden),
        "mismatches": len(wrong),
        "first_mismatch": int(wrong[0]) if len(wrong) else None,
        "accuracy": accuracy(measured.scores, golden.labels),
        "stall": stall,
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
    run.write_result("rtlsim", network, figures)
    return figures


def _popcount_note(design: Design, delivered: Design, asked: PopcountStyle | None) -> str | None:
    """Why something else is simulated than is delivered; None where it is not."""
    if design.popcount is delivered.popcount:
        return None
    if asked is not None:
        return "as asked"
    return f"its {delivered.dataflow.xnors:,} XNORs side by side would compile for many minutes"


def stream(design: Design, images: NDArray[np.uint8], **options: Any) -> RtlResult:
    """Frames through a design's RTL, with a progress bar; options as of `simulate_design`."""
    done = 0
    with progress_bar("rtlsim", len(images)) as progress:

        def advance(frames: int, _total: int) -> None:
            nonlocal done
            progress(frames - done)
            done = frames

        effort = Effort.for_cycles(design.dataflow.bottleneck_cycles * len(images))
        return simulate_design(design, images, build_dir=build_folder(), progress=advance, effort=effort, **options)


def layer_figures(
    network: Network, folding: Folding, predicted: Prediction, measured: RtlResult
) -> dict[str, dict[str, Any]]:
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


def _main_unit(units: tuple[UnitCycles, ...], layer: str) -> UnitCycles:
    main = [unit for unit in units if unit.layer == layer and unit.kind in LAYER_KINDS]
    assert len(main) == 1, (layer, units)
    return main[0]


def _states(unit: UnitCycles) -> dict[str, int]:
    return {key: value for key, value in asdict(unit).items() if key in {"busy", "blocked", "starved"}}
