"""input_quantizer, score_map and label_select against table look-ups and Python's max."""

import itertools

import numpy as np
import pytest

SHARES = [(1, 1), (0.5, 1), (1, 0.5), (0.5, 0.5)]  # of cycles in which input, output are willing
CYCLES = 500
KIND = "askew_pkg::Quantizer"
TABLE = np.random.default_rng(8).integers(-256, 256, 256)
SCORE_TABLE = np.random.default_rng(9).integers(-2000, 2000, (6, 21))  # (neuron, accumulator)
LABELS = [  # classes, PE, registers on their way
    *((10, 1, 0), (10, 5, 0), (10, 10, 0), (7, 7, 0), (1, 1, 0), (12, 3, 0)),
    *((10, 5, 2), (10, 10, 1), (10, 10, 3), (7, 7, 2), (12, 3, 1), (12, 3, 2), (9, 1, 0), (24, 8, 3)),
]


def _unpack(beat, width, count, signed=False):
    values = [beat >> (width * i) & ((1 << width) - 1) for i in range(count)]
    return [value - (1 << width) if signed and value >> (width - 1) else value for value in values]


@pytest.fixture(scope="module")
def registers(pack):
    """(module, parameters, input width, output width, function of a beat) of the units that are one register."""
    by_table = {"N": 3, "OUT_W": 9, "KIND": KIND + "Table", "TABLE": f"{256 * 9}'h{pack(TABLE, 9):x}"}

    def quantizer(function, width):
        return lambda beat: pack([function(pixel) for pixel in _unpack(beat, 8, 3)], width)

    return [
        ("input_quantizer", {"N": 3, "PIXEL": 100}, 24, 3, quantizer(lambda p: int(p >= 100), 1)),
        ("input_quantizer", {"N": 3, "PIXEL": 0}, 24, 3, quantizer(lambda p: 1, 1)),
        ("input_quantizer", {"N": 3, "PIXEL": 256}, 24, 3, quantizer(lambda p: 0, 1)),
        ("input_quantizer", by_table, 24, 27, quantizer(lambda p: TABLE[p], 9)),
        ("input_quantizer", {"N": 3, "OUT_W": 8, "KIND": KIND + "Pixel"}, 24, 24, quantizer(lambda p: p, 8)),
    ]


@pytest.fixture(scope="module")
def bench(rtl, pack, registers):
    units = []
    for module, parameters, in_width, out_width, _ in registers:
        values = {k: rtl.Literal(v) if isinstance(v, str) else v for k, v in parameters.items()}
        units.append(rtl.Unit(module, in_width, out_width, values))
    for classes, pe, stages in LABELS:
        parameters = {"CLASSES": classes, "PE": pe, "SCORE_W": 6, "LABEL_W": 8, "STAGES": stages}
        units.append(rtl.Unit("label_select", 6 * pe, 8, parameters, ("score_o",)))
    rows = SCORE_TABLE.reshape(3, 2, 21).transpose(0, 2, 1).reshape(-1, 2)  # word fold * 21 + accumulator
    parameters = {
        "PE": 2, "NEURON_FOLD": 3, "ACC_W": 7, "SCORE_W": 12, "ENTRIES": 21, "TABLE_FILE": "table.hex",
    }  # fmt: skip
    units.append(rtl.Unit("score_map", 14, 24, parameters))
    return rtl.bench(units, {"table.hex": "".join(f"{pack(row, 12):x}\n" for row in rows)})


def _run(rtl, bench, rng, share):
    drives = []
    for unit in bench.units:
        if unit.module == "score_map":
            beats = [int(a) | int(b) << 7 for a, b in rng.integers(0, 21, (CYCLES, 2))]
        else:
            beats = [int.from_bytes(rng.bytes(16)) % (1 << unit.in_width) for _ in range(CYCLES)]
        period = unit.parameters["CLASSES"] // unit.parameters["PE"] if unit.module == "label_select" else 3
        lasts = [i % period == period - 1 for i in range(CYCLES)]
        drives.append(rtl.Drive(beats, lasts, *(rtl.willing(rng, CYCLES, part) for part in share)))
    return drives, bench.run(drives)


@pytest.mark.parametrize("share", SHARES)
def test_every_beat_in_the_cycle_that_the_model_says(rtl, models, registers, bench, share):
    rng = np.random.default_rng(list(map(ord, str(share))))
    drives, traces = _run(rtl, bench, rng, share)
    reference = [models.OneRegister(function) for *_, function in registers]
    reference += [
        models.LabelSelect(classes, lambda beat, pe=pe: _unpack(beat, 6, pe, signed=True), stages)
        for classes, pe, stages in LABELS
    ]
    for unit, model, drive, trace in zip(bench.units, reference, drives, traces, strict=False):
        assert trace == models.expect(model, drive), unit
        assert len(trace.beats) > 10, unit


@pytest.mark.parametrize("share", SHARES)
def test_a_score_table_is_read_by_neuron_and_accumulator(rtl, models, bench, pack, share):
    """Every beat, in the cycle that the model says."""
    rows = itertools.cycle(SCORE_TABLE.reshape(3, 2, 21))  # a fold's two neurons, beat after beat

    def scores(beat):
        return pack([row[a] for row, a in zip(next(rows), _unpack(beat, 7, 2), strict=True)], 12)

    drives, traces = _run(rtl, bench, np.random.default_rng(3), share)
    assert traces[-1] == models.expect(models.OneRegister(scores), drives[-1])
    assert len(traces[-1].beats) > 100
