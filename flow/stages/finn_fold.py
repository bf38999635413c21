"""The folding for FINN: in FINN's own cost, for a rate or for all that the board holds, kept in `finn/folding.json`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bnn.chain import Chain
from bnn.files import write_json
from bnn.folding import Folding
from bnn.readers import DamagedFileError, read_json
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
from flow.run.folder import RunFolder
from flow.run.progress import progress_bar
from flow.stages.chains import no_chain
from flow.stages.fold import DEFAULT_BOARD, with_board_named
from flow.stages.limits import InputLimit, input_limit, limit_lines
from flow.stages.options import Kind, Options, option
from flow.stages.stage import Stage
from flow.stages.words import say
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

    def input_limit(self, network: Chain) -> InputLimit | None:
        """How fast FINN's DMA can give frames: it reads as many bits a cycle as divide both frame and port."""
        if self.ours is None:
            return None
        bits = self.ours.port_bits and math.gcd(8 * math.prod(network.input.shape), self.ours.port_bits)
        return input_limit(network, self.ours, self.clock_mhz, bits)


class FinnFoldOptions(Options):
    """What is folded for, in FINN's cost. Without a rate: the most frames/s."""

    exclusive = ("target_fps", "max_fps")

    board: str | None = option(
        None, f"Any board that FINN knows; default: that of `askew fold`, or {DEFAULT_BOARD}.", kind=Kind.GOAL
    )
    target_fps: float | None = option(
        None, "At least so many, in the fewest LUTs.", unit="frames/s", kind=Kind.GOAL, ge=1e-6
    )
    max_fps: bool = option(
        False, "The most frames/s that the board holds and its DMA can feed (default).", kind=Kind.GOAL
    )
    clock_mhz: float | None = option(None, "Instead of the board's usual clock.", unit="MHz", kind=Kind.GOAL, ge=1)
    utilization: float | None = option(
        None,
        "Share of the board for what FINN counts; default 0.7: the rest is for shell, FIFOs and routing.",
        kind=Kind.GOAL,
        ge=0.01,
        le=1,
    )
    input_roof: bool = option(True, "With --max-fps: be no faster than the board's DMA can feed.", kind=Kind.GOAL)


def _fold(run: RunFolder, options: FinnFoldOptions) -> dict[str, Any]:
    """Fold in FINN's own cost and write `finn/folding.json`; returns its contents."""
    network = run.chain()
    golden = run.golden(network.network())
    target = Target.of(options.board or board_of(run.folding) or DEFAULT_BOARD, options.clock_mhz)
    target_fps, input_roof = options.target_fps, options.input_roof
    utilization = DEFAULT_UTILIZATION if options.utilization is None else options.utilization
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


def board_of(folding: Path) -> str | None:
    """The board that a folding file was made for; None where it does not say, or there is none."""
    try:
        board = read_json(folding, "fold again").get("board")
    except (OSError, DamagedFileError):
        return None
    return board if isinstance(board, str) else None


def _versions(_run: RunFolder, _options: FinnFoldOptions) -> dict[str, str | None]:
    return {"FINN": finn_version()}


def show_layers(figures: dict[str, Any]) -> None:
    """A table of PE, SIMD, cycles, resources and accumulators of every layer, in FINN's terms."""
    columns = ("pe", "simd", "cycles", "lut", "bram18")
    has_types = any("accumulator" in layer for layer in figures["layers"].values())
    titles = (*columns[:3], "LUTs", "BRAM18")
    table = Table("layer", *titles, *(["accumulator"] if has_types else []), box=None, pad_edge=False)
    for name, layer in {**figures["layers"], **figures.get("others", {})}.items():
        cells = [f"{layer[column]:,}" if layer.get(column) is not None else "-" for column in columns]
        counted = layer.get("accumulator")
        types = f"{counted['type']}, {counted['low']:,}..{counted['high']:,}" if counted else "-"
        table.add_row(name, *cells, *([types] if has_types else []))
    Console(soft_wrap=True, highlight=False).print(table)


def _show(run: RunFolder, design: dict[str, Any]) -> None:
    show_layers(design)
    say(
        f"a frame every {design['frame_ii_cycles']:,} cycles, {design['frames_per_second']:,.0f} frames/s at "
        f"{design['clock_mhz']:g} MHz; {design['lut']:,} LUTs, {design['bram18']:,} block RAMs of 18 kbit "
        f"({design['finn_version']}'s estimate, without FIFOs, width converters and shell)"
    )
    for line in limit_lines(design, design["board"]):
        say(line)
    say(f"finn fold: {run.finn / 'folding.json'}")


FINN_FOLD = Stage(
    name="finn fold",
    summary="Choose PE, SIMD and memories of every layer by FINN's own estimates: finn/folding.json.",
    example="--run runs/tfc --board Pynq-Z2",
    options=FinnFoldOptions,
    needs=("network", "golden"),
    makes=("finn folding",),
    prepare=with_board_named,
    run=_fold,
    show=_show,
    outside=_versions,
    refused=no_chain,
)
