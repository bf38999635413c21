"""The stages that FINN does for us: estimate, package, results. Everything goes to `runs/NAME/finn/`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bnn.network import Network
from finn_build.bitstream import build_bitstream
from finn_build.boards import find_board
from finn_build.estimate import DEFAULT_FRAMES, estimate, estimate_work
from finn_build.folding import LayerFolding
from finn_build.package import write_package
from finn_build.results import collect_results
from finn_build.settings import BuildSettings
from flow.progress import console, progress_bar
from flow.run_folder import RunFolder
from hw.board import BoardError, load_board
from hw.folding import load_folding

FINN_CLOCK_MHZ = 100.0  # what FINN's own examples are built for


@dataclass(frozen=True)
class FinnOptions:
    """What the user chose.

    Attributes:
        board: any spelling of a board that FINN knows.
        folding: a folding file or the name of a shipped one; None takes the run's folding.json.
        target_fps: let FINN fold for so many frames per second instead.
        clock_mhz: None takes the board's.
    """

    board: str
    folding: str | None = None
    target_fps: int | None = None
    clock_mhz: float | None = None

    def settings(self, run: RunFolder, network: Network) -> BuildSettings:
        """Settings for FINN; UserError where board or folding do not fit."""
        return BuildSettings(
            board=find_board(self.board),
            clock_mhz=self.clock_mhz or _usual_clock_mhz(self.board),
            folding=None if self.target_fps else self._layers(run, network),
            target_fps=self.target_fps,
        )

    def _layers(self, run: RunFolder, network: Network) -> dict[str, LayerFolding]:
        source = self.folding or str(run.require(run.folding, "fold"))
        layers = load_folding(source, network).layers
        return {name: (layer.pe, layer.simd) for name, layer in layers.items()}


def _usual_clock_mhz(board: str) -> float:
    try:
        return load_board(board).clock_mhz
    except BoardError:  # FINN knows more boards than we do
        return FINN_CLOCK_MHZ


def run_estimate(path: Path, options: FinnOptions, frames: int | None) -> dict[str, Any]:
    """FINN's estimates, every one of its graphs held to golden; written to `finn/estimate.json` and returned."""
    run = RunFolder.open(path)
    network = run.network()
    golden = run.golden(network)
    count = min(frames or DEFAULT_FRAMES, len(golden))
    settings = options.settings(run, network)
    with progress_bar("finn estimate", estimate_work(count)) as progress:
        return estimate(network, golden, settings, run.finn, count=count, progress=progress)


def run_package(path: Path, options: FinnOptions, *, force: bool) -> Path:
    """Write `finn/build/`, the folder that FINN builds from; returns it."""
    run = RunFolder.open(path)
    network = run.network()
    folder = run.finn / "build"
    write_package(folder, network, run.golden(network), options.settings(run, network), force=force)
    return folder


def run_bitstream(path: Path, options: FinnOptions, *, dry_run: bool, force: bool) -> dict[str, Any]:
    """Build the bitfile in FINN's container, or only say how; as `finn_build.bitstream.build_bitstream` returns."""
    run = RunFolder.open(path)
    network = run.network()
    run.finn.mkdir(exist_ok=True)
    settings = options.settings(run, network)
    golden = run.golden(network)
    return build_bitstream(run.finn, network, golden, settings, os.environ, console.print, dry_run=dry_run, force=force)


def run_results(path: Path) -> dict[str, Any]:
    """What a build has come to so far; written to `finn/results.json` and returned."""
    run = RunFolder.open(path)
    return collect_results(run.finn, run.network())
