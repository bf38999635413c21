"""All foldings of a network and their costs, and the cheapest that is fast enough: the core of the folding solver.

A design's cost is the sum of its units' (``hw.resources``), and a segment's units (``hw.dataflow.Segments``: a matrix
with its window, and the pools behind it) depend on other segments only through the lanes of the stream between, which
set the width converter. So dynamic programming over the segments is exact: for every number of lanes that leave a
segment and every number of block RAMs so far, the fewest LUTs. Every legal (pe, simd) and both loop orders are
looked at. Optimal means: in this cost model, with the buffers that units have by default and no FIFOs; the buffers that
a design really needs are found by ``size_buffers`` afterwards (``hw.solver.solve`` counts them in).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile

import numpy as np
from numpy.typing import NDArray

from bnn import Chain
from bnn.folding import Folding, LayerFolding, LoopOrder, MatrixSize, matrix_sizes
from hw.dataflow import Segments, keeps_beats
from hw.resources import TOP_OVERHEAD, Resources, unit_resources
from hw.units import DEFAULT_PIPELINE, Pipeline, PopcountStyle, Unit

NEVER = np.int64(1) << 40
"""LUTs of what cannot be."""


@dataclass(frozen=True)
class Budget:
    """LUTs and block RAMs (of 18 kbit) that a design may take."""

    luts: int
    bram18: int


@dataclass(frozen=True)
class Choice:
    """One folding of one segment.

    Attributes:
        folding: of its matrix.
        lanes: of the stream that leaves the segment.
        cycles: a frame, of its slowest unit.
        resources: of its units, without the width converter in front.
        keeps_beats: a FIFO stands between the width converter and the matrix.
    """

    folding: LayerFolding
    lanes: int
    cycles: int
    resources: Resources
    keeps_beats: bool


class FoldingSpace:
    """Every choice for every segment of a network, with its cost: what all searches look through.

    Attributes:
        network: what is folded.
        choices: per segment, every legal folding; where both loop orders make the same units, only one of them.
    """

    def __init__(
        self,
        network: Chain,
        popcount: PopcountStyle = PopcountStyle.COMPRESSOR,
        pipeline: Pipeline = DEFAULT_PIPELINE,
    ) -> None:
        self.network = network
        self.popcount = popcount
        self.pipeline = pipeline
        self._segments = Segments(network, popcount=popcount, pipeline=pipeline)
        self._sizes = sizes = matrix_sizes(network)
        self.names = self._segments.names
        self.choices: list[list[Choice]] = [
            [self._choice(index, folding) for folding in _legal(sizes[name])] for index, name in enumerate(self.names)
        ]
        self._converters: dict[tuple[int, int, int, bool], Resources] = {}

    @cached_property
    def cycles(self) -> list[int]:
        """Every number of cycles a frame that some segment can have, ascending; the first that all can reach first."""
        fastest = max(min(choice.cycles for choice in choices) for choices in self.choices)
        every = {choice.cycles for choices in self.choices for choice in choices}
        return sorted(cycles for cycles in every if cycles >= fastest)

    @cached_property
    def _most_bram18(self) -> int:
        """Block RAMs that no choice exceeds, so that a board with more is no more work."""
        most, lanes_before = 0, {0}
        for index, choices in enumerate(self.choices):
            entering = {(choice.folding.simd, choice.keeps_beats): choice for choice in choices}.values()
            most += max(choice.resources.bram18 for choice in choices)
            most += max(self.converter(index, lanes, choice).bram18 for choice in entering for lanes in lanes_before)
            lanes_before = {choice.lanes for choice in choices}
        return most

    def converter(self, index: int, lanes: int, choice: Choice) -> Resources:
        """What stands between the segment before, which gives ``lanes``, and this choice for segment ``index``."""
        simd = choice.folding.simd
        key = index, lanes, simd, choice.keeps_beats
        if index == 0 or lanes == simd:
            return Resources()
        if key not in self._converters:
            units = self._segments.units(index, choice.folding, lanes)
            self._converters[key] = _total(takewhile(lambda unit: unit.passes_on, units))
        return self._converters[key]

    def cost(self, chosen: Iterable[Choice]) -> Resources:
        """What a design takes that makes these choices, one a segment."""
        total, lanes = TOP_OVERHEAD, 0
        for index, choice in enumerate(chosen):
            total += choice.resources + self.converter(index, lanes, choice)
            lanes = choice.lanes
        return total

    def folding(self, chosen: Iterable[Choice]) -> Folding:
        """As a folding of the network."""
        return Folding.of(self.network, {name: choice.folding for name, choice in zip(self.names, chosen, strict=True)})

    def cheapest(self, cycles: int, budget: Budget) -> list[Choice] | None:
        """The choices with the fewest LUTs, then the fewest block RAMs, of which none takes more than ``cycles``.

        None where there are none within the budget.
        """
        rams = min(budget.bram18 - TOP_OVERHEAD.bram18, self._most_bram18) + 1
        if rams < 1:
            return None
        # (rams,) the fewest LUTs with exactly so many block RAMs, per number of lanes; and what led there.
        fronts = {0: np.full(rams, NEVER)}
        fronts[0][0] = TOP_OVERHEAD.luts
        steps: list[dict[int, _Step]] = []
        for index, choices in enumerate(self.choices):
            before: dict[tuple[int, bool], _Step] = {}
            after: dict[int, NDArray[np.int64]] = {}
            step: dict[int, _Step] = {}
            for number, choice in enumerate(choices):
                shift, lanes, enters = choice.resources.bram18, choice.lanes, (choice.folding.simd, choice.keeps_beats)
                if choice.cycles > cycles or shift >= rams:
                    continue
                if enters not in before:
                    before[enters] = self._joined(index, fronts, choice)
                if lanes not in after:
                    after[lanes] = np.full(rams, NEVER)
                    step[lanes] = np.zeros(rams, np.int64), np.zeros(rams, np.int64)
                front, came_from = before[enters]
                luts = front[: rams - shift] + choice.resources.luts
                better = luts < after[lanes][shift:]
                after[lanes][shift:][better] = luts[better]
                step[lanes][0][shift:][better] = number
                step[lanes][1][shift:][better] = came_from[: rams - shift][better]
            if not after:
                return None
            fronts = after
            steps.append(step)
        return self._walk_back(fronts, steps, budget.luts)

    def _joined(
        self, index: int, fronts: dict[int, NDArray[np.int64]], choice: Choice
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(rams,) the fewest LUTs up to and with the width converter in front of ``choice``; the lanes before it."""
        best, came_from = np.full_like(next(iter(fronts.values())), NEVER), np.zeros_like(next(iter(fronts.values())))
        for lanes, front in fronts.items():
            convert = self.converter(index, lanes, choice)
            if convert.bram18 >= len(front):
                continue
            shifted = front[: len(front) - convert.bram18] + convert.luts
            better = shifted < best[convert.bram18 :]
            best[convert.bram18 :][better] = shifted[better]
            came_from[convert.bram18 :][better] = lanes
        return best, came_from

    def _walk_back(
        self, fronts: dict[int, NDArray[np.int64]], steps: list[dict[int, _Step]], luts: int
    ) -> list[Choice] | None:
        fewest, ram, lanes = min((int(front.min()), int(front.argmin()), lanes) for lanes, front in fronts.items())
        if fewest > luts:
            return None
        chosen: list[Choice] = []
        for index in reversed(range(len(steps))):
            numbers, came_from = steps[index][lanes]
            choice = self.choices[index][numbers[ram]]
            lanes_before = int(came_from[ram])
            ram -= choice.resources.bram18 + self.converter(index, lanes_before, choice).bram18
            chosen.append(choice)
            lanes = lanes_before
        return chosen[::-1]

    def _choice(self, index: int, folding: LayerFolding) -> Choice:
        units = self._segments.units(index, folding, folding.simd)
        cycles = max(unit.cycles for unit in units)
        keeps = keeps_beats(self._sizes[self.names[index]], folding)
        return Choice(folding, units[-1].output.lanes, cycles, _total(units), keeps)


_Step = tuple[NDArray[np.int64], NDArray[np.int64]]
"""(rams,) the number of the choice, and the lanes of the stream before it."""


def _legal(size: MatrixSize) -> Iterator[LayerFolding]:
    for pe, simd in size.legal():
        yield LayerFolding(pe, simd)
        if pe < size.mh and simd < size.mw:  # otherwise there is one loop at the most
            yield LayerFolding(pe, simd, LoopOrder.INPUT_MAJOR)


def _total(units: Iterable[Unit]) -> Resources:
    return sum((unit_resources(unit) for unit in units), Resources())
