"""The folding solver: a network, a board and a goal -> a folding, and what its design does and takes.

Goals: a frame rate in the fewest LUTs, the highest frame rate, the least latency of one frame; all within the board's
LUTs, flip-flops and block RAMs. The search (``hw.solver.space``, exact; ``hw.solver.latency``) counts units with
default buffers and takes a design to be as fast as its slowest unit. Here the design is then built as it will be, with
the buffers that it needs, and held to both: where it is slower or larger, the search goes on to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

from bnn import Chain
from bnn.folding import Folding, FoldingError, Goal
from hw.boards.board import Board
from hw.boards.rates import cycle_budget, frames_per_second, meets
from hw.cycles import as_number, predict_latency, size_buffers, steady_frame_ii
from hw.dataflow import Dataflow, build_dataflow
from hw.resources import Resources, dataflow_resources, layer_resources
from hw.solver.latency import least_latency
from hw.solver.space import Budget, FoldingSpace
from hw.units import DEFAULT_PIPELINE, Pipeline, PopcountStyle
from hw.units.cost import SMALL_TABLES

MAX_ROUNDS = 12
SMALL_TABLES_PER_TABLE = 4
"""Any function of 6 inputs fits into four tables of 4 inputs and the multiplexers behind them: of FPGAs that nobody
measured."""


@dataclass(frozen=True)
class FoldedDesign:
    """A folding, and what the design that is generated from it does.

    Attributes:
        network: what is computed.
        folding: of every matrix.
        dataflow: the units, with the buffers that they need.
        frame_ii: cycles between frames.
        latency_cycles: of one frame.
        resources: of the whole design.
    """

    network: Chain
    folding: Folding
    dataflow: Dataflow
    frame_ii: Fraction
    latency_cycles: int
    resources: Resources

    @classmethod
    def of(
        cls,
        network: Chain,
        folding: Folding,
        popcount: PopcountStyle = PopcountStyle.COMPRESSOR,
        pipeline: Pipeline = DEFAULT_PIPELINE,
    ) -> FoldedDesign:
        """Size the buffers and run the cycle model."""
        buffers = size_buffers(network, folding, pipeline)
        dataflow = build_dataflow(network, folding, buffers, popcount=popcount, pipeline=pipeline)
        frame_ii, latency = steady_frame_ii(dataflow), predict_latency(dataflow)
        return cls(network, folding, dataflow, frame_ii, latency, dataflow_resources(dataflow))

    def verify(self, board: Board) -> None:
        """Raise FoldingError if the design does not fit the board: which resource is short, and by how much."""
        short = [
            f"{taken:,} {what}, {taken - offered:,} more than it has ({offered:,})"
            for what, taken, offered in _demands(self.resources, board)
            if taken > offered
        ]
        if short:
            raise FoldingError(
                f"folding: does not fit board {board.name}: takes {'; and '.join(short)}; "
                "give layers smaller pe or simd, or choose a larger board"
            )

    def describe(
        self,
        board: Board | None,
        clock_mhz: float | None,
        goal: Goal | None = None,
        *,
        target_fps: float | None = None,
        utilization: float | None = None,
    ) -> dict[str, Any]:
        """The contents of ``folding.json``, which ``bnn.folding.load_folded`` reads again.

        Args:
            board: what it was folded for.
            clock_mhz: what its frames a second are for.
            goal: what it was chosen for.
            target_fps: the rate asked for, where that was the goal.
            utilization: share of the board that it was allowed.
        """
        described = self.folding.describe(self.network)
        layers: dict[str, dict[str, Any]] = described["layers"]
        others: dict[str, dict[str, int]] = {}
        for name, resources in layer_resources(self.dataflow).items():
            (layers if name in layers else others).setdefault(name, {}).update(asdict(resources))
        return described | {
            "others": others,
            "buffers": self.dataflow.buffers,
            "popcount": self.dataflow.popcount.name.lower(),
            "logic_levels": self.dataflow.pipeline.levels,
            **asdict(self.resources),
            "frame_ii_cycles": as_number(self.frame_ii),
            "latency_cycles": self.latency_cycles,
            "frames_per_second": None if clock_mhz is None else frames_per_second(clock_mhz, self.frame_ii),
            "board": board.name if board else None,
            "clock_mhz": clock_mhz,
            "goal": goal.value if goal else None,
            "target_fps": target_fps,
            "utilization": utilization,
        }


def fold_for_rate(network: Chain, board: Board, target_fps: float, clock_mhz: float) -> FoldedDesign:
    """At least so many frames a second in the fewest LUTs.

    Raises:
        FoldingError: the board does not hold it; the message names the fastest possible.
    """

    def is_fast_enough(design: FoldedDesign) -> bool:
        return meets(clock_mhz, design.frame_ii, target_fps)

    cheapest = _fewest_luts(
        _space(network, board, clock_mhz), board, cycle_budget(clock_mhz, target_fps), is_fast_enough
    )
    if cheapest is not None:
        return cheapest
    fastest = fold_for_max_rate(network, board, clock_mhz=clock_mhz)
    if is_fast_enough(fastest):  # what was cheaper has larger buffers than there is room for
        return fastest
    raise FoldingError(
        f"folding: {target_fps:,.10g} frames/s at {clock_mhz:g} MHz are not possible on board {board.name}; the "
        f"fastest possible is {frames_per_second(clock_mhz, fastest.frame_ii):,.10g} frames/s, a frame every "
        f"{_cycles(fastest.frame_ii)}"
    )


def fold_for_max_rate(
    network: Chain, board: Board, input_cycles: Fraction = Fraction(0), *, clock_mhz: float | None = None
) -> FoldedDesign:
    """The most frames a second that the board holds; of those foldings the one with the fewest LUTs.

    Args:
        network: what to fold.
        board: what it may take.
        input_cycles: that a frame takes to arrive. No design is faster than that, so none needs to be.
        clock_mhz: what registers are put in for; None: the board's usual clock.

    Raises:
        FoldingError: the board holds no folding at all.
    """
    space, budget = _space(network, board, clock_mhz), _budget(board)
    best: FoldedDesign | None = None
    if input_cycles:
        best = _fewest_luts(space, board, int(input_cycles), lambda design: design.frame_ii <= input_cycles)
        if best is not None:
            return best
    for cycles in space.cycles[_first_feasible(space, budget) :]:
        if best is not None and cycles >= best.frame_ii:
            break
        chosen = space.cheapest(cycles, budget)
        assert chosen is not None
        design = FoldedDesign.of(network, space.folding(chosen), space.popcount, space.pipeline)
        # Where it is slower than its slowest unit, one with a slower slowest unit may yet be faster.
        if not _excess(design, board) and (best is None or design.frame_ii < best.frame_ii):
            best = design
    if best is None:
        raise _too_small(space, board)
    return best


def _fewest_luts(
    space: FoldingSpace, board: Board, cycles: int, is_fast_enough: Callable[[FoldedDesign], bool]
) -> FoldedDesign | None:
    """The fewest LUTs with no unit above ``cycles``, as it will be built; None where none was found in the board."""
    limit = cycles
    for _ in range(MAX_ROUNDS):
        chosen = space.cheapest(limit, _budget(board))
        if chosen is None:
            return None
        design = FoldedDesign.of(space.network, space.folding(chosen), space.popcount, space.pipeline)
        if _excess(design, board):
            return None
        if is_fast_enough(design):
            return design
        slowest = max(choice.cycles for choice in chosen)
        limit = max((cycles for cycles in space.cycles if cycles < slowest), default=0)
    return None


def fold_for_latency(network: Chain, board: Board, *, clock_mhz: float | None = None) -> FoldedDesign:
    """The least latency of one frame that the board holds and the search finds; the clock as of ``fold_for_max_rate``.

    Raises:
        FoldingError: the board holds no folding at all.
    """
    space, budget = _space(network, board, clock_mhz), _budget(board)
    for _ in range(MAX_ROUNDS):
        chosen = least_latency(space, budget)
        if chosen is None:
            break
        design = FoldedDesign.of(network, space.folding(chosen), space.popcount, space.pipeline)
        excess = _excess(design, board)
        if not excess:  # the search is not exhaustive on large networks
            return min(
                design, fold_for_max_rate(network, board, clock_mhz=clock_mhz), key=lambda found: found.latency_cycles
            )
        cost = space.cost(chosen)
        luts = min(budget.luts - excess.luts - excess.ffs, cost.luts - 1)
        budget = Budget(luts, budget.bram18 - excess.bram18)
    return fold_for_max_rate(network, board, clock_mhz=clock_mhz)


def _first_feasible(space: FoldingSpace, budget: Budget) -> int:
    """Index of the fewest cycles a frame that the budget allows; the number of them if none."""
    low, high = 0, len(space.cycles)
    while low < high:
        middle = (low + high) // 2
        if space.cheapest(space.cycles[middle], budget) is None:
            low = middle + 1
        else:
            high = middle
    return low


def _space(network: Chain, board: Board, clock_mhz: float | None) -> FoldingSpace:
    style = PopcountStyle.for_family(board.family)
    return FoldingSpace(network, style, Pipeline.for_clock(style, clock_mhz or board.clock_mhz))


def _budget(board: Board) -> Budget:
    return Budget(_tables(board), board.bram18)


def _tables(board: Board) -> int:
    """Look-up tables of 6 inputs that the board has at least, or what is worth them."""
    if board.lut_inputs == 6:
        return board.luts
    return board.luts // (SMALL_TABLES if board.family == "ecp5" else SMALL_TABLES_PER_TABLE)


def _demands(resources: Resources, board: Board) -> Iterator[tuple[str, int, int]]:
    """What a design takes and the board offers."""
    yield "LUTs" if board.lut_inputs == 6 else "LUTs of 6 inputs", resources.luts, _tables(board)
    yield "flip-flops", resources.ffs, board.ffs
    yield "block RAMs of 18 kbit", resources.bram18, board.bram18


def _excess(design: FoldedDesign, board: Board) -> Resources | None:
    """What the built design takes more than the board has; None where it fits."""
    luts, ffs, bram18 = (max(0, taken - offered) for _, taken, offered in _demands(design.resources, board))
    return Resources(luts, ffs, bram18) if luts or ffs or bram18 else None


def _too_small(space: FoldingSpace, board: Board) -> FoldingError:
    smallest = space.cheapest(max(space.cycles), Budget(1 << 30, 1 << 14))
    assert smallest is not None
    takes = FoldedDesign.of(space.network, space.folding(smallest), space.popcount, space.pipeline).resources
    return FoldingError(
        f"folding: board {board.name} holds no folding of this network: the one with the fewest LUTs takes "
        f"{takes.luts:,} LUTs (it has {_tables(board):,}) and {takes.bram18:,} block RAMs of 18 kbit ({board.bram18:,})"
    )


def _cycles(frame_ii: Fraction) -> str:
    return f"{float(frame_ii):,.10g} cycle{'s' if frame_ii != 1 else ''}"
