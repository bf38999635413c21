"""The hardware comparison. Oracle: figures written by hand in the stages' own formats, and arithmetic."""

import json

import pytest

from flow.report import comparison as under_test
from flow.report.comparison import SOURCES
from flow.report.hardware import hardware_section
from flow.run.figures.report_hardware import BoardBudget, Hardware

HASH = {"network_hash": "0" * 64}
FOLDING = HASH | {
    "clock_mhz": 50.0,
    "frame_ii_cycles": 64,
    "latency_cycles": 200,
    "luts": 5000,
    "bram18": 3,
    "layers": {"fc1": {"pe": 16, "simd": 49, "cycles": 64, "luts": 4000, "bram18": 2}},
}
RTLSIM = HASH | {
    "frames": 70,
    "mismatches": 0,
    "frame_ii_cycles": 64,
    "latency_cycles": 199,
    "layers": {"fc1": {"predicted": {"busy": 61}, "measured": {"busy": 62}, "busy_share": 0.96875}},
}
ESTIMATE = HASH | {
    "clock_mhz": 100.0,
    "frames": 20,
    "mismatches": 1,
    "frame_ii_cycles": 65,
    "latency_cycles": 210,
    "resources": {"lut": 8502, "bram18": 26},
    "layers": {"fc1": {"cycles": 63, "lut": 7000, "bram18": 20}},
}
RESULTS = HASH | {
    "clock_mhz": 100.0,
    "rtlsim": {"frame_ii_cycles": 66, "latency_cycles": 300},
    "post_synthesis": {
        "resources": {"lut": 9000, "bram18": 30},
        "layers": {"fc1": {"lut": 6500, "bram18": 19}},
    },
    "board": {
        "clock_mhz": 99.9,
        "frames": 10000,
        "mismatches": 0,
        "latency_seconds": 0.002,
        "frames_per_second": {"1": 500.0, "1000": 120000.0},
    },
}
ALL = {"folding": FOLDING, "rtlsim": RTLSIM, "finn_estimate": ESTIMATE, "finn_results": RESULTS}


def compare(layers, hardware, frame_bytes=None):
    """Of the stages' figures as they stand in their files."""
    return under_test.compare(layers, Hardware.model_validate(hardware), frame_bytes)


def test_every_figure_comes_from_its_own_stage():
    layer = compare(["fc1"], ALL).layers["fc1"]
    assert layer.to_json() == {
        "pe": 16,
        "simd": 49,
        "finn_pe": None,
        "finn_simd": None,
        "cycles": {"folds": 64, "askew_model": 61, "askew_rtl": 62, "finn_estimate": 63},
        "busy_share": 0.96875,
        "luts": {"askew_model": 4000, "finn_estimate": 7000, "finn_synthesis": 6500},
        "bram18": {"askew_model": 2, "finn_estimate": 20, "finn_synthesis": 19},
    }


def test_times_are_cycles_at_the_clock():
    whole = {name: source.to_json() for name, source in compare(["fc1"], ALL).whole.items()}
    assert whole["askew_model"]["frames_per_second"] == pytest.approx(50e6 / 64)
    assert whole["askew_rtl"]["latency_us"] == pytest.approx(199 / 50)
    assert whole["finn_estimate"]["frames_per_second"] == pytest.approx(100e6 / 65)
    assert whole["finn_rtlsim"]["latency_us"] == pytest.approx(3.0)
    assert (whole["finn_synthesis"]["luts"], whole["finn_synthesis"]["bram18"]) == (9000, 30)
    assert whole["board"] | {"frame_ii_cycles": None} == {
        "frame_ii_cycles": None,
        "latency_cycles": None,
        "clock_mhz": 99.9,
        "clock_origin": "routed",
        "frames_per_second": 120000.0,
        "input_bytes_per_second": None,
        "latency_us": pytest.approx(2000),
        "luts": None,
        "bram18": None,
        "mismatches": 0,
        "frames": 10000,
    }


def test_the_boards_time_is_told_apart_from_the_drivers():
    times = {
        "call_seconds": 250e-6,
        "frame_seconds": 0.5e-6,
        "fit_residual": 0.012,
        "hardware_frames_per_second": 2e6,
        "hardware_latency_seconds": 4.11e-6,
        "driver_seconds": 246e-6,
    }
    results = RESULTS | {"board": RESULTS["board"] | times}
    comparison = compare(["fc1"], ALL | {"finn_results": results})
    board = comparison.whole["board"].to_json()
    assert board["latency_us"] == pytest.approx(2000)
    assert {key: board[key] for key in times if key != "frame_seconds"} == {
        key: value for key, value in times.items() if key != "frame_seconds"
    }
    text = hardware_section(comparison)
    assert "board: the hardware alone gives 2,000,000 frames/s; a Python call costs 250 us besides" in text
    assert "largest error 1.20%" in text
    assert "of the latency of one frame, 4.11 us are the hardware's" in text
    unknown = RESULTS | {"board": RESULTS["board"] | dict.fromkeys(times)}
    text = hardware_section(compare(["fc1"], ALL | {"finn_results": unknown}))
    assert "hardware alone" not in text
    assert "None" not in text


