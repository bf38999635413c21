"""What the hardware takes for a frame, predicted exactly.

Timing does not depend on data, so that the model runs the units' handshakes alone (``hw.units.handshakes``). It runs
until the state of all units repeats at the end of a frame: from there on everything is periodic, and what one period
shows holds for ever.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from fractions import Fraction

from hw.cycles.model import CycleModel
from hw.dataflow import Dataflow
from hw.units import handshakes

MAX_SETTLING_FRAMES = 4096
MAX_RUN_FRAMES = 16
MAX_TRIAL_FRAMES = 64
SETTLING_FRAMES = 4
LONGEST_TURN_FRAMES = 3


@dataclass(frozen=True)
class UnitCycles:
    """What one unit does between the last two labels of a run.

    Attributes:
        name: instance name.
        kind: its kind, as in ``hw.units``.
        layer: the network's layer that it works for, or None.
        accepted: input beats.
        busy: cycles at work: a matrix's steps, a window's beats, a pool's positions, other units' input beats.
        blocked: cycles in which its output waits for the next unit.
        starved: cycles in which its input could be taken and is not there.
    """

    name: str
    kind: str
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


def predict_cycles(dataflow: Dataflow, frames: int | None = None) -> Prediction:
    """Latency, frame initiation interval and every unit's cycles, exactly as the hardware shows them.

    Args:
        dataflow: the design.
        frames: frames of the run from reset, at least 2; None: as few as show the steady state.
    """
    steady = steady_frame_ii(dataflow)
    model = CycleModel(dataflow)
    labels = [model.next_label()]
    while True:
        before = model.counters.copy()
        labels.append(model.next_label())
        if len(labels) == frames:
            break
        if frames is None and (labels[-1] - labels[-2] == steady or len(labels) == MAX_RUN_FRAMES):
            break
    first = model.first_beat_cycle
    return Prediction(
        latency_cycles=labels[0] - first,
        frame_ii_cycles=as_number(steady),
        label_cycles=tuple(label - first for label in labels),
        units=tuple(
            UnitCycles(unit.name, unit.kind, unit.layer, *(int(count) for count in row))
            for unit, row in zip(model.units, (model.counters - before)[:, handshakes.REPORTED], strict=True)
        ),
    )


def as_number(cycles: Fraction) -> int | float:
    """Cycles as results and files hold them: whole where they are."""
    return cycles.numerator if cycles.denominator == 1 else float(cycles)


def predict_latency(dataflow: Dataflow) -> int:
    """``Prediction.latency_cycles`` alone, several times faster."""
    model = CycleModel(dataflow)
    return model.next_label() - model.first_beat_cycle


def steady_frame_ii(dataflow: Dataflow) -> Fraction:
    """Cycles between frames of the periodic steady state: of two equal states of all units, each at a label.

    The rate is that of the slowest circuit of waiting, and so does not depend on how the run starts. How soon it
    settles does: from empty buffers, those before the slowest unit fill by what the units there are faster than it;
    from full ones, the stock is used up by what the slowest circuit is slower than the slowest unit. Each may take
    thousands of frames where the other takes a few, so that two runs go side by side.
    """
    slowest = max(range(len(dataflow.units)), key=lambda index: (dataflow.units[index].cycles, index))
    empty, full = CycleModel(dataflow), CycleModel(dataflow)
    full.fill(slowest + 1)
    runs: list[tuple[CycleModel, dict[bytes, tuple[int, int]]]] = [(empty, {}), (full, {})]
    for label in range(MAX_SETTLING_FRAMES):
        for model, seen in runs:
            cycle = model.next_label()
            if model.key in seen:
                seen_label, seen_cycle = seen[model.key]
                return Fraction(cycle - seen_cycle, label - seen_label)
            seen[model.key] = label, cycle
    raise AssertionError("a design of finite buffers settles")


def sustains(dataflow: Dataflow, frame_ii: Fraction, deep: Collection[str] = ()) -> bool:
    """Whether the design, from reset, comes to ``frame_ii`` and stays there; tells it after a few frames.

    More progress never makes a later event later (but for a few cycles: the bubbles of a rigid pipeline). So once every
    unit has, a period later, a period's frames more behind it, this is so for ever: yes. From reset, the n-th label
    leaves at the maximum of c + n * rate over the circuits of waiting that frames have filled by then. A circuit of
    a higher rate than the slowest unit's starts lower; so where labels are late once all are filled, they stay so: no.

    Args:
        dataflow: the design.
        frame_ii: cycles a frame; not less than the slowest unit's.
        deep: buffers that are known to cost nothing, however many frames they take to fill.
    """
    model = CycleModel(dataflow)
    frame, period = model.frame_progress(), frame_ii.numerator
    labels: list[int] = []
    history = [model.progress()]
    stock = sum(unit.buffer_beats / unit.input.beats for unit in dataflow if unit.name not in deep)
    filled = SETTLING_FRAMES + int(stock)
    while len(labels) < MAX_TRIAL_FRAMES + filled:
        labels += model.run(period)
        history.append(model.progress())
        for turn in range(1, min(LONGEST_TURN_FRAMES, len(history) - 1) + 1):
            if (history[-1] - history[-1 - turn] >= turn * frame_ii.denominator * frame).all():
                return True
        turns = range(1, LONGEST_TURN_FRAMES + 1)
        if len(labels) > filled and all(labels[-1] - labels[-1 - turn] > turn * frame_ii for turn in turns):
            return False
    return steady_frame_ii(dataflow) <= frame_ii
