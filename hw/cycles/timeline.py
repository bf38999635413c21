"""When each layer is at work: the cycle model's counters read along one frame and along one period of steady state."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from hw.cycles.model import CycleModel
from hw.cycles.prediction import MAX_RUN_FRAMES, steady_frame_ii
from hw.dataflow import Dataflow
from hw.units import handshakes

STEPS = 240
"""Steps into which a span is cut: more than a plot of it can show. A span of fewer cycles is cut into its cycles."""


@dataclass(frozen=True)
class Span:
    """A span of cycles cut into steps, and how much of each step every layer works.

    Attributes:
        edges: (steps + 1,) the cycles between which the steps lie, ascending; cycle 0 accepts the first beat.
        busy: layer to the cycles at work in each step, as long as ``edges`` less one.
    """

    edges: tuple[int, ...]
    busy: dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Timeline:
    """Work of every layer's matrix or pool.

    Attributes:
        first_frame: the first frame's work alone, from its first beat to its label, in an idle design; the frames that
            follow it closely are there and not counted.
        steady: one ``frame_ii_cycles`` of the steady state, beginning as a label leaves; ``edges`` begin at 0.
        settled: False where ``MAX_RUN_FRAMES`` frames did not show the steady state, and ``steady`` is what came then.
    """

    first_frame: Span
    steady: Span
    settled: bool


def layer_timeline(dataflow: Dataflow, steps: int = STEPS) -> Timeline:
    """Run the cycle model and note what the matrices and pools do. Input never waits, labels are taken at once."""
    units = [index for index, unit in enumerate(dataflow) if unit.gives_layer]
    layers = [dataflow.units[index].layer or "" for index in units]
    probe = CycleModel(dataflow)
    label = probe.next_label()
    assert probe.first_beat_cycle == 0, "an idle design takes its first beat at once"

    model = CycleModel(dataflow)
    edges, counts = _watch(model, label + 1, steps)
    one_frame = np.minimum(counts, model.frame_progress()[:, 1])[:, units]
    first_frame = _span(edges, one_frame, layers)

    frame_ii = steady_frame_ii(dataflow)
    labels = [label, probe.next_label()]
    while labels[-1] - labels[-2] != frame_ii and len(labels) < MAX_RUN_FRAMES:
        labels.append(probe.next_label())
    edges, counts = _watch(probe, max(1, round(frame_ii)), steps)
    settled = Fraction(labels[-1] - labels[-2]) == frame_ii
    return Timeline(first_frame, _span(edges, counts[:, units], layers), settled)


def _watch(model: CycleModel, cycles: int, steps: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Run for so many cycles: the edges (steps + 1,), and the cycles at work up to each (steps + 1, units)."""
    edges = np.unique(np.linspace(0, cycles, steps + 1).round().astype(np.int64))
    counts = [model.counters[:, handshakes.BUSY].copy()]
    for length in np.diff(edges):
        model.run(int(length))
        counts.append(model.counters[:, handshakes.BUSY].copy())
    return edges, np.array(counts)


def _span(edges: NDArray[np.int64], counts: NDArray[np.int64], layers: list[str]) -> Span:
    worked = np.diff(counts, axis=0).T  # (layers, steps)
    return Span(
        tuple(int(edge) for edge in edges),
        {layer: tuple(int(count) for count in row) for layer, row in zip(layers, worked, strict=True)},
    )
