"""The simulator beside its peers: NumPy, Numba, onnxruntime, Brevitas and qonnx on the same networks in one run.

Machines are noisy, so everybody is measured in every round, and what is reported is the median of the rounds' ratios.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import torch

from bnn import UserError
from bnn.nodes import Matrix
from bnn.serialize import save_network
from bnn.version import VERSION
from flow.bench.peak_memory import measure_peak_memory
from flow.bench.peers import SIZES, BenchCase, Case, Run, frames_per_second
from flow.bench.residual_case import RESIDUALS, ResidualCase
from flow.run.figures.bench import LayerSpeed, Ratio, SimulatedNetwork, SimulatorBench
from hw.simulator import Backend
from hw.simulator.rates import LayerRate, layer_rates

MEMORY_FRAMES = 10_000
FINALISTS = 2  # of each peer's ways, those that the rounds measure
LARGE_LAYER_SHARE = 0.02  # of a network's multiply-accumulates


def bench_simulator(
    names: Sequence[str] = (*SIZES, *RESIDUALS), *, threads: int = 2, rounds: int = 5, seconds: float = 0.4
) -> tuple[SimulatorBench, str]:
    """Measure; the figures, and as Markdown.

    Args:
        names: of the networks: TFC, SFC, LFC, CNV, ResNet-20 grid, ResNet-20 integer.
        threads: for everybody.
        rounds: how often everybody is measured.
        seconds: how long each time.

    Raises:
        UserError: a name is not one of the networks.
    """
    for name in names:
        if name not in SIZES and name not in RESIDUALS:
            known = ", ".join((*SIZES, *RESIDUALS))
            raise UserError(f"bench simulator: network {name!r} is unknown, must be one of {known}")
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with tempfile.TemporaryDirectory() as folder:
            networks = {name: _bench_network(name, Path(folder), threads, rounds, seconds) for name in names}
    finally:
        torch.set_num_threads(before)
    figures = SimulatorBench(askew_version=VERSION, threads=threads, rounds=rounds, networks=networks)
    return figures, _markdown(figures)


def _bench_network(name: str, folder: Path, threads: int, rounds: int, seconds: float) -> SimulatedNetwork:
    case: BenchCase = Case(SIZES[name], folder, threads) if name in SIZES else ResidualCase(RESIDUALS[name], threads)
    checked = case.check()
    finalists = {peer: _fastest(ways, seconds / 4) for peer, ways in case.contestants().items()}
    measured: list[dict[str, dict[str, float]]] = []
    for _ in range(rounds):
        measured.append(
            {
                peer: {way: frames_per_second(run, seconds) for way, run in ways.items()}
                for peer, ways in finalists.items()
            }
        )
    best = [{peer: max(ways.values()) for peer, ways in one.items()} for one in measured]
    network_file = folder / f"{name}.npz"
    save_network(case.network, network_file)
    return SimulatedNetwork(
        network_hash=case.network.hash,
        check=checked,
        frames_per_second={peer: median(one[peer] for one in best) for peer in finalists},
        numba_against={
            peer: Ratio(
                median=median(one["numba"] / one[peer] for one in best),
                rounds=[one["numba"] / one[peer] for one in best],
            )
            for peer in finalists
            if peer != "numba"
        },
        ways={peer: list(ways) for peer, ways in finalists.items()},
        # A residual network's layers are many and small.
        layers=_bench_layers(case, threads, rounds, seconds) if name in SIZES else [],
        peak_memory_mib={
            backend.value: measure_peak_memory(network_file, MEMORY_FRAMES, backend, threads)
            for backend in (Backend.NUMBA,)
        },
        memory_frames=MEMORY_FRAMES,
    )


def _fastest(ways: dict[str, Run], seconds: float) -> dict[str, Run]:
    """The ways worth measuring in every round, after a short trial of each."""
    rates = {}
    for way, run in ways.items():
        run()
        rates[way] = frames_per_second(run, seconds)
    chosen = sorted(rates, key=rates.__getitem__, reverse=True)[:FINALISTS]
    return {way: ways[way] for way in chosen}


def _bench_layers(case: BenchCase, threads: int, rounds: int, seconds: float) -> list[LayerSpeed]:
    """Large binary layers beside the machine's peak, which is measured right before each."""
    network = case.network
    all_macs = 0
    for node in network.nodes:
        if isinstance(node, Matrix):
            height, width, _ = network.values[node.name].shape
            all_macs += node.mw * node.mh * height * width
    least = int(LARGE_LAYER_SHARE * all_macs)
    measured: dict[str, list[LayerRate]] = {}
    for _ in range(rounds):
        for rate in layer_rates(network, threads, seconds, least):
            measured.setdefault(rate.name, []).append(rate)
    return [
        LayerSpeed(
            name=name,
            gmacs_per_second=median(rate.gmacs_per_second for rate in rates),
            peak_gmacs_per_second=median(rate.peak_gmacs_per_second for rate in rates),
            fraction_of_peak=median(rate.gmacs_per_second / rate.peak_gmacs_per_second for rate in rates),
        )
        for name, rates in measured.items()
    ]


def _markdown(figures: SimulatorBench) -> str:
    lines = [
        f"Frames per second with {figures.threads} threads each, medians of {figures.rounds} rounds in one run; "
        "the ratios are medians of the rounds' own ratios.",
        "",
        "| network | Numba | NumPy | onnxruntime | Brevitas | qonnx "
        "| Numba / onnxruntime | Numba / qonnx | peak memory |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, one in figures.networks.items():
        rates = one.frames_per_second
        peers = ("numba", "numpy", "onnxruntime", "brevitas", "qonnx")
        cells = [f"{rates[peer]:,.0f}" if peer in rates else "" for peer in peers]
        ratios = one.numba_against
        cells += [f"{ratios[peer].median:,.1f}" if peer in ratios else "" for peer in ("onnxruntime", "qonnx")]
        cells.append(f"{one.peak_memory_mib['numba']:,.0f} MiB for {one.memory_frames:,} frames")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += ["", "| network | layer | GMAC/s | popcount peak | fraction |", "|---|---|---|---|---|"]
    for name, one in figures.networks.items():
        for layer in one.layers:
            lines.append(
                f"| {name} | {layer.name} | {layer.gmacs_per_second:,.0f} | "
                f"{layer.peak_gmacs_per_second:,.0f} | {layer.fraction_of_peak:.0%} |"
            )
    return "\n".join(lines) + "\n"
