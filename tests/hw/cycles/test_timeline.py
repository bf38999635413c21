"""When layers work. Oracles: the folding's cycles, the cycle model stopped after each cycle, and `predict_cycles`."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from bnn import Chain, Encode, MaxPoolLayer
from bnn.folding import Folding, LayerFolding, matrix_sizes
from hw.cycles import predict_cycles, size_buffers
from hw.cycles.model import CycleModel
from hw.cycles.timeline import layer_timeline
from hw.dataflow import Dataflow, build_dataflow
from hw.units import Matrix, Pool
from tests.support.blank import conv, dense


def design(dense_only: bool) -> tuple[Chain, Folding, Dataflow]:
    if dense_only:
        network = Chain(
            Encode.threshold((12, 1, 1), 100),
            (dense("fc1", 12, 8), dense("fc2", 8, 6), dense("fc3", 6, 4, True)),
        )
        chosen = {"fc1": (2, 3), "fc2": (1, 4), "fc3": (4, 2)}
    else:
        pool, last = MaxPoolLayer("pool1", (2, 2), (2, 2)), dense("fc1", 36, 5, True)
        network = Chain(Encode.pixels((8, 8, 2)), (conv("conv1", 2, 4), pool, last))
        chosen = {"conv1": (2, 2), "fc1": (1, 4)}
    folding = Folding.of(network, {name: LayerFolding(*size) for name, size in chosen.items()})
    return network, folding, build_dataflow(network, folding, size_buffers(network, folding))


@pytest.mark.parametrize("dense_only", [True, False])
@pytest.mark.parametrize("steps", [1, 7, 10_000])
def test_a_frame_is_the_cycles_that_the_folding_says(dense_only: bool, steps: int) -> None:
    network, folding, dataflow = design(dense_only)
    timeline = layer_timeline(dataflow, steps)
    assert timeline.settled
    predicted = predict_cycles(dataflow)
    assert timeline.first_frame.edges[-1] == predicted.latency_cycles + 1  # the label's own cycle with it
    assert timeline.steady.edges[-1] == predicted.frame_ii_cycles
    cycles = {name: size.cycles(folding.layers[name]) for name, size in matrix_sizes(network).items()}
    assert list(timeline.first_frame.busy) == [layer.name for layer in network.layers]
    for name, expected in cycles.items():
        assert sum(timeline.first_frame.busy[name]) == expected
        assert sum(timeline.steady.busy[name]) == expected
    for span in (timeline.first_frame, timeline.steady):
        assert len(span.edges) - 1 == min(steps, span.edges[-1])
        for busy in span.busy.values():
            assert all(
                0 <= count <= end - start for count, (start, end) in zip(busy, pairwise(span.edges), strict=True)
            )


@pytest.mark.parametrize("dense_only", [True, False])
def test_the_first_frame_cycle_by_cycle(dense_only: bool) -> None:
    """A model that is stopped after n cycles has worked as much as the first n cycles of the timeline hold."""
    _, _, dataflow = design(dense_only)
    span = layer_timeline(dataflow, 10_000).first_frame
    rows = [index for index, unit in enumerate(dataflow) if isinstance(unit, (Matrix, Pool))]
    for cycles in range(1, span.edges[-1] + 1, 5):
        model = CycleModel(dataflow)
        model.run(cycles)
        for row, busy in zip(rows, span.busy.values(), strict=True):
            assert sum(busy[:cycles]) == min(model.progress()[row, 1], sum(busy))


def test_layers_begin_one_after_the_other_and_the_last_ends_with_the_label() -> None:
    _, _, dataflow = design(dense_only=True)
    span = layer_timeline(dataflow, 10_000).first_frame
    worked = [np.flatnonzero(busy) for busy in span.busy.values()]
    assert [int(cycles[0]) for cycles in worked] == sorted(int(cycles[0]) for cycles in worked)
    assert [int(cycles[-1]) for cycles in worked] == sorted(int(cycles[-1]) for cycles in worked)
    assert worked[-1][-1] < span.edges[-1]
