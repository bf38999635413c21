"""The folding for FINN: in FINN's own cost, for a rate or for all that the board holds, kept in `finn/folding.json`."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from bnn.files import write_json
from bnn.folding import Folding
from bnn.network import Network
from bnn.readers import read_json
from bnn.version import VERSION
from finn_build.compiler.boards import FinnBoard
from finn_build.compiler.form import finn_form
from finn_build.compiler.nodes import finn_nodes
from finn_build.errors import FinnError
from finn_build.package.capacity import Capacity, finn_capacity
from finn_build.package.folded import describe, finn_version
from finn_build.package.settings import BuildSettings
from finn_build.package.space import Budget, FinnFolding, FinnSpace
from finn_build.worker.costs import BUILD_STEPS
from flow.boards import board_for_finn
from flow.run.folder import Golden, RunError, RunFolder
from flow.run.progress import progress_bar
from flow.stages.limits import InputLimit, input_limit
from hw.boards.board import DEFAULT_UTILIZATION, Board
from hw.boards.rates import cycle_budget, frames_per_second

FINN_CLOCK_MHZ = 100.0  # what FINN's own examples are built for


@dataclass(frozen=True)
class Target:
    """A board as FINN builds for it.

    Attributes:
        board: FINN's.
        ours: what we know of it; None where we have no file for it.
        clock_mhz: the user's, or the board's usual one.
    """

    board: FinnBoard
    ours: Board | None
    clock_mhz: float

    @classmethod
    def of(cls, name: str, clock_mhz: float | None) -> Target:
        """The board of that name, ours or FINN's, or in a ``.toml`` file with a ``finn_name``; UserError lists all."""
        board, ours = board_for_finn(name)
        return cls(board, ours, clock_mhz or (ours.clock_mhz if ours else FINN_CLOCK_MHZ))

    @property
    def capacity(self) -> Capacity | None:
        """What the board has; None where neither we nor FINN know it."""
        if self.ours:
            return Capacity(self.board.name, self.ours.luts, self.ours.bram18, self.ours.dsps)
        return finn_capacity(self.board.name)

    def input_limit(self, network: Network) -> InputLimit | None:
        """How fast FINN's DMA can give frames: it reads as many bits a cycle as divide both frame and port."""
        if self.ours is None:
            return None
        bits = self.ours.port_bits and math.gcd(8 * math.prod(network.input.shape), self.ours.port_bits)
        return input_limit(network, self.ours, self.clock_mhz, bits)


def fold_for_finn(
    run: RunFolder,
    network: Network,
    golden: Golden,
    target: Target,
    *,
    target_fps: float | None = None,
    utilization: float = DEFAULT_UTILIZATION,
    input_roof: bool = True,
) -> dict[str, Any]:
    """Fold in FINN's own cost and write `finn/folding.json`; returns its contents.

    Args:
        run: gets the file.
        network: of the run.
        golden: its frames.
        target: board and clock.
        target_fps: a rate to reach in the fewest LUTs; None for the most frames a second.
        utilization: share of the board that the design may take.
        input_roof: without a rate, be no faster than the board's memory can feed.
    """
    capacity, limit = target.capacity, target.input_limit(network)
    if capacity is None and target_fps is None:
        raise FinnError(
            f"finn fold: what {target.board.name} has is not known here; give --target-fps, or a folding to the other "
            "commands with --folding"
        )
    run.finn.mkdir(exist_ok=True)
    unfolded = {name: (layer.pe, layer.simd) for name, layer in Folding.sequential(network).layers.items()}
    settings = BuildSettings(target.board, target.clock_mhz, unfolded)
    with progress_bar("finn fold", BUILD_STEPS + len(finn_nodes(finn_form(network).network))) as progress:
        space = FinnSpace.of(network, golden, settings, run.finn, progress)
    budget = _budget(capacity, utilization)
    if target_fps is not None:
        cycles = cycle_budget(target.clock_mhz, target_fps)
        folding = space.cheapest(cycles, budget) or _refuse(space, budget, target, utilization, target_fps)
    else:
        roof = math.floor(limit.cycles) if limit and input_roof else 0
        folding = space.fastest(budget, roof) or _refuse(space, budget, target, utilization, None)
    described = describe(network, folding) | {
        "board": target.board.name,
        "clock_mhz": target.clock_mhz,
        "target_fps": target_fps,
        "utilization": utilization if capacity else None,
        "budget": {"luts": budget.luts, "bram18": budget.bram18} if capacity else None,
        "input_limit": limit.describe() if limit else None,
        "frames_per_second": frames_per_second(target.clock_mhz, folding.cost.cycles),
    }
    write_json(run.finn / "folding.json", described)
    return described


def kept_folding(
    run: RunFolder, network: Network, target: Target, target_fps: float | None
) -> tuple[dict[str, Any] | None, str]:
    """The run's folding for FINN where it is of this network, board, clock and rate; else None and why not."""
    file = run.finn / "folding.json"
    if not file.exists():
        return None, "there is none yet"
    try:
        kept = read_json(file, "fold again", RunError)
    except RunError:
        return None, "the one there is damaged"
    wanted = {
        "network_hash": network.hash,
        "askew_version": VERSION,
        "finn_version": finn_version(),
        "board": target.board.name,
        "clock_mhz": target.clock_mhz,
    }
    if target_fps is not None:
        wanted["target_fps"] = target_fps
    for key, value in wanted.items():
        if kept.get(key) != value:
            return None, f"the one there has {key} {json.dumps(kept.get(key))}"
    return kept, ""


def _budget(capacity: Capacity | None, utilization: float) -> Budget:
    if capacity is None:
        return Budget(1 << 30, 1 << 14)
    share = Fraction(repr(float(utilization)))
    return Budget(int(share * capacity.luts), int(share * capacity.bram18))


def _refuse(
    space: FinnSpace, budget: Budget, target: Target, utilization: float, target_fps: float | None
) -> FinnFolding:
    """Say what would be possible instead."""
    where = f"within {utilization:.0%} of {target.board.name} ({budget.luts:,} LUTs, {budget.bram18:,} block RAMs)"
    if target_fps is not None and (fastest := space.fastest(budget)):
        raise FinnError(
            f"finn fold: {target_fps:,.10g} frames/s at {target.clock_mhz:g} MHz are not possible {where} by FINN's "
            f"estimate; the fastest possible is {frames_per_second(target.clock_mhz, fastest.cost.cycles):,.10g} "
            f"frames/s, a frame every {fastest.cost.cycles:,} cycles; ask for less, or give more with --utilization"
        )
    smallest = space.cheapest(max(space.cycles), Budget(1 << 40, 1 << 14))
    assert smallest is not None
    raise FinnError(
        f"finn fold: no folding of this network fits {where} by FINN's estimate: the one with the fewest LUTs takes "
        f"{smallest.cost.luts:,} LUTs and {smallest.cost.bram18:,} block RAMs of 18 kbit; give more with "
        "--utilization, or choose a larger board"
    )


def run_finn_fold(
    path: Path,
    board: str,
    *,
    target_fps: float | None,
    clock_mhz: float | None,
    utilization: float | None,
    input_roof: bool,
) -> tuple[Path, dict[str, Any]]:
    """Fold for FINN; the file and its contents."""
    run = RunFolder.open(path)
    network = run.network()
    target = Target.of(board, clock_mhz)
    described = fold_for_finn(
        run,
        network,
        run.golden(network),
        target,
        target_fps=target_fps,
        utilization=DEFAULT_UTILIZATION if utilization is None else utilization,
        input_roof=input_roof,
    )
    return run.finn / "folding.json", described
