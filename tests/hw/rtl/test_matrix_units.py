"""mvau and mvau_int against a naive dot product: every output beat, in the cycle that the README's rules say."""

import itertools
from dataclasses import dataclass

import numpy as np
import pytest

SHARES = [(1, 1), (0.3, 1), (1, 0.3), (0.5, 0.5), (0.9, 0.9)]  # of cycles in which input, output are willing
CYCLES = 1200
ORDERS = ("OutputMajor", "InputMajor")  # by Case.order, and so on
ROMS = ("RomAny", "RomLut", "RomBlock")
POPCOUNTS = ("PopcountNaive", "PopcountCompressor", "PopcountPrimitives", "PopcountCarry")


@dataclass(frozen=True)
class Case:
    mw: int
    mh: int
    simd: int
    pe: int
    threshold: int = 1
    order: int = 0
    buffer_beats: int = 0
    stages: int = 0
    style: int = 1  # of the popcount
    rom_style: int = 0
    in_width: int = 0  # of mvau_int; 0: mvau
    signed: int = 0

    @property
    def steps(self):
        return self.mw // self.simd * (self.mh // self.pe)

    def element_range(self):
        if not self.in_width:
            return 0, 1
        if self.signed:
            return -(1 << self.in_width - 1), (1 << self.in_width - 1) - 1
        return 0, (1 << self.in_width) - 1


BINARY = [
    Case(24, 6, 8, 2),
    Case(24, 6, 8, 2, style=2, stages=1),
    Case(24, 6, 8, 2, style=0, stages=2, rom_style=1),
    Case(24, 6, 8, 2, order=1),
    Case(24, 6, 8, 2, order=1, stages=3, threshold=0, style=2),
    Case(24, 6, 8, 2, buffer_beats=3),
    Case(24, 6, 8, 2, buffer_beats=5, stages=1, threshold=0),
    Case(24, 6, 24, 2),  # one synapse fold
    Case(24, 6, 24, 2, order=1, stages=1),
    Case(24, 6, 3, 6),  # one neuron fold
    Case(24, 6, 3, 6, order=1, threshold=0, rom_style=2),
    Case(24, 6, 24, 6, style=1, stages=1),  # all at once: the weights are constants
    Case(24, 6, 24, 6, style=2, stages=2),
    Case(49, 3, 49, 3, style=2, threshold=0),
    Case(49, 6, 49, 3, style=3, threshold=0, stages=2),
    Case(144, 4, 72, 2, style=3, stages=8, order=1),
    Case(20, 7, 1, 1),
    Case(20, 7, 1, 1, order=1),
    Case(5, 1, 5, 1),
    Case(1, 2, 1, 1),
    Case(130, 4, 65, 2, style=2, stages=3),
    Case(130, 4, 65, 2, style=1, stages=2, order=1),
    Case(16, 32, 2, 16, buffer_beats=9, rom_style=2),
]
INTEGER = [
    Case(27, 8, 3, 4, in_width=8),
    Case(27, 8, 3, 4, in_width=8, stages=1, order=1),
    Case(27, 8, 27, 2, in_width=8, threshold=0),
    Case(27, 8, 9, 8, in_width=8, signed=1, stages=2),
    Case(12, 4, 2, 2, in_width=9, signed=1, buffer_beats=6),
    Case(12, 4, 3, 1, in_width=1, order=1, threshold=0),
    Case(12, 4, 1, 1, in_width=4, signed=1),
    Case(12, 4, 12, 4, in_width=5),
    Case(6, 3, 6, 3, in_width=1, signed=1),
]


@dataclass(frozen=True)
class Matrix:
    """A case's random numbers: weights, thresholds (some at both ends of their range) and what follows from them."""

    weights: np.ndarray
    start: np.ndarray  # minus threshold, or minus an offset
    accumulator_width: int

    @classmethod
    def random(cls, case, rng):
        weights = rng.integers(0, 2, (case.mh, case.mw))
        low, high = case.element_range()
        if case.in_width:
            plus = weights.sum(1)
            lowest = plus * low - (case.mw - plus) * high
            highest = plus * high - (case.mw - plus) * low
        else:
            lowest, highest = np.zeros(case.mh, int), np.full(case.mh, case.mw)
        thresholds = (lowest + highest) // 2 + rng.integers(-2, 3, case.mh)
        thresholds[0], thresholds[-1] = lowest[0], highest[-1] + 1
        reach = max(abs(int((lowest - thresholds).min())), int((highest - thresholds).max()) + 1)
        return cls(weights, -thresholds, reach.bit_length() + 1)


def _files(case, matrix, pack):
    """The texts of WEIGHT_FILE and START_FILE: words in the order of use."""
    synapse_fold, neuron_fold = case.mw // case.simd, case.mh // case.pe
    folds = list(itertools.product(range(neuron_fold), range(synapse_fold)))
    if case.order:
        folds.sort(key=lambda fold: fold[1])
    words = []
    for nf, sf in folds:
        block = matrix.weights[nf * case.pe : (nf + 1) * case.pe, sf * case.simd : (sf + 1) * case.simd]
        words.append(pack(block.reshape(-1), 1))
    start = matrix.start + (case.mw - matrix.weights.sum(1) if case.in_width else 0)
    starts = [pack(row, matrix.accumulator_width) for row in start.reshape(neuron_fold, case.pe)]
    return "".join(f"{word:x}\n" for word in words), "".join(f"{word:x}\n" for word in starts)


