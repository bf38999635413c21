"""What the plots are drawn from. Oracles: SciPy's Wilson interval, NumPy's counts, spans written by hand."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import binomtest

from flow.report.against import side_by_side
from flow.report.comparison import compare
from flow.report.evidence import budget as evidence_budget
from flow.report.evidence import histogram, interval
from flow.report.gantt import first_and_last, spans
from flow.run.figures import ExportFigures, ReportFigures
from flow.run.figures.report_hardware import BusyLayer, Hardware, Span
from flow.run.figures.report_network import ReportedLayer, ReportedNetwork, Thresholds
from flow.run.folder import RunFolder


@pytest.mark.parametrize(("right", "frames"), [(20, 20), (0, 7), (9585, 10_000), (3, 4)])
def test_the_interval_is_wilsons(right, frames):
    expected = binomtest(right, frames).proportion_ci(0.95, method="wilson")
    assert interval(right / frames, frames) == pytest.approx([expected.low, expected.high], abs=1e-5)


@pytest.mark.parametrize("span", [1, 2, 31, 32, 33, 64, 65, 1000])
def test_a_histogram_counts_every_threshold_once(span):
    values = np.random.default_rng(span).integers(-5, span - 5, 200).astype(np.int32)
    found = histogram(values)
    edges, counts = found.edges, found.counts
    assert len(counts) <= 32
    assert len(set(np.diff(edges))) == 1
    pairs = pairwise(edges)
    assert counts == [int(((values >= low) & (values < high)).sum()) for low, high in pairs]
    assert sum(counts) == len(values)


def test_spans_of_work():
    edges, busy = [0, 4, 8, 12, 16, 20], [0, 4, 4, 1, 0]
    assert spans(edges, busy) == [(4, 12, 1.0), (12, 16, 0.25)]
    assert first_and_last(Span(edges=edges, layers={"fc1": BusyLayer(busy=busy)}), "fc1") == (4, 16)


def test_the_budget_is_of_the_board_that_was_folded_for():
    def budget(board, estimated):
        folding = {"layers": {}, "board": board} if board != "not folded" else None
        estimate = {"network_hash": "0", "board": estimated} if estimated else None
        found = evidence_budget(Hardware.model_validate({"folding": folding, "finn_estimate": estimate}))
        return found and found.to_json()

    pynq = {"board": "Pynq-Z1", "luts": 53200, "ffs": 106400, "bram18": 280, "input_bytes_per_second": None}
    assert budget("Pynq-Z1", "ULX3S-85F") == pynq
    assert budget(None, "Pynq-Z1") == pynq
    assert budget("a board file of my own", None) is None
    assert budget("not folded", None) is None


def test_what_was_measured_goes_before_what_was_estimated(exported_run):
    run = RunFolder.open(exported_run)
    folding = {"layers": {}, "clock_mhz": 50.0, "frame_ii_cycles": 64, "latency_cycles": 200, "luts": 5000, "bram18": 3}
    rtlsim = {"network_hash": "0", "frames": 1, "mismatches": 0, "frame_ii_cycles": 65, "latency_cycles": 199}
    resources = {"lut": 1, "bram18": 2}
    estimate = {"network_hash": "0", "frame_ii_cycles": 66, "latency_cycles": 300, "resources": resources}

    def column(**hardware):
        thresholds = Thresholds(min=1, median=2.5, max=4)
        report = ReportFigures.model_construct(
            run="r",
            network_hash="abc",
            golden=ExportFigures(network_hash="abc", accuracy=0.5, frames=4),
            network=ReportedNetwork(weight_bits=7, layers=[ReportedLayer(name="fc1", thresholds=thresholds)]),
            comparison=compare([], Hardware.model_validate(hardware)),
        )
        return side_by_side(run, report).to_json()

    found = column(folding=folding, rtlsim=rtlsim, finn_estimate=estimate)
    assert (found["frame_ii_cycles"], found["latency_cycles"], found["latency_us"]) == (65, 199, 3.98)
    assert (found["luts"], found["bram18"]) == (5000, 3)
    assert found["threshold_shift"] == [0.25, -0.25]
    assert found["thresholds"] == {"fc1": {"min": 1, "median": 2.5, "max": 4}}
    assert (found["clock_mhz"], found["clock_origin"]) == (50.0, "assumed")
    found = column(finn_estimate=estimate)
    assert (found["frame_ii_cycles"], found["luts"]) == (66, 1)
