"""What FINN estimates for the units of a network, asked of FINN itself: cycles and resources under any options."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bnn import Chain
from finn_build.compiler.nodes import Compiler
from finn_build.package.package import OUTPUT, write_package
from finn_build.package.settings import BuildSettings, Frames
from finn_build.worker.process import Progress, run_worker

NAMES = {"lut": "luts"}
"""Key of FINN's figures in files, a promise, to our word for it."""
BUILD_STEPS = 11  # the steps that FINN's builder runs up to its estimates


@dataclass(frozen=True)
class UnitCost:
    """What FINN estimates for one unit, or for several together.

    Attributes:
        cycles: of one frame; of several units, the slowest one's.
        luts: look-up tables.
        bram18: block RAMs of 18 kbit.
        uram: UltraRAMs.
        dsp: multipliers.
        problem: why FINN cannot generate the unit; None where it can.
    """

    cycles: int = 0
    luts: int = 0
    bram18: int = 0
    uram: int = 0
    dsp: int = 0
    problem: str | None = None

    def __add__(self, other: UnitCost) -> UnitCost:
        return UnitCost(
            max(self.cycles, other.cycles),
            self.luts + other.luts,
            self.bram18 + other.bram18,
            self.uram + other.uram,
            self.dsp + other.dsp,
            self.problem or other.problem,
        )

    @classmethod
    def read(cls, figures: Mapping[str, Any]) -> UnitCost:
        """As results and the worker write it, who call LUTs ``lut``."""
        return cls(**{NAMES.get(key, key): value for key, value in figures.items()})

    def resources(self) -> dict[str, int]:
        """As results hold it."""
        return {key: getattr(self, NAMES.get(key, key)) for key in ("lut", "bram18", "uram", "dsp")}


def total_cost(costs: Sequence[UnitCost]) -> UnitCost:
    """Of all units together."""
    return sum(costs, UnitCost())


def unit_costs(
    network: Chain,
    frames: Frames,
    settings: BuildSettings,
    folder: Path,
    options: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    progress: Progress | None = None,
) -> dict[str, list[UnitCost]]:
    """FINN's estimates of every node: its name to one cost for each of its options.

    Args:
        network: what FINN is to build.
        frames: one frame at least, with its golden answer.
        settings: board, clock and the folding that FINN starts from.
        folder: gets the folder ``costs``, which stays only where FINN fails.
        options: node to attribute settings to try, each of which sets the same attributes. A node that is not named
            is taken as ``settings`` have it.
        progress: called with the steps and nodes done since its last call.

    Raises:
        GraphError: FINN cannot hold the network.
        FinnError: FINN failed.
        UserError: settings or frames do not fit.
    """
    package = (folder / "costs").absolute()
    shutil.rmtree(package, ignore_errors=True)
    write_package(package, network, frames, replace(settings, compiler=Compiler.FINN_PLUS, verify_frames=1))
    job = {
        "package": str(package),
        "output": str(package / OUTPUT),
        "options": {name: [dict(tried) for tried in listed] for name, listed in (options or {}).items()},
    }
    answer = run_worker("costs", job, package, progress)
    shutil.rmtree(package, ignore_errors=True)
    return {name: [UnitCost.read(figures) for figures in listed] for name, listed in answer["nodes"].items()}