def _elements(case):
    width = case.in_width or 1
    low, _ = case.element_range()

    def elements(beat):
        raw = [beat >> (width * i) & ((1 << width) - 1) for i in range(case.simd)]
        return [value - (1 << width) if low < 0 and value >> (width - 1) else value for value in raw]

    return elements


@pytest.fixture(scope="module")
def setup(rtl, pack):
    """(cases, matrices, bench) of both modules in one build."""
    rng = np.random.default_rng(4)
    cases = BINARY + INTEGER

    def name(value):
        return rtl.Literal(f"askew_pkg::{value}")

    matrices = [Matrix.random(case, rng) for case in cases]
    units, files = [], {}
    for index, (case, matrix) in enumerate(zip(cases, matrices, strict=True)):
        weights, start = f"w{index}.hex", f"s{index}.hex"
        files[weights], files[start] = _files(case, matrix, pack)
        parameters = {
            "MW": case.mw, "MH": case.mh, "SIMD": case.simd, "PE": case.pe, "THRESHOLD": case.threshold,
            "ACC_W": matrix.accumulator_width, "ORDER": name(ORDERS[case.order]), "BUFFER_BEATS": case.buffer_beats,
            "ROM_STYLE": name(ROMS[case.rom_style]), "START_STYLE": name(ROMS[case.rom_style]),
            "POP_STAGES": case.stages, "WEIGHT_FILE": weights, "START_FILE": start,
        }  # fmt: skip
        if case.in_width:
            parameters |= {"IN_W": case.in_width, "IN_SIGNED": case.signed}
        else:
            parameters["POP_STYLE"] = name(POPCOUNTS[case.style])
        out_width = case.pe * (1 if case.threshold else matrix.accumulator_width)
        in_width = case.simd * (case.in_width or 1)
        units.append(rtl.Unit("mvau_int" if case.in_width else "mvau", in_width, out_width, parameters))
    return cases, matrices, rtl.bench(units, files)


def _model(models, case, matrix):
    return models.MatrixUnit(
        matrix.weights, matrix.start, case.simd, case.pe, not case.in_width, _elements(case), bool(case.threshold),
        matrix.accumulator_width, case.order, case.buffer_beats, case.stages,
    )  # fmt: skip


def _drive(rtl, rng, case, share):
    """Frames of one to three vectors; one vector in four is all lowest or all highest values."""
    beats_of_vector = case.mw // case.simd
    width = case.simd * (case.in_width or 1)
    beats, lasts = [], []
    while len(beats) < CYCLES:
        for vector in range(count := int(rng.integers(1, 4))):
            kind = int(rng.integers(0, 8))
            for beat in range(beats_of_vector):
                beats.append({0: 0, 1: (1 << width) - 1}.get(kind, int.from_bytes(rng.bytes(40)) % (1 << width)))
                lasts.append(vector == count - 1 and beat == beats_of_vector - 1)
    return rtl.Drive(beats, lasts, rtl.willing(rng, CYCLES, share[0]), rtl.willing(rng, CYCLES, share[1]))


@pytest.mark.parametrize("share", SHARES)
def test_every_beat_in_the_cycle_that_the_model_says(rtl, models, setup, share):
    cases, matrices, bench = setup
    rng = np.random.default_rng(list(map(ord, str(share))))
    drives = [_drive(rtl, rng, case, share) for case in cases]
    for case, matrix, drive, trace in zip(cases, matrices, drives, bench.run(drives), strict=True):
        assert trace == models.expect(_model(models, case, matrix), drive), case
        assert len(trace.beats) > 3, case


def test_no_bubble_between_folds_vectors_and_frames(rtl, setup):
    """With willing neighbours a vector takes synapse_fold * neuron_fold cycles, exactly, from the first to the last."""
    cases, _, bench = setup
    rng = np.random.default_rng(0)
    traces = bench.run([_drive(rtl, rng, case, (1, 1)) for case in cases])
    for case, trace in zip(cases, traces, strict=True):
        if case.buffer_beats == 0:
            neuron_fold = case.mh // case.pe
            finished = trace.emitted[neuron_fold - 1 :: neuron_fold]
            assert {b - a for a, b in itertools.pairwise(finished)} == {case.steps}, case


def test_the_output_only_appears_when_the_documented_latency_has_passed(rtl, setup):
    """The first result comes 2 + POP_STAGES cycles after its last beat, one more behind the replay buffer."""
    cases, _, bench = setup
    rng = np.random.default_rng(1)
    traces = bench.run([_drive(rtl, rng, case, (1, 1)) for case in cases])
    for case, trace in zip(cases, traces, strict=True):
        if case.mh == case.pe or (case.mw // case.simd > 1 and case.order == 0):
            last_beat = trace.accepted[case.mw // case.simd - 1]
            replays = case.mh > case.pe and case.mw > case.simd
            assert trace.emitted[0] == last_beat + 2 + case.stages + replays, case
