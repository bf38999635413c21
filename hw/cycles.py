"""The cycle model: what the hardware takes for a frame, predicted exactly, and the smallest buffers that cost nothing.

Timing does not depend on data, so that the model runs the units' handshakes alone (``hw.cycle_kernel``). It runs until
the state of all units repeats at the end of a frame: from there on everything is periodic, and what one period shows
holds for ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn import ConvLayer, Network
from hw import cycle_kernel as kernel
from hw.dataflow import Dataflow, build_dataflow, unit_names
from hw.folding import Folding
from hw.units import Fifo, LabelSelect, Matrix, Pool, Quantizer, ScoreMap, Unit, WidthConverter, Window

MAX_SETTLING_FRAMES = 4096
MAX_SETTLING_TRIALS = 64
MAX_RUN_FRAMES = 16


@dataclass(frozen=True)
class UnitCycles:
    """What one unit does between the last two labels of a run.

    Attributes:
        name: instance name.
        module: its module.
        layer: the network's layer that it works for, or None.
        accepted: input beats.
        busy: cycles at work: a matrix's steps, a window's beats, a pool's positions, other units' input beats.
        blocked: cycles in which its output waits for the next unit.
        starved: cycles in which its input could be taken and is not there.
    """

    name: str
    module: str
    layer: str | None
    accepted: int
    busy: int
    blocked: int
    starved: int


@dataclass(frozen=True)
class Prediction:
    """The cycle model's answer for a design whose input never waits and whose labels are taken at once.

    Attributes:
        latency_cycles: from the cycle in which an idle design accepts the first beat of a frame to the cycle in which
            that frame's label leaves.
        frame_ii_cycles: cycles between the starts of successive frames, for ever: of the periodic steady state. Not
            whole only where frames take turns.
        label_cycles: a run of some frames from reset, long enough to show ``frame_ii_cycles`` where
            ``MAX_RUN_FRAMES`` frames are: when each label leaves, counted from the first beat.
        units: every unit's cycles between the last two labels of that run.
    """

    latency_cycles: int
    frame_ii_cycles: int | float
    label_cycles: tuple[int, ...]
    units: tuple[UnitCycles, ...]

    @property
    def run_frames(self) -> int:
        """Frames of the run that ``label_cycles`` and ``units`` describe."""
        return len(self.label_cycles)


class _Model:
    """All units' parameters and registers, as the kernel takes them."""

    def __init__(self, dataflow: Dataflow) -> None:
        self.units = list(dataflow)
        encoded = [_encode(unit) for unit in self.units]
        self.kind = np.array([kind for kind, _ in encoded], np.int64)
        self.parameters = np.zeros((len(encoded), kernel.PARAMETERS), np.int64)
        for row, (_, parameters) in zip(self.parameters, encoded, strict=True):
            row[: len(parameters)] = parameters
        self.state = np.zeros((len(encoded), kernel.STATES), np.int64)
        self.counters = np.zeros((len(encoded), kernel.COUNTERS), np.int64)
        self.cycle = 0
        self.first_beat_cycle = -1
        # A unit that works always moves; only pipelines without new input drain unseen, for a few cycles.
        self.limit = 64

    def run(self, labels: int) -> NDArray[np.int64]:
        """Cycles in which the next ``labels`` labels leave."""
        label_cycles = np.zeros(labels, np.int64)
        self.cycle, done, first = kernel.advance(
            self.kind, self.parameters, self.state, self.counters, self.cycle, self.limit, label_cycles, 1
        )
        assert done == labels, "the units' smallest buffers rule out a standstill"
        if self.first_beat_cycle < 0:
            self.first_beat_cycle = first
        return label_cycles

    def fill(self) -> None:
        """Fill every unit up to the slowest, as if its output had been held back."""
        slowest = max(unit.cycles for unit in self.units)
        count = 1 + max(i for i, unit in enumerate(self.units) if unit.cycles == slowest)
        self.cycle, _, _ = kernel.advance(
            self.kind[:count],
            self.parameters[:count],
            self.state[:count],
            self.counters[:count],
            self.cycle,
            self.limit,
            np.zeros(1, np.int64),
            0,
        )


def predict(dataflow: Dataflow, frames: int | None = None) -> Prediction:
    """Latency, frame initiation interval and every unit's cycles, exactly as the hardware shows them.

    Args:
        dataflow: the design.
        frames: frames of the run from reset, at least 2; None: as few as show the steady state.
    """
    steady = steady_frame_ii(dataflow)
    model = _Model(dataflow)
    labels = [int(model.run(1)[0])]
    while True:
        before = model.counters.copy()
        labels.append(int(model.run(1)[0]))
        if len(labels) == frames:
            break
        if frames is None and (labels[-1] - labels[-2] == steady or len(labels) == MAX_RUN_FRAMES):
            break
    first = model.first_beat_cycle
    return Prediction(
        latency_cycles=labels[0] - first,
        frame_ii_cycles=steady.numerator if steady.denominator == 1 else float(steady),
        label_cycles=tuple(label - first for label in labels),
        units=tuple(
            UnitCycles(unit.name, unit.module, unit.layer, *(int(count) for count in row))
            for unit, row in zip(model.units, (model.counters - before)[:, kernel.REPORTED], strict=True)
        ),
    )


