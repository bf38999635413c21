"""What a threshold shift costs in hardware: the same trained weights with and without it, as far as synthesis.

The twin differs in the shift alone, and is not trained: its accuracy is not the point. Trained anew it would have other
weights, and a comparison of the two would show those.
"""

from __future__ import annotations

import copy
import filecmp
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from bnn.chain import Chain, as_chain
from bnn.folding import Folding, load_folding
from flow.run.folder import RunFolder
from flow.stages.hardware import delivered_design, simulated_design, stream
from hw.cycles import as_number, predict_latency, size_buffers, steady_frame_ii
from hw.generator import Design
from hw.simulator import simulate
from hw.synth.design import synthesize
from hw.units import Pipeline, PopcountStyle
from onnx_export.absorb import absorb
from training.config.load import load_config
from training.fit.train import load_binary
from training.networks.layers import ThresholdShift
from training.networks.models import BinaryNetwork

WITH, WITHOUT = "with_shift", "without_shift"
SHIFT, SIGN = "shift", "sign"  # names within a stage's epilogue
THRESHOLDS = "_start.hex"  # the accumulators start from minus the threshold
NAMES_THE_NETWORK = ("manifest.json", "mem/identity.hex")


def with_shift(model: BinaryNetwork, shift: float) -> BinaryNetwork:
    """A copy whose every hidden activation has this shift, 0 for none, in place of what it had."""
    twin = copy.deepcopy(model)
    for stage in twin.stage_list():
        parts = OrderedDict(stage.epilogue.named_children())
        if SIGN not in parts:
            continue
        parts.pop(SHIFT, None)
        sign = parts.pop(SIGN)
        if shift:
            parts[SHIFT] = ThresholdShift(shift)
        parts[SIGN] = sign
        stage.epilogue = nn.Sequential(parts)
    return twin


def run_shift_cost(run: RunFolder, *, shift: float, frames: int, with_synthesis: bool) -> dict[str, Any]:
    """Compare a run's network with its twin; written to ``shift_cost.json`` and ``shift_cost/`` and returned.

    Args:
        run: a trained, exported and folded run.
        shift: of the twin, where the run itself has none; the twin of a run with a shift has none.
        frames: test images through both in Verilator.
        with_synthesis: synthesize both with Yosys.
    """
    network = run.chain()
    model = load_binary(run.require(run.checkpoint, "train"), load_config(run.config))
    has_shift = any(SHIFT in dict(stage.epilogue.named_children()) for stage in model.stage_list())
    twin = as_chain(absorb(with_shift(model, 0.0 if has_shift else shift).staged()))
    layers = load_folding(run.require(run.folding, "fold"), network).layers
    built = delivered_design(run, network).dataflow
    images = run.golden(network.network(), frames).images
    networks = {WITH: network, WITHOUT: twin} if has_shift else {WITH: twin, WITHOUT: network}
    out = run.path / "shift_cost"
    sides = {
        name: _measure(one, Folding.of(one, layers), built.popcount, built.pipeline, images, out / name, with_synthesis)
        for name, one in networks.items()
    }
    figures = {
        "shift": "the run's own" if has_shift else shift,
        "sides": sides,
        "differing_files": differing_files(out / WITH / "rtl", out / WITHOUT / "rtl", networks),
        "thresholds_changed": {
            layer.name: int((layer.thresholds != other.thresholds).sum())  # type: ignore[union-attr]
            for layer, other in zip(network.layers, twin.layers, strict=True)
            if getattr(layer, "thresholds", None) is not None
        },
    }
    run.write_result("shift_cost", network.network(), figures)
    return figures


def differing_files(a: Path, b: Path, networks: dict[str, Chain]) -> dict[str, list[str]]:
    """Files of two designs that differ: ``thresholds``, ``identity`` (they name the network) and ``other``.

    A text file that differs in the network's hash alone counts as equal.
    """
    names = sorted({str(file.relative_to(side)) for side in (a, b) for file in side.rglob("*") if file.is_file()})
    hashes = [network.hash for network in networks.values()]
    found: dict[str, list[str]] = {"thresholds": [], "identity": [], "other": []}
    for name in names:
        if (a / name).exists() and (b / name).exists():
            if filecmp.cmp(a / name, b / name, shallow=False):
                continue
            texts = [(side / name).read_text(encoding="utf-8") for side in (a, b)]
            if texts[0].replace(hashes[0], "") == texts[1].replace(hashes[1], ""):
                continue
        kind = "thresholds" if name.endswith(THRESHOLDS) else "identity" if name in NAMES_THE_NETWORK else "other"
        found[kind].append(name)
    return found


def _measure(
    network: Chain,
    folding: Folding,
    popcount: PopcountStyle,
    pipeline: Pipeline,
    images: Any,
    out: Path,
    with_synthesis: bool,
) -> dict[str, Any]:
    buffers = size_buffers(network, folding, pipeline)
    design = Design.of(network, folding, buffers=buffers, popcount=popcount, pipeline=pipeline)
    design.write(out / "rtl")
    measured = stream(simulated_design(design), images)
    golden = simulate(network.network(), images)
    figures: dict[str, Any] = {
        "network_hash": network.hash,
        "predicted_frame_ii_cycles": as_number(steady_frame_ii(design.dataflow)),
        "predicted_latency_cycles": predict_latency(design.dataflow),
        "frame_ii_cycles": measured.frame_ii_cycles,
        "latency_cycles": measured.latency_cycles,
        "popcount": design.popcount.name.lower(),
        "simulated_popcount": measured.popcount.name.lower(),
        "frames": len(images),
        "mismatches": int(np.any(measured.scores != golden, axis=1).sum()),
        "luts": None,
        "ffs": None,
        "bram18": None,
    }
    if with_synthesis:
        resources = synthesize(design, out / "synth").resources
        figures |= {"luts": resources.luts, "ffs": resources.ffs, "bram18": resources.bram18}
    return figures
