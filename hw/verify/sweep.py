"""``python -m hw.verify.sweep``: random networks under random foldings, in RTL, against golden and the cycle model.

Golden is the simulator's NumPy reference. Each network gets registers for a random clock, is built once, with stall
gates and assertions, and run twice:
with every gate open, when every label's cycle and every unit's cycles must be as predicted, and with random stalls.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bnn import Chain, MatrixLayer, UserError, classes_of
from bnn.folding import Folding
from hw.cycles import predict_cycles
from hw.generator import Design
from hw.rtlsim.build import Effort
from hw.rtlsim.simulation import RtlResult, simulate_design
from hw.simulator import Backend, simulate
from hw.units import Pipeline, PopcountStyle
from hw.verify.random_networks import random_folding, random_network

FRAMES = 12
STALLS = (0.1, 0.3, 0.6)


@dataclass(frozen=True)
class Outcome:
    """What became of one network.

    Attributes:
        index: of the network; with the seed it names it.
        description: its layers and folding.
        mismatches: frames that differ from golden, without and with stalls.
        deviations: measured cycles that are not the predicted ones, one line each.
        is_steady: the run was long enough to reach the predicted initiation interval for ever.
        error: why it could not be simulated, or "".
        seconds: wall clock, build included.
    """

    index: int
    description: str
    mismatches: int
    deviations: tuple[str, ...]
    is_steady: bool
    error: str
    seconds: float

    @property
    def is_right(self) -> bool:
        """No mismatch, no deviation, no error."""
        return not (self.mismatches or self.deviations or self.error)


def make_case(seed: int, index: int) -> tuple[Chain, Folding]:
    """Network ``index`` of the sweep ``seed`` and its folding."""
    rng = np.random.default_rng([seed, index])
    network = random_network(rng)
    return network, random_folding(rng, network)


def make_pipeline(seed: int, index: int, popcount: PopcountStyle) -> Pipeline:
    """How much logic stands between registers in network ``index``: from one step at a time to none cut at all."""
    levels = int(np.random.default_rng([seed, index, 2]).choice((3, 4, 6, 9, 13, 40)))
    return Pipeline(popcount, levels)


def run_case(
    seed: int, index: int, build_dir: Path, frames: int = FRAMES, popcount: PopcountStyle = PopcountStyle.NAIVE
) -> Outcome:
    """Build and run one network."""
    start = time.perf_counter()
    network, folding = make_case(seed, index)
    mismatches, deviations, is_steady, error = 0, tuple[str, ...](), False, ""
    try:
        mismatches, deviations, is_steady = _compare(network, folding, seed, index, build_dir, frames, popcount)
    except UserError as problem:
        error = str(problem)
    seconds = time.perf_counter() - start
    text = f"{describe(network, folding)}; {make_pipeline(seed, index, popcount).levels} levels"
    return Outcome(index, text, mismatches, deviations, is_steady, error, seconds)


def _compare(
    network: Chain,
    folding: Folding,
    seed: int,
    index: int,
    build_dir: Path,
    frames: int,
    popcount: PopcountStyle,
) -> tuple[int, tuple[str, ...], bool]:
    rng = np.random.default_rng([seed, index, 1])
    images = rng.integers(0, 256, (frames, *network.input.shape), np.uint8)
    golden = simulate(network.network(), images, backend=Backend.NUMPY)
    pipeline = make_pipeline(seed, index, popcount)
    design = Design.of(network, folding, popcount=popcount, pipeline=pipeline, stall_gates=True)
    mismatches, deviations, is_steady = 0, list[str](), False
    for stall in (0.0, float(rng.choice(STALLS))):
        result = simulate_design(
            design, images, build_dir=build_dir, stall=stall, seed=index, assertions=True, effort=Effort.FAST_BUILD
        )
        wrong = (result.scores != golden).any(axis=1) | (result.labels != classes_of(golden))
        mismatches += int(wrong.sum())
        if not stall:
            deviations += _deviations(design, result)
            is_steady = result.frame_ii_cycles == predict_cycles(design.dataflow).frame_ii_cycles
    return mismatches, tuple(deviations), is_steady


def _deviations(design: Design, measured: RtlResult) -> Iterator[str]:
    predicted = predict_cycles(design.dataflow, frames=len(measured.label_cycles))
    for quantity in ("latency_cycles", "frame_ii_cycles", "label_cycles"):
        ours, theirs = getattr(predicted, quantity), getattr(measured, quantity)
        if ours != theirs:
            yield f"{quantity}: predicted {ours}, measured {theirs}"
    for expected, seen in zip(predicted.units, measured.units, strict=True):
        if expected != seen:
            yield f"predicted {expected}, measured {seen}"


def describe(network: Chain, folding: Folding) -> str:
    """Input, layers and folding in one line."""
    parts = [
        f"{network.input.shape} {'bits' if network.input.binary else 'integers {}..{}'.format(*network.input.range)}"
    ]
    for layer, _, _ in network.walk():
        text = f"{layer.name} {layer.kind}"
        if not isinstance(layer, MatrixLayer):
            text += f" {layer.kernel}/{layer.stride}"
        else:
            chosen = folding.layers[layer.name]
            text += f" {layer.mw}x{layer.mh} simd {chosen.simd} pe {chosen.pe} {chosen.order.value}"
        parts.append(text)
    return "; ".join(parts)


def main(arguments: list[str] | None = None) -> int:
    """0 when every network is right, 1 when one is not."""
    parser = argparse.ArgumentParser(prog="python -m hw.verify.sweep", description=__doc__)
    parser.add_argument("--networks", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--frames", type=int, default=FRAMES, help="frames a run")
    parser.add_argument("--only", type=int, action="append", help="run this network alone; may be given again")
    styles = [style.name.lower() for style in PopcountStyle]
    parser.add_argument("--popcount", choices=styles, default=styles[0], help="how the matrices count bits")
    options = parser.parse_args(arguments)
    popcount = PopcountStyle[options.popcount.upper()]
    indices = options.only or range(options.networks)
    outcomes = []
    with tempfile.TemporaryDirectory(prefix="askew-sweep-") as folder:
        for index in indices:
            outcome = run_case(options.seed, index, Path(folder), options.frames, popcount)
            outcomes.append(outcome)
            state = "right" if outcome.is_right else "WRONG"
            sys.stdout.write(f"{index}: {state}, {outcome.seconds:.1f} s; {outcome.description}\n")
            for line in (*outcome.deviations, outcome.error):
                sys.stdout.write(f"    {line}\n" if line else "")
            sys.stdout.flush()
            _forget_executables(Path(folder))
    sys.stdout.write(
        f"{len(outcomes)} networks, seed {options.seed}, popcount {options.popcount}: "
        f"{sum(o.mismatches for o in outcomes)} mismatching frames of "
        f"{2 * options.frames * len(outcomes)}, {sum(bool(o.deviations) for o in outcomes)} networks with cycles other "
        f"than predicted, {sum(bool(o.error) for o in outcomes)} errors; {sum(o.is_steady for o in outcomes)} reached "
        f"their steady interval within {options.frames} frames; {sum(o.seconds for o in outcomes):.0f} s\n"
    )
    return 0 if all(outcome.is_right for outcome in outcomes) else 1


def _forget_executables(build_dir: Path) -> None:
    """Keep only what all designs share."""
    for path in build_dir.iterdir():
        if not path.name.startswith("runtime-"):
            shutil.rmtree(path)


if __name__ == "__main__":
    sys.exit(main())