@pytest.mark.parametrize("absent", [*ALL, "all"])
def test_what_is_missing_is_a_dash(absent):
    hardware = {stage: None if absent in {stage, "all"} else figures for stage, figures in ALL.items()}
    comparison = compare(["fc1", "pool1"], hardware)
    assert json.loads(json.dumps(comparison.to_json())) == comparison.to_json()
    assert set(comparison.whole) == set(SOURCES)
    text = hardware_section(comparison)
    assert "None" not in text
    pool = next(line for line in text.splitlines() if line.startswith("| pool1"))
    assert set(pool.replace("pool1", "")) <= set("|- ")


def test_the_tables_show_it():
    text = hardware_section(compare(["fc1"], ALL))
    assert "| fc1 | 16 | 49 | 64 | 61 | 62 | 96.88% | 63 | 4,000 | 7,000 | 6,500 | 2 | 20 | 19 |" in text
    assert "| LUTs | 5,000 | - | 8,502 | - | 9,000 | - |" in text
    assert "FINN's estimate: 20 frames, 1 mismatches with golden." in text


def test_a_folding_of_finns_own_and_the_board_stand_beside_ours():
    layer = {"pe": 8, "simd": 98, "cycles": 63, "lut": 7000, "bram18": 20}
    budget = BoardBudget(board="Pynq-Z2", luts=53200, ffs=106400, bram18=280)
    comparison = compare(["fc1"], ALL | {"finn_estimate": ESTIMATE | {"layers": {"fc1": layer}}})
    text = hardware_section(comparison, budget)
    assert "| busy | FINN | FINN: PE | FINN: SIMD | LUTs: ours |" in text
    assert "| 96.88% | 63 | 8 | 98 | 4,000 |" in text
    assert "| board | Pynq-Z2 has |" in text
    assert "| LUTs | 5,000 | - | 8,502 | - | 9,000 | - | 53,200 |" in text
    assert "| BRAM18 | 3 | - | 26 | - | 30 | - | 280 |" in text
    same = {"fc1": layer | {"pe": 16, "simd": 49}}
    comparison = compare(["fc1"], ALL | {"finn_estimate": ESTIMATE | {"layers": same}})
    assert "FINN: PE" not in hardware_section(comparison)


def test_the_types_of_finns_integers():
    types = {"accumulator": {"low": -4590, "high": 4845, "type": "INT14"}, "threshold": {"type": "INT15"}}
    last = {"accumulator": {"low": 0, "high": 64, "type": "UINT7"}, "threshold": None}
    layers = {"fc1": ESTIMATE["layers"]["fc1"] | types, "fc2": ESTIMATE["layers"]["fc1"] | last}
    comparison = compare(["fc1", "pool1", "fc2"], {"finn_estimate": ESTIMATE | {"layers": layers}})
    text = hardware_section(comparison)
    assert "| fc1 | -4,590..4,845 | INT14 | INT15 |" in text
    assert "| fc2 | 0..64 | UINT7 | - |" in text
    assert "pool1" not in comparison.types
    assert "type of the thresholds" not in hardware_section(compare(["fc1"], ALL))


@pytest.mark.parametrize("stall", [0.0, 0.25])
def test_a_stalled_simulation_is_never_the_designs_speed(stall):
    comparison = compare(["fc1"], ALL | {"rtlsim": RTLSIM | {"stall": stall}})
    text, rtl = hardware_section(comparison), comparison.whole["askew_rtl"].to_json()
    assert rtl["mismatches"] == 0, "what stalls are for: the answers"
    assert rtl["stall"] == stall
    shown = [rtl[key] for key in ("frame_ii_cycles", "latency_cycles", "clock_mhz", "frames_per_second", "latency_us")]
    if stall:
        assert shown == [None] * 5
        assert under_test.stated(comparison) is comparison.whole["askew_model"]
        assert (comparison.layers["fc1"].busy_share, comparison.layers["fc1"].cycles.askew_rtl) == (None, None)
        assert "| fc1 | 16 | 49 | 64 | 61 | - | - | 63 |" in text
        assert "mismatches with golden. It was stalled on purpose (25.00% of the cycles at either end)" in text
    else:
        assert shown == [64, 199, 50.0, 50e6 / 64, 199 / 50]
        assert under_test.stated(comparison) is comparison.whole["askew_rtl"]
        assert "stalled on purpose" not in text


