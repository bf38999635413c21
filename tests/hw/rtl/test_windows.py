"""swu and maxpool against windows cut from the stored image: every beat, in the cycle that the README's rules say."""

import itertools
from dataclasses import dataclass

import numpy as np
import pytest

SHARES = [(1, 1), (0.3, 1), (1, 0.3), (0.5, 0.5), (0.9, 0.9)]  # of cycles in which input, output are willing
CYCLES = 1800
NONE = (0, 0, 0, 0)


@dataclass(frozen=True)
class Case:
    module: str
    shape: tuple[int, int, int]
    simd: int
    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = NONE
    width: int = 1
    depth: int = 0

    @property
    def beats_of_frame(self):
        return self.shape[0] * self.shape[1] * self.shape[2] // self.simd


CASES = [
    Case("swu", (6, 6, 4), 2, (3, 3)),
    Case("swu", (5, 7, 3), 3, (3, 3), width=8),
    Case("swu", (5, 7, 3), 1, (2, 3), width=4),
    Case("swu", (7, 7, 2), 2, (3, 3), (2, 2)),
    Case("swu", (8, 6, 2), 1, (2, 2), (2, 2)),
    Case("swu", (9, 8, 1), 1, (2, 3), (4, 3)),  # rows and columns that are in no window, and trailing ones
    Case("swu", (5, 5, 4), 2, (3, 3), (1, 1), (1, 1, 1, 1)),
    Case("swu", (4, 5, 2), 2, (3, 3), (2, 1), (2, 1, 0, 2), width=3),
    Case("swu", (3, 3, 1), 1, (4, 4), (1, 1), (3, 3, 3, 3)),
    Case("swu", (6, 5, 1), 1, (5, 3), (3, 2), (4, 2, 3, 1), width=9),
    Case("swu", (3, 3, 8), 4, (3, 3)),  # one window
    Case("swu", (1, 1, 6), 3, (1, 1)),
    Case("swu", (1, 1, 2), 1, (3, 3), (1, 1), (1, 1, 1, 1)),
    Case("swu", (6, 6, 4), 2, (3, 3), depth=128),  # more than a frame
    Case("swu", (2, 9, 1), 1, (1, 3), (1, 2)),
    Case("maxpool", (4, 6, 4), 2, (2, 2), (2, 2)),
    Case("maxpool", (5, 5, 3), 3, (2, 2), (2, 2)),
    Case("maxpool", (7, 6, 2), 1, (3, 3), (2, 2)),
    Case("maxpool", (5, 6, 2), 2, (3, 3), (1, 1), (1, 1, 1, 1)),
    Case("maxpool", (5, 4, 2), 1, (3, 2), (2, 3), (2, 1, 1, 0)),
    Case("maxpool", (4, 5, 3), 1, (2, 2), (2, 2), (0, 0, 0, 1)),
    Case("maxpool", (6, 6, 1), 1, (1, 1), (3, 2)),
    Case("maxpool", (4, 4, 2), 2, (4, 4)),
    Case("maxpool", (4, 4, 2), 2, (4, 1), (1, 1), (3, 0, 3, 0)),
    Case("maxpool", (3, 4, 2), 2, (1, 3), (1, 1), (0, 2, 0, 2)),
]


def _pads(case):
    return np.random.default_rng(case.shape).integers(0, 1 << case.width, case.shape[2])


@pytest.fixture(scope="module")
def bench(rtl, pack):
    units = []
    for case in CASES:
        parameters = dict(zip("HWC", case.shape, strict=True)) | {"SIMD": case.simd}
        parameters |= dict(zip(("KH", "KW", "SY", "SX"), (*case.kernel, *case.stride), strict=True))
        parameters |= dict(zip(("PT", "PL", "PB", "PR"), case.padding, strict=True))
        if case.module == "swu":
            bits = case.shape[2] * case.width
            pad = f"{bits}'h{pack(_pads(case), case.width):x}" if case.padding != NONE else f"{bits}'h0"
            parameters |= {"EW": case.width, "DEPTH": case.depth, "PAD": rtl.Literal(pad)}
        units.append(rtl.Unit(case.module, case.simd * case.width, case.simd * case.width, parameters))
    return rtl.bench(units)


