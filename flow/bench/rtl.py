"""How fast the RTL simulates in Verilator: TFC and CNV at FINN's published foldings, in every popcount style."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from bnn.chain import as_chain
from bnn.folding import load_folding
from bnn.version import VERSION
from flow.bench.peers import SIZES, Case
from flow.report.tables import number, table
from flow.run.figures.bench import RtlBench, RtlSpeed
from flow.stages.hardware import build_folder
from hw.generator import Design
from hw.rtlsim import simulate_design
from hw.simulator import simulate
from hw.units import PopcountStyle

FRAMES = {"TFC": 10_000, "CNV": 50}
FOLDINGS = {"TFC": "finn-tfc", "CNV": "finn-cnv"}


def bench_rtl(frames: dict[str, int] | None = None) -> tuple[RtlBench, str]:
    """Measure, on one thread, with random weights; the figures, and as Markdown."""
    networks = {name: _bench_network(name, count) for name, count in (frames or FRAMES).items()}
    rows = [
        (
            f"{name}, {style}",
            *map(number, (one.frames, one.mismatches, one.frame_ii_cycles, one.latency_cycles)),
            *(f"{rate:,.0f}" for rate in (one.frames_per_second, one.cycles_per_second)),
        )
        for name, styles in networks.items()
        for style, one in styles.items()
    ]
    header = ("design, popcount", "frames", "mismatches", "frame II", "latency", "frames/s", "cycles/s")
    return RtlBench(askew_version=VERSION, networks=networks), table(header, rows)


def _bench_network(name: str, frames: int) -> dict[str, RtlSpeed]:
    with tempfile.TemporaryDirectory() as folder:
        chain = as_chain(Case(SIZES[name], Path(folder), threads=1).network)
    images = np.random.default_rng(0).integers(0, 256, (frames, *chain.input.shape), dtype=np.uint8)
    golden = simulate(chain.network(), images)
    folding = load_folding(FOLDINGS[name], chain)
    figures = {}
    for style in PopcountStyle:
        design = Design.of(chain, folding, popcount=style)
        measured = simulate_design(design, images, build_dir=build_folder())
        figures[style.name.lower()] = RtlSpeed(
            frames=frames,
            mismatches=int((measured.scores != golden).any(axis=1).sum()),
            frame_ii_cycles=measured.frame_ii_cycles,
            latency_cycles=measured.latency_cycles,
            frames_per_second=frames / measured.seconds,
            cycles_per_second=measured.simulated_cycles / measured.seconds,
        )
    return figures
