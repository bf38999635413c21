"""The stages that FINN does for us: estimate, package, results. Everything goes to `runs/NAME/finn/`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bnn.errors import UserError
from bnn.folding import load_folding, shipped_foldings
from bnn.network import Network
from bnn.readers import read_json
from finn_build.compiler.form import finn_form
from finn_build.compiler.nodes import finn_nodes
from finn_build.container.bitstream import build_bitstream
from finn_build.package.capacity import verify_fits
from finn_build.package.folded import read_ram_styles
from finn_build.package.package import write_package
from finn_build.package.settings import BuildSettings
from finn_build.results.deploy import write_deploy
from finn_build.results.results import collect_results
from finn_build.worker.costs import BUILD_STEPS, UnitCost, unit_costs
from finn_build.worker.estimate import DEFAULT_FRAMES, estimate, estimate_work
from flow.run.folder import Golden, RunFolder
from flow.run.progress import console, progress_bar
from flow.stages.finn_fold import Target, fold_for_finn, kept_folding


@dataclass(frozen=True)
class FinnOptions:
    """What the user chose.

    Attributes:
        board: any spelling of a board that FINN knows.
        folding: a folding file or the name of a shipped one; None takes the run's `finn/folding.json`, which is made
            where there is none for this board and clock.
        target_fps: fold for so many frames per second instead.
        clock_mhz: None takes the board's.
        finn_folding: FINN itself folds for ``target_fps``.
    """

    board: str
    folding: str | None = None
    target_fps: float | None = None
    clock_mhz: float | None = None
    finn_folding: bool = False

    @property
    def target(self) -> Target:
        """Board and clock; FinnError where FINN does not know the board."""
        return Target.of(self.board, self.clock_mhz)

    def settings(self, run: RunFolder, network: Network, golden: Golden) -> BuildSettings:
        """Settings for FINN; UserError where board or folding do not fit."""
        target = self.target
        if self.folding is not None and self.target_fps is not None:
            raise UserError("finn: give either --folding or --target-fps, not both")
        if self.finn_folding:
            if self.target_fps is None or self.target_fps != int(self.target_fps):
                raise UserError("finn: --finn-folding wants a --target-fps that is a whole number")
            return BuildSettings(target.board, target.clock_mhz, None, int(self.target_fps))
        source = self.folding or str(self._fold(run, network, golden, target))
        layers = {name: (layer.pe, layer.simd) for name, layer in load_folding(source, network).layers.items()}
        described = {} if source in shipped_foldings() else read_json(Path(source), "make it with `askew finn fold`")
        memories = read_ram_styles(described, network, f"folding file {source}")
        return BuildSettings(target.board, target.clock_mhz, layers, ram_styles=memories)

    def _fold(self, run: RunFolder, network: Network, golden: Golden, target: Target) -> Path:
        kept, reason = kept_folding(run, network, target, self.target_fps)
        if kept is None:
            console.print(f"finn fold: folding for {target.board.name} by FINN's estimate; {reason}")
            fold_for_finn(run, network, golden, target, target_fps=self.target_fps)
        return run.finn / "folding.json"


def run_estimate(path: Path, options: FinnOptions, frames: int | None) -> dict[str, Any]:
    """FINN's estimates, every one of its graphs held to golden; written to `finn/estimate.json` and returned."""
    run = RunFolder.open(path)
    network = run.network()
    golden = run.golden(network)
    count = min(frames or DEFAULT_FRAMES, len(golden))
    settings = options.settings(run, network, golden)
    with progress_bar("finn estimate", estimate_work(count)) as progress:
        return estimate(network, golden, settings, run.finn, count=count, progress=progress)


def run_package(path: Path, options: FinnOptions, *, force: bool, over_capacity: bool) -> Path:
    """Write `finn/build/`, the folder that FINN builds from, and `finn/deploy/` for the board; returns the first."""
    run = RunFolder.open(path)
    network = run.network()
    golden = run.golden(network)
    folder = run.finn / "build"
    settings = options.settings(run, network, golden)
    _verify_fits(run, network, golden, settings, options.target, over_capacity)
    write_package(folder, network, golden, settings, force=force)
    write_deploy(run.finn)
    return folder


def run_bitstream(
    path: Path, options: FinnOptions, *, dry_run: bool, force: bool, over_capacity: bool
) -> dict[str, Any]:
    """Build the bitfile in FINN's container, or only say how; as `build_bitstream` returns."""
    run = RunFolder.open(path)
    network = run.network()
    run.finn.mkdir(exist_ok=True)
    golden = run.golden(network)
    settings = options.settings(run, network, golden)
    _verify_fits(run, network, golden, settings, options.target, over_capacity)
    return build_bitstream(run.finn, network, golden, settings, os.environ, console.print, dry_run=dry_run, force=force)


def _verify_fits(
    run: RunFolder, network: Network, golden: Golden, settings: BuildSettings, target: Target, over_capacity: bool
) -> None:
    """FinnError for what FINN estimates to be larger than the board, or cannot generate; says how much is taken."""
    run.finn.mkdir(exist_ok=True)
    with progress_bar("finn capacity", BUILD_STEPS + len(finn_nodes(finn_form(network).network))) as progress:
        costs = unit_costs(network, golden, settings, run.finn, progress=progress)
    advice = f"fold by FINN's estimate with `askew finn fold --run {run.path} --board {target.board.name}`"
    console.print(fit_line(target, verify_fits(costs, target.capacity, advice, over_capacity=over_capacity)))


def fit_line(target: Target, cost: UnitCost) -> str:
    """How much of its board a design takes by FINN's estimate, in words."""
    capacity = target.capacity
    if capacity is None:
        return f"FINN estimates {cost.luts:,} LUTs; what {target.board.name} has is not known here, so nobody checks it"
    parts = (
        f"{taken:,} of {offered:,} {what}" + (f" ({taken / offered:.0%})" if offered else "")
        for what, taken, offered in (
            ("LUTs", cost.luts, capacity.luts),
            ("block RAMs of 18 kbit", cost.bram18, capacity.bram18),
            ("DSPs", cost.dsp, capacity.dsp),
        )
    )
    return f"{target.board.name}: FINN estimates {', '.join(parts)}, without FIFOs, width converters and shell"


def run_results(path: Path) -> dict[str, Any]:
    """What a build has come to so far; written to `finn/results.json` and returned."""
    run = RunFolder.open(path)
    return collect_results(run.finn, run.network())
