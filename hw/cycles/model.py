"""The state of a whole design's handshakes, run by ``hw.cycles.kernel``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.cycles import kernel
from hw.dataflow import Dataflow
from hw.units.units import Fifo, LabelSelect, Matrix, Pool, Quantizer, ScoreMap, Unit, WidthConverter, Window

STANDSTILL_CYCLES = 64
"""A unit that works always moves; only pipelines without new input drain unseen, for a few cycles."""


class CycleModel:
    """All units' parameters and registers, as the kernel takes them; begins as after a reset.

    Attributes:
        units: in stream order.
        counters: (units, kernel.COUNTERS) since the reset.
        cycle: number of the next cycle.
        first_beat_cycle: the cycle in which the first beat was accepted, or -1.
    """

    def __init__(self, dataflow: Dataflow) -> None:
        self.units = list(dataflow)
        encoded = [_encode(unit) for unit in self.units]
        self._kind = np.array([kind for kind, _ in encoded], np.int64)
        self._parameters = np.zeros((len(encoded), kernel.PARAMETERS), np.int64)
        for row, (_, parameters) in zip(self._parameters, encoded, strict=True):
            row[: len(parameters)] = parameters
        self._state = np.zeros((len(encoded), kernel.STATES), np.int64)
        self.counters = np.zeros((len(encoded), kernel.COUNTERS), np.int64)
        self.cycle = 0
        self.first_beat_cycle = -1

    @property
    def key(self) -> bytes:
        """All registers: two equal ones behave alike for ever."""
        return self._state.tobytes()

    def progress(self) -> NDArray[np.int64]:
        """Events so far: (units, 2) input beats accepted and work done; together they are the state."""
        return self.counters[:, (kernel.ACCEPTED, kernel.BUSY)]

    def frame_progress(self) -> NDArray[np.int64]:
        """(units, 2) what one frame adds to ``progress``."""
        return np.array([(unit.input.beats, _work(unit)) for unit in self.units], np.int64)

    def next_label(self) -> int:
        """Run until the next label leaves; the cycle in which it does."""
        label_cycles = np.zeros(1, np.int64)
        done = self._advance(label_cycles, -1)
        assert done == 1, "the units' smallest buffers rule out a standstill"
        return int(label_cycles[0])

    def run(self, cycles: int) -> list[int]:
        """Run for this long; the cycles in which labels left."""
        label_cycles = np.zeros(cycles + 1, np.int64)
        done = self._advance(label_cycles, self.cycle + cycles)
        return [int(cycle) for cycle in label_cycles[:done]]

    def fill(self, units: int) -> None:
        """Fill the first ``units`` units as if the next one's input had been held back."""
        part = (self._kind[:units], self._parameters[:units], self._state[:units], self.counters[:units])
        self.cycle, _, _ = kernel.advance(*part, self.cycle, -1, STANDSTILL_CYCLES, np.zeros(1, np.int64), 0)

    def _advance(self, label_cycles: NDArray[np.int64], end: int) -> int:
        part = (self._kind, self._parameters, self._state, self.counters)
        self.cycle, done, first = kernel.advance(*part, self.cycle, end, STANDSTILL_CYCLES, label_cycles, 1)
        if self.first_beat_cycle < 0:
            self.first_beat_cycle = first
        return done


def _work(unit: Unit) -> int:
    """What a frame adds to the unit's count of cycles at work."""
    match unit:
        case Matrix() | Pool():
            return unit.cycles
        case Window():
            return unit.output.beats
    return unit.input.beats


def _encode(unit: Unit) -> tuple[int, list[Any]]:
    match unit:
        case Fifo():
            return kernel.FIFO, [unit.depth]
        case WidthConverter():
            common = int(np.gcd(unit.input.width, unit.output.width))
            return kernel.CONVERTER, [unit.input.width // common, unit.output.width // common]
        case Quantizer() | ScoreMap():
            return kernel.REGISTER, []
        case LabelSelect():
            return kernel.LABEL, [unit.input.beats]
        case Matrix():
            stages = 2 + unit.popcount_stages
            shape = [stages, unit.synapse_fold, unit.neuron_fold, unit.buffer_beats, (1 << stages) - 1]
            return kernel.REPLAY if unit.has_replay else kernel.DIRECT, shape
        case Window() | Pool():
            layer = unit.conv if isinstance(unit, Window) else unit.pool
            height, width, channels = unit.shape
            rows, columns, _ = layer.output_shape(unit.shape)
            grid = [height, width, channels // unit.input.lanes, *layer.kernel, *layer.stride, *layer.padding[:2]]
            if isinstance(unit, Window):
                return kernel.WINDOW, [*grid, rows, columns, unit.buffer_beats]
            return kernel.POOL, [*grid, rows, columns, *unit.walk_size(unit.pool, unit.shape)]
    raise AssertionError(f"no cycle model for {unit.kind}")
