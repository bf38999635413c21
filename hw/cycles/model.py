"""The state of a whole design's handshakes, run by ``hw.units.handshakes``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hw.dataflow import Dataflow
from hw.units import handshakes

STANDSTILL_CYCLES = 64
"""A unit that works always moves; only pipelines without new input drain unseen, for a few cycles."""


class CycleModel:
    """All units' parameters and registers, as the kernel takes them; begins as after a reset.

    Attributes:
        units: in stream order.
        counters: (units, handshakes.COUNTERS) since the reset.
        cycle: number of the next cycle.
        first_beat_cycle: the cycle in which the first beat was accepted, or -1.
    """

    def __init__(self, dataflow: Dataflow) -> None:
        self.units = list(dataflow)
        timings = [unit.timing for unit in self.units]
        self._kind = np.array([timing.rule for timing in timings], np.int64)
        self._parameters = np.zeros((len(timings), handshakes.PARAMETERS), np.int64)
        for row, timing in zip(self._parameters, timings, strict=True):
            row[: len(timing.parameters)] = timing.parameters
        self._state = np.zeros((len(timings), handshakes.STATES), np.int64)
        self.counters = np.zeros((len(timings), handshakes.COUNTERS), np.int64)
        self.cycle = 0
        self.first_beat_cycle = -1

    @property
    def key(self) -> bytes:
        """All registers: two equal ones behave alike for ever."""
        return self._state.tobytes()

    def progress(self) -> NDArray[np.int64]:
        """Events so far: (units, 2) input beats accepted and work done; together they are the state."""
        return self.counters[:, (handshakes.ACCEPTED, handshakes.BUSY)]

    def frame_progress(self) -> NDArray[np.int64]:
        """(units, 2) what one frame adds to ``progress``."""
        return np.array([(unit.input.beats, unit.work) for unit in self.units], np.int64)

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
        self.cycle, _, _ = handshakes.advance(*part, self.cycle, -1, STANDSTILL_CYCLES, np.zeros(1, np.int64), 0)

    def _advance(self, label_cycles: NDArray[np.int64], end: int) -> int:
        part = (self._kind, self._parameters, self._state, self.counters)
        self.cycle, done, first = handshakes.advance(*part, self.cycle, end, STANDSTILL_CYCLES, label_cycles, 1)
        if self.first_beat_cycle < 0:
            self.first_beat_cycle = first
        return done
