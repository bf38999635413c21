"""What is timed. Oracle: the order of calls, written down as they happen."""

import numpy as np

from bnn import Chain, DenseLayer, Encode
from flow.stages import simulation
from hw.simulator import Backend


def test_the_clock_starts_after_the_kernels_are_compiled(monkeypatch):
    events = []

    def simulate(network, images, **keywords):
        events.append(len(images))
        return np.zeros((len(images), 2), np.int32)

    def clock():
        events.append("clock")
        return 10.0 * events.count("clock")

    monkeypatch.setattr(simulation, "simulate", simulate)
    monkeypatch.setattr(simulation.time, "perf_counter", clock)
    layer = DenseLayer.from_bits("fc", np.zeros((2, 4)), None)
    network = Chain(Encode.threshold((2, 2, 1), 128), (layer,)).network()
    _, rate = simulation.timed_simulation(network, np.zeros((50, 2, 2, 1), np.uint8), Backend.NUMPY, 1)
    calls = [event for event in events if event != "clock"]
    assert calls == [1, 50]
    first, last = events.index(1), events.index(50)
    assert "clock" not in events[: first + 1]
    assert events[first + 1 : last] == events[last + 1 :] == ["clock"]
    assert rate == 50 / 10.0