def test_no_rate_without_its_clocks_origin():
    """Only what came out of a router, with its timing met, or runs on the board, has a routed clock."""
    for timing, origin in (
        (None, "assumed"),
        ({"slack_ns": -0.1, "met": False}, "assumed"),
        ({"slack_ns": 0.2, "met": True}, "routed"),
    ):
        whole = compare(["fc1"], ALL | {"finn_results": RESULTS | {"timing": timing}}).whole
        origins = {name: source.clock_origin for name, source in whole.items() if source.frames_per_second}
        ours = dict.fromkeys(("askew_model", "askew_rtl", "finn_estimate"), "assumed")
        assert origins == ours | {"finn_rtlsim": origin, "board": "routed"}
    assert "| clock's origin | assumed | assumed | assumed | routed | - | routed |" in hardware_section(
        compare(["fc1"], ALL | {"finn_results": RESULTS | {"timing": {"slack_ns": 0.2, "met": True}}})
    )


def test_what_a_rate_takes_in_stands_beside_what_the_memory_gives():
    """By hand: 50 MHz / 64 cycles x 784 bytes are 612.5 MB/s; of 306.25 MB/s come half of the 781,250 frames/s."""
    comparison = compare(["fc1"], ALL, 784)
    budget = BoardBudget(board="B", luts=1, ffs=1, bram18=1, input_bytes_per_second=306.25e6)
    text = hardware_section(comparison, budget)
    assert "| pixels taken in at that rate, MB/s | 612.5 | 612.5 | " in text
    assert text.splitlines()[-1] == (
        "Input at 781,250 frames/s: 612.5 MB/s of pixels; B's memory gives 306.25 MB/s at most, and so feeds no more "
        "than 390,625 frames/s."
    )
    ample = budget.model_copy(update={"input_bytes_per_second": 800e6})
    assert hardware_section(comparison, ample).endswith("612.5 MB/s of pixels; B's memory gives 800 MB/s at most.\n")
    assert hardware_section(comparison).endswith("; what the board's memory gives is not known.\n")


ROUTED = {
    "network_hash": "0" * 64,
    "askew_version": "0",
    "flow": "ecp5",
    "board": "ULX3S-85F",
    "part": "LFE5U-85F-6BG381C",
    "clock_mhz": 50,
    "fmax_mhz": 40.8,
    "met": False,
    "clock_origin": "routed",
    "frame_ii_cycles": 64,
    "latency_cycles": 191,
    "frames_per_second": 637_500,
    "luts": 9623,
    "ffs": 2236,
    "bram18": 0,
    "utilization": {},
    "paths": [],
    "seeds": [],
    "best_seed": 1,
    "seconds": {},
    "tools": {},
    "files": {},
}


def test_a_routed_clock_that_missed_is_the_one_that_rates_are_stated_at():
    comparison = compare(["fc1"], ALL | {"implementation": ROUTED})
    source = under_test.stated(comparison)
    assert source is comparison.whole["askew_routed"]
    assert (source.clock_mhz, source.clock_origin, source.luts) == (40.8, "routed", 9623)
    assert source.frames_per_second == pytest.approx(40.8e6 / 64)


OVERLAY = {
    "overlay": {
        **{key: ROUTED[key] for key in ("network_hash", "askew_version", "clock_origin", "tools", "utilization")},
        **{"board": "Pynq-Z2", "part": "xc7z020clg400-1", "clock_mhz": 100, "fmax_mhz": 101.1, "slack_ns": 0.113},
        **{"met": True, "frame_ii_cycles": 64, "latency_cycles": 191, "frames_per_second": 1_562_500},
        **{"luts": 4801, "ffs": 6222, "bram18": 6, "seconds": 600, "bitfile": "pynq/askew_overlay.bit"},
    },
    "overlay_results": {
        "network_hash": "0" * 64,
        "board": {"frames": 1000, "mismatches": 0, "clock_mhz": 100.0, "frames_per_second": {"1": 900.0, "1000": 9e5}},
    },
}


def test_an_overlay_and_its_board_have_columns_of_their_own():
    whole = compare(["fc1"], ALL | OVERLAY).whole
    assert (whole["askew_overlay"].clock_origin, whole["askew_overlay"].luts) == ("routed", 4801)
    assert whole["askew_overlay"].latency_us == pytest.approx(1.91)
    assert (whole["askew_board"].frames_per_second, whole["askew_board"].frames) == (9e5, 1000)
    assert whole["board"] == compare(["fc1"], ALL).whole["board"]


def test_every_column_says_where_its_figures_come_from():
    text = hardware_section(compare(["fc1"], ALL | {"implementation": ROUTED} | OVERLAY))
    for title in SOURCES.values():
        assert f"\n- {title}: " in text
    assert "\n- board: " not in hardware_section(compare(["fc1"], ALL | {"finn_results": None}))
