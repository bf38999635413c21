"""stream_fifo and width_converter against their models: data, order and cycle of every beat."""

import itertools

import numpy as np
import pytest

SHARES = [(1, 1), (0.5, 1), (1, 0.5), (0.4, 0.4), (0.9, 0.9)]  # of cycles in which input, output are willing
CYCLES = 700
FIFOS = [1, 2, 3, 5, 8]
RATIOS = [(8, 8), (8, 16), (6, 18), (24, 8), (40, 5), (6, 4), (4, 6), (49, 16), (16, 49), (1, 7), (7, 1), (40, 96)]
RATIOS += [(5, 3)]


@pytest.fixture(scope="module")
def bench(rtl):
    units = [rtl.Unit("stream_fifo", 11, 11, {"WIDTH": 11, "DEPTH": depth}, ("level_o",)) for depth in FIFOS]
    units += [rtl.Unit("width_converter", a, b, {"IN_W": a, "OUT_W": b}) for a, b in RATIOS]
    return rtl.bench(units)


def _models(models):
    for depth in FIFOS:
        yield models.StreamFifo(depth)
    for pair in RATIOS:
        yield models.WidthConverter(*pair)


def _drive(rtl, rng, unit, share):
    """Frames of one to three times the least number of beats that is whole on both sides."""
    beats_of_frame = int(np.lcm(unit.in_width, unit.out_width)) // unit.in_width
    lasts = []
    while len(lasts) < CYCLES:
        lasts += [False] * (beats_of_frame * int(rng.integers(1, 4)) - 1) + [True]
    beats = [int.from_bytes(rng.bytes(16), "little") & ((1 << unit.in_width) - 1) for _ in lasts]
    return rtl.Drive(beats, lasts, rtl.willing(rng, CYCLES, share[0]), rtl.willing(rng, CYCLES, share[1]))


@pytest.mark.parametrize("share", SHARES)
def test_every_beat_in_the_cycle_that_the_model_says(rtl, models, bench, share):
    rng = np.random.default_rng(list(map(ord, str(share))))
    drives = [_drive(rtl, rng, unit, share) for unit in bench.units]
    for unit, model, drive, trace in zip(bench.units, _models(models), drives, bench.run(drives), strict=True):
        assert trace == models.expect(model, drive), unit
        assert len(trace.beats) > 10, unit


def test_a_willing_neighbour_never_waits(rtl, bench):
    """At full speed a converter's busier side moves in every cycle, and a FIFO passes a beat a cycle.

    Not one of depth 1.
    """
    rng = np.random.default_rng(0)
    drives = [_drive(rtl, rng, unit, (1, 1)) for unit in bench.units]
    for unit, trace in zip(bench.units, bench.run(drives), strict=True):
        busier = trace.accepted if unit.in_width <= unit.out_width else trace.emitted
        steps = {b - a for a, b in itertools.pairwise(busier[4:])}
        if unit.module != "stream_fifo" or unit.parameters["DEPTH"] > 1:
            assert steps == {1}, unit
