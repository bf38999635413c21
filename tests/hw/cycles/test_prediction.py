"""The cycle model's steady state and the smallest buffers. Oracle: runs of hundreds of frames from reset."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from bnn import Chain, ConvLayer, Encode, MaxPoolLayer
from bnn.folding import Folding, LayerFolding, LoopOrder, matrix_sizes
from hw.cycles import predict_cycles, size_buffers, steady_frame_ii, sustains
from hw.cycles.model import CycleModel
from hw.dataflow import Dataflow, build_dataflow
from hw.units import Window
from tests.support.blank import conv, dense

RUN = 360  # of which the last 240 frames are looked at: a multiple of all short periods


def random_design(seed: int) -> tuple[Chain, Folding]:
    rng = np.random.default_rng(seed)
    if seed % 2:
        sizes = [int(rng.choice([6, 8, 12, 16, 20])) for _ in range(4)]
        layers = [dense(f"fc{i}", sizes[i], sizes[i + 1]) for i in range(3)]
        network = Chain(Encode.threshold((sizes[0], 1, 1), 100), (*layers, dense("fc9", sizes[3], 6, True)))
    else:
        channels = [int(rng.choice([1, 2, 3, 4])) for _ in range(3)]
        layers = [conv("conv1", channels[0], channels[1]), MaxPoolLayer("pool1", (2, 2), (2, 2))]
        layers += [conv("conv2", channels[1], channels[2]), dense("fc1", channels[2], 6), dense("fc2", 6, 5, True)]
        network = Chain(Encode.pixels((8, 8, channels[0])), layers)
    foldings = {}
    for name, size in matrix_sizes(network).items():
        legal = list(size.legal())
        foldings[name] = LayerFolding(
            *legal[rng.integers(len(legal))], LoopOrder(rng.choice([o.value for o in LoopOrder]))
        )
    return network, Folding.of(network, foldings)


def long_run(dataflow: Dataflow) -> Fraction:
    model = CycleModel(dataflow)
    labels = [model.next_label() for _ in range(RUN)]
    return Fraction(labels[-1] - labels[RUN - 241], 240)


@pytest.mark.parametrize("seed", range(40))
def test_the_steady_state_and_the_trial_agree_with_a_long_run(seed: int) -> None:
    network, folding = random_design(seed)
    rng = np.random.default_rng(seed)
    generous = build_dataflow(network, folding)
    buffers = {}
    for name, beats in generous.buffers.items():
        unit = generous[name]
        least = unit.least_beats if isinstance(unit, Window) else 1
        buffers[name] = int(rng.integers(least, beats + 1))
    tight = build_dataflow(network, folding, buffers)
    measured = long_run(tight)
    assert steady_frame_ii(tight) == measured
    for frame_ii in {measured, Fraction(int(measured)), measured - 1, measured + 1, Fraction(tight.bottleneck_cycles)}:
        if frame_ii >= tight.bottleneck_cycles:
            assert sustains(tight, frame_ii) == (measured <= frame_ii)
    assert predict_cycles(tight).frame_ii_cycles == measured


@pytest.mark.parametrize("seed", range(24))
def test_no_buffer_can_be_smaller(seed: int) -> None:
    network, folding = random_design(seed)
    buffers = size_buffers(network, folding)
    best = long_run(build_dataflow(network, folding, buffers))
    # As fast as with buffers of several frames.
    sized = build_dataflow(network, folding, buffers)
    deep = {f"{layer.name}_fifo": 300 for layer in network.layers if not isinstance(layer, ConvLayer)}
    windows = {unit.name: 4 * unit.input.beats for unit in sized if isinstance(unit, Window)}
    matrices = {f"{name}_matrix": 400 for name in folding.layers}
    assert best == long_run(build_dataflow(network, folding, deep | windows | matrices))
    for name, beats in buffers.items():
        unit = sized[name] if beats else None
        less = beats // 2 if isinstance(unit, Window) else beats - 1
        smallest = unit.least_beats if isinstance(unit, Window) else 0
        if not beats or less < smallest:
            continue
        smaller = build_dataflow(network, folding, buffers | {name: less})
        held = smaller[name].buffer_beats if less else 0
        assert held == beats or long_run(smaller) > best, name


def test_a_slow_leak_is_seen() -> None:
    """A deep buffer before the slowest unit: hundreds of frames would pass until it is full."""
    network = Chain(
        Encode.threshold((20, 15, 1), 100),
        (dense("fc1", 300, 50), dense("fc2", 50, 60), dense("fc3", 60, 2, True)),
    )
    folding = Folding.of(network, {"fc1": LayerFolding(5, 1), "fc2": LayerFolding(1, 1), "fc3": LayerFolding(1, 1)})
    deep = build_dataflow(network, folding, {"fc2_fifo": 5000})
    assert steady_frame_ii(deep) == 3000
    assert sustains(deep, Fraction(3000))
    assert not sustains(deep, Fraction(2999, 1))


def test_the_smallest_fifo_of_a_burst_is_exact() -> None:
    """fc1 gives all its 16 outputs at once, every 16 cycles; fc2 takes one a cycle: of 8 beats of 2, by hand.

    fc2 takes 2 lanes a cycle, 8 beats a frame of 16 cycles; whatever FIFO there is, the converter gives one a cycle.
    """
    network = Chain(Encode.threshold((16, 1, 1), 100), (dense("fc1", 16, 16), dense("fc2", 16, 2, True)))
    folding = Folding.of(network, {"fc1": LayerFolding(16, 1), "fc2": LayerFolding(1, 2, LoopOrder.INPUT_MAJOR)})
    assert size_buffers(network, folding)["fc2_fifo"] == 0
    assert steady_frame_ii(build_dataflow(network, folding)) == 16
