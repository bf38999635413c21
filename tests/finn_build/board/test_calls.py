"""The driver's time and the hardware's. Oracles: an accelerator of known times on its own clock; NumPy's polyfit."""

import numpy as np
import pytest

from finn_build.board import calls
from finn_build.board.calls import BATCHES, Calls, fit_line
from finn_build.board.validate import hardware_figures


def test_the_line_of_exact_times():
    line = fit_line({size: 250e-6 + size * 0.64e-6 for size in BATCHES})
    assert line.call_seconds == pytest.approx(250e-6)
    assert line.frame_seconds == pytest.approx(0.64e-6)
    assert line.residual == pytest.approx(0, abs=1e-9)


def test_the_line_of_noisy_times_is_polyfits(rng):
    sizes = np.array(BATCHES)
    times = (300e-6 + sizes * 2e-6) * (1 + rng.uniform(-0.05, 0.05, 4))
    line = fit_line(dict(zip(BATCHES, times.tolist(), strict=True)))
    slope, intercept = np.polyfit(sizes, times, 1, w=1 / times)
    assert (line.call_seconds, line.frame_seconds) == pytest.approx((intercept, slope))
    assert line.residual == pytest.approx((np.abs(intercept + slope * sizes - times) / times).max())
    assert 0 < line.residual < 0.1


@pytest.mark.parametrize(
    "seconds",
    [
        {1: 1e-3},
        {1: 1e-3, 10: 2e-3},  # two points always lie on a line
        {1: 3e-3, 10: 2e-3, 100: 1e-3},  # the more the faster
        {1: 1e-3, 10: 20e-3, 100: 300e-3},  # a call that costs less than nothing
    ],
)
def test_times_that_are_no_line(seconds):
    assert fit_line(seconds) is None


class Timed:
    """An accelerator that takes 250 us and 0.5 us a frame on the clock that it holds."""

    simulated = False

    def __init__(self):
        self.now, self.count, self.limits = 0.0, 0, []

    def load(self, images):
        self.now += 1.0  # copying is no part of a call
        self.count = len(images)

    def run(self, timeout_seconds):
        self.limits.append((self.count, timeout_seconds))
        self.now += 250e-6 + self.count * 0.5e-6

    def answers(self):
        return np.zeros((self.count, 1), np.int64)


@pytest.fixture
def timed(monkeypatch):
    accelerator = Timed()
    monkeypatch.setattr(calls.time, "perf_counter", lambda: accelerator.now)
    return accelerator


def test_the_times_of_batches_are_the_accelerators(timed):
    images = np.zeros((7, 4, 6, 1), np.uint8)  # fewer than a batch: they are repeated
    seconds = Calls(timed, images, 10.0).batch_seconds(images)
    assert seconds == pytest.approx({size: 250e-6 + size * 0.5e-6 for size in BATCHES})
    figures = hardware_figures(seconds, {"latency_cycles": 400, "origin": "FINN's RTL simulation"}, 100.0)
    assert figures["call_seconds"] == pytest.approx(250e-6)
    assert figures["hardware_frames_per_second"] == pytest.approx(2e6)
    assert figures["hardware_latency_seconds"] == pytest.approx(4e-6)
    assert figures["driver_seconds"] == pytest.approx(246.5e-6)


def test_batches_of_large_images_are_left_out(timed):
    images = np.zeros((2, 512, 256, 3), np.uint8)
    assert list(Calls(timed, images, 10.0).batch_seconds(images)) == [1, 10]


def test_the_limit_grows_with_the_frames(timed):
    images = np.zeros((1000, 2, 2, 1), np.uint8)
    Calls(timed, images, 3.0).answers(images)
    (one, first), (many, then) = timed.limits
    assert (one, first) == (1, 3.0)
    assert (many, then) == (1000, pytest.approx(3.0 + 2 * 1000 * 250.5e-6))


def test_what_cannot_be_told_apart_is_null():
    assert set(hardware_figures({1: 1e-3}, None, None).values()) == {None}
    refuted = hardware_figures({1: 1e-6}, {"latency_cycles": 400, "origin": "FINN's estimate"}, 100.0)
    assert set(refuted.values()) == {None}
