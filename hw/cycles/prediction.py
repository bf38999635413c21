"""The cycle model: what the hardware takes for a frame, predicted exactly, and the smallest buffers that cost nothing.

Timing does not depend on data, so that the model runs the units' handshakes alone (``hw.cycles.kernel``). It runs until
the state of all units repeats at the end of a frame: from there on everything is periodic, and what one period shows
holds for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice

from bnn import ConvLayer, Network
from bnn.folding import Folding
from hw.cycles import kernel
from hw.cycles.model import CycleModel
from hw.dataflow import HOLD_BEATS, Dataflow, build_dataflow, unit_names
from hw.units.units import Fifo, Matrix, Unit, Window

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
        kind: its kind, as in ``hw.units.units``.
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

    @property
    def run_frames(self) -> int:
        """Frames of the run that ``label_cycles`` and ``units`` describe."""
        return len(self.label_cycles)


def predict(dataflow: Dataflow, frames: int | None = None) -> Prediction:
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
            for unit, row in zip(model.units, (model.counters - before)[:, kernel.REPORTED], strict=True)
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


def size_buffers(network: Network, folding: Folding) -> dict[str, int]:
    """Unit name to the beats that its buffer must hold: the smallest that cost no throughput.

    Starts from buffers that certainly suffice and makes one after the other, from the last layer to the first, as small
    as the model allows: none of the result can be smaller. A FIFO that is not needed gets 0, which leaves it out.
    """
    buffers = _generous(network, folding)
    generous = build_dataflow(network, folding, buffers)
    bottleneck = Fraction(generous.bottleneck_cycles)
    frame_ii = bottleneck if sustains(generous, bottleneck) else steady_frame_ii(generous)

    def suffices(changes: dict[str, int]) -> bool:
        deep = set(names) - set(changes)
        return sustains(build_dataflow(network, folding, buffers | changes), frame_ii, deep)

    names = list(reversed(buffers))
    while names:
        # Of most buffers the smallest suffices: how many of the next ones may have it together?
        smallest = {name: _candidates(generous[name])[0] for name in names}
        count = _most(len(names), lambda n, s=smallest: suffices(dict(islice(s.items(), n))))  # type: ignore[misc]
        buffers |= dict(islice(smallest.items(), count))
        for name in names[count : count + 1]:
            choices = _candidates(generous[name])
            buffers[name] = _least(choices, _guess(generous[name]), lambda beats, n=name: suffices({n: beats}))  # type: ignore[misc]
        names = names[count + 1 :]
    return buffers


def _most(count: int, holds: Callable[[int], bool]) -> int:
    """The largest number up to ``count`` of which ``holds`` is true; it is of 0, and monotonic."""
    if holds(count):
        return count
    low, high = 0, count
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def _least(choices: list[int], guess: int, suffices: Callable[[int], bool]) -> int:
    """The first of the choices that suffices: not the first of all, and the last does; ``guess`` is tried first."""
    low, high = 0, len(choices) - 1
    middle = choices.index(guess) if guess in choices[1:-1] else high // 2
    while high - low > 1:
        if suffices(choices[middle]):
            high = middle
            middle = middle - 1 if choices[middle] == guess else (low + high) // 2
        else:
            low = middle
            middle = (low + high) // 2
        middle = min(max(middle, low + 1), high - 1)
    return choices[high]


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
                # Of 2 beats at least: with one it takes a beat every second cycle.
                buffers[unit.name] = HOLD_BEATS if unit.name.endswith("_hold") else max(HOLD_BEATS, unit.input.beats)
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


def _guess(unit: Unit) -> int:
    """What the unit's buffer often has to hold where the smallest does not suffice."""
    match unit:
        case Window():
            return 2 * _candidates(unit)[0]
        case Matrix():
            return 2 * unit.synapse_fold - 1
    return 1
