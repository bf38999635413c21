"""The sizes of a matrix unit, and what follows from them: folds, styles, buffer and timing."""

from __future__ import annotations

from dataclasses import dataclass

from bnn.folding import LoopOrder
from hw.units import handshakes
from hw.units.pipeline import DEFAULT_PIPELINE, Pipeline
from hw.units.popcount import PopcountStyle, integer_levels, tree_levels
from hw.units.rom import RomStyle, choose_style
from hw.units.unit import Timing, Unit

ACCUMULATOR_LEVELS = 3
"""Levels of logic from a sum to the accumulator: a multiplexer and a carry chain."""


@dataclass(frozen=True, eq=False)
class MatrixSizes(Unit):
    """What a matrix unit is made for.

    Attributes:
        mw: matrix width.
        mh: matrix height.
        order: which loop is the outer one.
        signed: the input integers are two's complement.
        thresholded: gives bits; otherwise accumulators.
        accumulator_bits: bits of an accumulator, two's complement.
        has_start: the accumulators start from other values than 0.
        replay_beats: what the replay buffer holds; 0: two vectors.
        popcount: how bits are counted.
        pipeline: how much logic may stand between two registers.
    """

    mw: int
    mh: int
    order: LoopOrder
    signed: bool
    thresholded: bool
    accumulator_bits: int
    has_start: bool
    replay_beats: int = 0
    popcount: PopcountStyle = PopcountStyle.COMPRESSOR
    pipeline: Pipeline = DEFAULT_PIPELINE

    @property
    def kind(self) -> str:  # type: ignore[override]
        """``mvau`` for bits, ``mvau_int`` for integers."""
        return "mvau" if self.is_binary else "mvau_int"

    @property
    def is_binary(self) -> bool:
        """The input is bits."""
        return self.input.bits == 1

    @property
    def synapse_fold(self) -> int:
        """SF = MW / SIMD."""
        return self.mw // self.input.lanes

    @property
    def neuron_fold(self) -> int:
        """NF = MH / PE."""
        return self.mh // self.output.lanes

    @property
    def vectors(self) -> int:
        """Output positions of a frame."""
        return self.input.beats // self.synapse_fold

    @property
    def cycles(self) -> int:
        """One weight word a cycle."""
        return self.input.beats * self.neuron_fold

    @property
    def has_replay(self) -> bool:
        """The input vector is buffered."""
        return self.order is LoopOrder.OUTPUT_MAJOR and self.neuron_fold > 1 and self.synapse_fold > 1

    @property
    def buffer_beats(self) -> int:
        """The replay buffer's; 0 where there is none."""
        return max(self.replay_beats or self.ample_beats, self.least_beats)

    @property
    def ample_beats(self) -> int:
        """Two vectors, where there is a buffer."""
        return 2 * self.synapse_fold if self.has_replay else 0

    @property
    def least_beats(self) -> int:
        """A vector, where there is a buffer."""
        return self.synapse_fold if self.has_replay else 0

    @property
    def likely_beats(self) -> int:
        """A beat less than two vectors."""
        return 2 * self.synapse_fold - 1

    @property
    def weight_style(self) -> RomStyle:
        """Where the weights are."""
        return choose_style(self.output.lanes * self.input.lanes, self.synapse_fold * self.neuron_fold)

    @property
    def start_style(self) -> RomStyle:
        """Where the start values are."""
        return choose_style(self.output.lanes * self.accumulator_bits, self.neuron_fold)

    @property
    def stages(self) -> int:
        """Registers within the adder tree: as many as ``pipeline`` asks for."""
        if not self.is_binary:
            return self.pipeline.registers(integer_levels(self.input.lanes), ACCUMULATOR_LEVELS)
        constant = self.synapse_fold * self.neuron_fold == 1
        levels = tree_levels(self.input.lanes, self.pipeline.style, constant=constant)
        return self.pipeline.registers(levels, ACCUMULATOR_LEVELS)

    @property
    def work(self) -> int:
        """Its steps."""
        return self.cycles

    @property
    def timing(self) -> Timing:
        """By pipeline, folds and buffer."""
        stages = 2 + self.stages
        rule = handshakes.REPLAY if self.has_replay else handshakes.DIRECT
        folds = self.synapse_fold, self.neuron_fold
        return Timing(rule, (stages, *folds, self.buffer_beats, (1 << stages) - 1))