def _model(models, case, pack):
    window = models.Window(case.shape, case.simd, case.kernel, case.stride, case.padding)
    if case.module == "maxpool":
        return models.MaxPool(window)
    pads = [pack(part, case.width) for part in _pads(case).reshape(-1, case.simd)]
    rows = case.kernel[0] * case.shape[1] * case.shape[2] // case.simd
    return models.SlidingWindow(window, pads, case.depth or max(2, 1 << (rows - 1).bit_length()))


def _drive(rtl, rng, case, share):
    count = -(-CYCLES // case.beats_of_frame) * case.beats_of_frame
    beats = rng.integers(0, 1 << case.simd * case.width, count)
    if case.module == "maxpool":
        beats &= rng.integers(0, 1 << case.simd * case.width, count)  # mostly 0: an OR of many bits is soon 1
    lasts = np.arange(1, count + 1) % case.beats_of_frame == 0
    willing = [rtl.willing(rng, CYCLES, part) for part in share]
    return rtl.Drive(beats.tolist(), lasts.tolist(), *willing)


@pytest.mark.parametrize("share", SHARES)
def test_every_beat_in_the_cycle_that_the_model_says(rtl, models, pack, bench, share):
    rng = np.random.default_rng(list(map(ord, str(share))))
    drives = [_drive(rtl, rng, case, share) for case in CASES]
    for case, drive, trace in zip(CASES, drives, bench.run(drives), strict=True):
        assert trace == models.expect(_model(models, case, pack), drive), case
        assert sum(trace.lasts) >= (2 if share == (1, 1) else 0), case


def test_the_model_sends_the_windows_of_the_padded_image(rtl, models, pack):
    """The oracle's oracle: windows cut by NumPy from the padded image."""
    rng = np.random.default_rng(5)
    for case in CASES:
        drive = _drive(rtl, rng, case, (1, 1))
        trace = models.expect(_model(models, case, pack), drive)
        height, width, channels = case.shape
        words = channels // case.simd
        image = np.array(drive.beats[: case.beats_of_frame]).reshape(height, width, words)
        top, left, bottom, right = case.padding
        padded = np.zeros((height + top + bottom, width + left + right, words), int)
        if case.module == "swu":
            padded[:] = [pack(part, case.width) for part in _pads(case).reshape(-1, case.simd)]
        padded[top : top + height, left : left + width] = image
        views = np.lib.stride_tricks.sliding_window_view(padded, case.kernel, (0, 1))
        views = views[:: case.stride[0], :: case.stride[1]].transpose(0, 1, 3, 4, 2)  # (oy, ox, ky, kx, word)
        if case.module == "maxpool":
            views = np.bitwise_or.reduce(views, axis=(2, 3))
        assert trace.beats[: views.size] == views.reshape(-1).tolist(), case
        assert trace.lasts.index(True) == views.size - 1, case


def test_a_beat_a_cycle_once_primed(rtl, bench):
    """With willing neighbours there is no gap between beats, windows and rows after a frame's first window.

    And none between frames where the buffer holds what the next frame needs (DEPTH 128 here).
    """
    rng = np.random.default_rng(6)
    traces = bench.run([_drive(rtl, rng, case, (1, 1)) for case in CASES])
    for case, trace in zip(CASES, traces, strict=True):
        if case.module == "swu" and case.stride == (1, 1) and case.padding == NONE and case.shape[0] > 3:
            frames = [i + 1 for i, last in enumerate(trace.lasts) if last]
            for start, end in itertools.pairwise([0, *frames]):
                primed = start + case.kernel[0] * case.kernel[1] * case.shape[2] // case.simd - 1
                steps = {b - a for a, b in itertools.pairwise(trace.emitted[primed:end])}
                assert steps == {1}, case
            if case.depth == 128:
                assert {b - a for a, b in itertools.pairwise(trace.emitted[17:])} == {1}, case


def test_a_pool_without_padding_takes_a_beat_a_cycle(rtl, bench):
    rng = np.random.default_rng(7)
    traces = bench.run([_drive(rtl, rng, case, (1, 1)) for case in CASES])
    for case, trace in zip(CASES, traces, strict=True):
        if case.module == "maxpool" and case.padding == NONE:
            assert trace.accepted == list(range(CYCLES)), case