def predict_latency(dataflow: Dataflow) -> int:
    """``Prediction.latency_cycles`` alone, several times faster."""
    model = _Model(dataflow)
    return int(model.run(1)[0]) - model.first_beat_cycle


def steady_frame_ii(dataflow: Dataflow) -> Fraction:
    """Cycles between frames of the periodic steady state.

    That does not depend on how the run starts (the units are a timed event graph, whose rate is that of its slowest
    circuit). So it starts with full buffers up to the slowest unit and empty ones behind it, which is nearly where it
    ends, and stops when the state of all units at a label is one that it had before.
    """
    model = _Model(dataflow)
    model.fill()
    seen: dict[bytes, tuple[int, int]] = {}  # state -> label, cycle
    for label in range(MAX_SETTLING_FRAMES):
        cycle = int(model.run(1)[0])
        key = model.state.tobytes()
        if key in seen:
            seen_label, seen_cycle = seen[key]
            return Fraction(cycle - seen_cycle, label - seen_label)
        seen[key] = label, cycle
    raise AssertionError("a design of finite buffers settles")


def size_buffers(network: Network, folding: Folding) -> dict[str, int]:
    """Unit name to the beats that its buffer must hold: the smallest that cost no throughput.

    Starts from buffers that certainly suffice and makes one after the other, from the last layer to the first, as small
    as the model allows. A FIFO that is not needed gets 0, which leaves it out.
    """
    buffers = _generous(network, folding)
    best = steady_frame_ii(build_dataflow(network, folding, buffers))
    for name in reversed(buffers):
        candidates = _candidates(build_dataflow(network, folding, buffers)[name])
        low, high = 0, len(candidates) - 1  # the last one, which is what the buffer holds now, suffices
        middle = 0  # the smallest suffices more often than not
        while low < high:
            if _sustains(build_dataflow(network, folding, buffers | {name: candidates[middle]}), best):
                high = middle
            else:
                low = middle + 1
            middle = (low + high) // 2
        buffers[name] = candidates[low]
    return buffers


def _sustains(dataflow: Dataflow, frame_ii: Fraction) -> bool:
    """The design reaches this frame initiation interval. False, at times wrongly, where it does not soon settle."""
    model = _Model(dataflow)
    model.fill()
    seen: dict[bytes, tuple[int, int]] = {}
    labels: list[int] = []
    for _ in range(MAX_SETTLING_TRIALS):
        labels.append(int(model.run(1)[0]))
        if len(labels) > 2 and min(labels[-1] - labels[-2], labels[-2] - labels[-3]) > frame_ii:
            return False
        key = model.state.tobytes()
        if key in seen:
            seen_count, seen_cycle = seen[key]
            return Fraction(labels[-1] - seen_cycle, len(labels) - seen_count) <= frame_ii
        seen[key] = len(labels), labels[-1]
    return False


def _generous(network: Network, folding: Folding) -> dict[str, int]:
    """Buffers of a frame more than the least, which decouple the units; in the order in which they stand."""
    stems = unit_names(network)
    fifos = {f"{stems[layer.name]}_fifo": 1 for layer in network.layers if not isinstance(layer, ConvLayer)}
    buffers: dict[str, int] = {}
    for unit in build_dataflow(network, folding, fifos):
        match unit:
            case Window():
                buffers[unit.name] = unit.smallest_beats + unit.input.beats
            case Fifo():
                buffers[unit.name] = unit.input.beats
            case Matrix() if unit.has_replay:
                fifo = f"{stems[unit.layer or '']}_fifo"
                if fifo in buffers:  # made small first, so that the replay buffer does what it can
                    buffers[unit.name], buffers[fifo] = 2 * unit.synapse_fold, buffers.pop(fifo)
                else:
                    buffers[unit.name] = 2 * unit.synapse_fold
    return buffers


def _candidates(unit: Unit) -> list[int]:
    """What the unit's buffer may hold, ascending, to what it holds now."""
    now = unit.buffer_beats
    match unit:
        case Window():
            smallest = max(unit.smallest_beats, 2)
            return [1 << bits for bits in range((smallest - 1).bit_length(), now.bit_length())]
        case Matrix():
            return list(range(unit.synapse_fold, now + 1))
    return list(range(now + 1))


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
            shape = [2 + unit.popcount_stages, unit.synapse_fold, unit.neuron_fold]
            return (kernel.REPLAY, [*shape, unit.buffer_beats]) if unit.has_replay else (kernel.DIRECT, shape)
        case Window() | Pool():
            layer = unit.conv if isinstance(unit, Window) else unit.pool
            height, width, channels = unit.shape
            rows, columns, _ = layer.output_shape(unit.shape)
            grid = [height, width, channels // unit.input.lanes, *layer.kernel, *layer.stride, *layer.padding[:2]]
            if isinstance(unit, Window):
                return kernel.WINDOW, [*grid, rows, columns, unit.buffer_beats]
            return kernel.POOL, [*grid, rows, columns, *unit.walk_size(unit.pool, unit.shape)]
    raise AssertionError(f"no cycle model for {unit.module}")
