"""Reading a FINN output folder. Oracles: the files as FINN's steps write them, summed by hand; FINN's timing parser."""

import hashlib
import json
import os

import pytest

from finn_build.errors import FinnError
from finn_build.package.package import read_manifest, write_package
from finn_build.package.settings import BuildSettings
from finn_build.results.reports import latency_of
from finn_build.results.results import bitfile_of, collect_results, verification

TIMING = """
------------------------------------------------------------------------------------------------
| Design Timing Summary
| ---------------------
------------------------------------------------------------------------------------------------

    WNS(ns)      TNS(ns)  TNS Failing Endpoints  TNS Total Endpoints      WHS(ns)
    -------      -------  ---------------------  -------------------      -------
     {slack}        0.000                      0                41235        0.021


All user specified timing constraints are met.
"""


@pytest.fixture
def network(networks):
    return networks("mlp")


@pytest.fixture
def folder(tmp_path, network, frames_of, unfolded, pynq_z2):
    settings = BuildSettings(pynq_z2, 100.0, unfolded(network))
    write_package(tmp_path / "build", network, frames_of(network), settings)
    for name in ("report", "verification_output", "bitfile"):
        (tmp_path / "build" / "output" / name).mkdir(parents=True)
    return tmp_path


def report(folder, name, contents):
    (folder / "build" / "output" / "report" / name).write_text(json.dumps(contents))


def estimates(folder):
    nodes = ["Thresholding_rtl_0", "MVAU_hls_0", "MVAU_hls_1", "MVAU_hls_2", "LabelSelect_hls_0"]
    report(folder, "estimate_layer_cycles.json", dict(zip(nodes, [24, 192, 96, 60, 5], strict=True)))
    resources = {node: {"BRAM_18K": 1, "LUT": 100 + index, "URAM": 0, "DSP": 0} for index, node in enumerate(nodes)}
    report(folder, "estimate_layer_resources.json", {**resources, "total": {"BRAM_18K": 5.0, "LUT": 510.0}})
    performance = {
        "critical_path_cycles": 377,
        "max_cycles": 192,
        "max_cycles_node_name": "MVAU_hls_0",
        "estimated_throughput_fps": 520833.3,
        "estimated_latency_ns": 3770.0,
    }
    report(folder, "estimate_network_performance.json", performance)


def test_nothing_built_yet(folder, network):
    results = collect_results(folder, network)
    assert set(results["missing"]) == {
        "estimate", "hls", "rtlsim", "out_of_context", "post_synthesis", "timing", "bitfile", "board"
    }  # fmt: skip
    assert results["missing"]["bitfile"] == f"askew bitstream --run {folder.parent} --board Pynq-Z2"
    assert results["missing"]["board"] == (
        "run `sudo XILINX_XRT=/usr /usr/local/share/pynq-venv/bin/python3 validate.py` on the board, in a copy of "
        f"{folder / 'deploy'}, and copy board.json back"
    )
    assert results["estimate"] is None
    assert json.loads((folder / "results.json").read_text()) == results


def test_estimates_in_our_layers(folder):
    estimates(folder)
    estimate = collect_results(folder)["estimate"]
    assert estimate["layers"]["fc2"]["cycles"] == 96
    assert estimate["layers"]["fc2"]["nodes"]["matrix"] == {
        "name": "MVAU_hls_1", "cycles": 96, "lut": 102, "bram18": 1, "uram": 0, "dsp": 0
    }  # fmt: skip
    assert estimate["slowest"] == "fc1"
    assert estimate["resources"] == {"lut": 510, "bram18": 5, "uram": 0, "dsp": 0}


def test_finished_build(folder, network):
    estimates(folder)
    stream = {"samples": 20, "intervals": [196], "latency_cycles": [411], "timeout": False, "throughput_fps": 510204.08}
    report(folder, "rtlsim_performance.json", [stream])
    placed = {"LUT": 400, "FF": 500, "BRAM_36K": 2, "BRAM_18K": 3, "DSP": 0, "SRL": 9}
    report(folder, "post_synth_resources.json", {"(top)": placed, "MVAU_hls_0": placed, "top_smartconnect_0_0": placed})
    out_of_context = {**placed, "WNS": "1.5", "fmax_mhz": 117.6, "estimated_throughput_fps": 612745.0}
    report(folder, "ooc_synth_and_timing.json", out_of_context)
    report(folder, "estimate_layer_resources_hls.json", {"MVAU_hls_1": {"LUT": 7, "FF": 8}, "total": {"LUT": 7.0}})
    output = folder / "build" / "output"
    (output / "report" / "post_route_timing.rpt").write_text(TIMING.format(slack="0.412"))
    (output / "bitfile" / "finn-accel.bit").write_bytes(b"bits")
    (folder / "deploy").mkdir()
    (folder / "deploy" / "board.json").write_text(json.dumps({"network_hash": network.hash, "simulated": False}))
    results = collect_results(folder, network)
    assert results["missing"] == {}
    assert results["rtlsim"] == {"frame_ii_cycles": 196, "latency_cycles": 411, "frames_per_second": 510204.08}
    figures = {"lut": 400, "bram18": 7, "uram": 0, "dsp": 0, "ff": 500}
    assert results["post_synthesis"] == {"resources": figures, "layers": {"fc1": figures}}
    assert results["out_of_context"]["slack_ns"] == 1.5
    assert results["out_of_context"]["fmax_mhz"] == 117.6
    assert results["hls"]["layers"]["fc2"]["lut"] == 7
    assert results["timing"] == {"slack_ns": 0.412, "met": True}
    assert results["bitfile"]["file"] == "finn-accel.bit"


@pytest.mark.parametrize("slack", ["0.412", "-1.208"])
def test_slack_as_finn_reads_it(folder, slack):
    from finn.util.vivado import _parse_vivado_timing_report

    file = folder / "build" / "output" / "report" / "post_route_timing.rpt"
    file.write_text(TIMING.format(slack=slack))
    timing = collect_results(folder)["timing"]
    assert timing["slack_ns"] == _parse_vivado_timing_report(file)["WNS"] == float(slack)
    assert timing["met"] is (float(slack) >= 0)


def test_simulation_report_of_the_original_finn(folder):
    contents = {"cycles": 900, "latency_cycles": 400, "fclk[mhz]": 100.0, "stable_throughput[images/s]": 500000.0}
    report(folder, "rtlsim_performance.json", contents)
    rtlsim = collect_results(folder)["rtlsim"]
    assert rtlsim == {"frame_ii_cycles": 200, "latency_cycles": 400, "frames_per_second": 500000.0}


def test_simulation_that_gave_nothing_is_missing(folder):
    report(folder, "rtlsim_performance.json", [])
    assert "rtlsim" in collect_results(folder)["missing"]


def test_half_finished_build_says_where_it_ended(folder):
    estimates(folder)
    log = "Running step: step_tidy_up [1/3]\nRunning step: step_hw_codegen [2/3]\nERROR: [HLS 200-70] no space\n"
    (folder / "build" / "build.log").write_text(log)
    results = collect_results(folder)
    assert results["steps"] == ["step_tidy_up", "step_hw_codegen"]
    assert results["last_error"] == "[HLS 200-70] no space"
    assert "estimate" not in results["missing"]
    assert "bitfile" in results["missing"]


def test_verification_counts_the_newest_file_of_a_frame(folder):
    files = folder / "build" / "output" / "verification_output"
    for age, name in enumerate(
        [
            "verify_folded_hls_cppsim_0_SUCCESS.npy",
            "verify_folded_hls_cppsim_1_SUCCESS.npy",
            "verify_folded_hls_cppsim_1_FAIL.npy",
            "verify_initial_python_0_FAIL.npy",
            "verify_initial_python_0_SUCCESS.npz",
            "verify_initial_python_0_SUCCESS_stats.txt",
        ]
    ):
        (files / name).touch()
        os.utime(files / name, (1000 + age, 1000 + age))
    assert verification(folder / "build" / "output") == {
        "folded_hls_cppsim": {"frames": 2, "failed": 1},
        "initial_python": {"frames": 1, "failed": 0},
    }


def test_empty_bitfile_is_none(folder):
    (folder / "build" / "output" / "bitfile" / "finn-accel.bit").touch()
    assert bitfile_of(folder / "build" / "output") is None


def test_simulated_board_does_not_count(folder, network):
    (folder / "deploy").mkdir()
    (folder / "deploy" / "board.json").write_text(json.dumps({"network_hash": network.hash, "simulated": True}))
    assert "board" in collect_results(folder)["missing"]


@pytest.mark.parametrize(
    ("measured_with", "counts"), [(hashlib.sha256(b"bits").hexdigest(), True), (None, True), ("0" * 64, False)]
)
def test_a_board_file_of_another_bitfile_does_not_count(folder, network, measured_with, counts):
    (folder / "build" / "output" / "bitfile" / "finn-accel.bit").write_bytes(b"bits")
    (folder / "deploy").mkdir()
    measured = {"network_hash": network.hash, "bitfile_sha256": measured_with, "hardware_frames_per_second": 2e6}
    (folder / "deploy" / "board.json").write_text(json.dumps(measured))
    results = collect_results(folder)
    assert results["board"] == (measured if counts else None)
    assert ("board" in results["missing"]) is not counts
    if not counts:
        assert results["missing"]["board"].startswith("what is there was measured with another bitfile; run `sudo ")


def test_latency_comes_from_the_simulation_else_from_the_estimate(folder):
    output, nodes = folder / "build" / "output", read_manifest(folder / "build")["nodes"]
    assert latency_of(output, nodes) is None
    estimates(folder)
    assert latency_of(output, nodes) == {"latency_cycles": 377, "origin": "FINN's estimate"}
    report(folder, "rtlsim_performance.json", [{"intervals": [196], "latency_cycles": [411], "throughput_fps": 5e5}])
    assert latency_of(output, nodes) == {"latency_cycles": 411, "origin": "FINN's RTL simulation"}


def test_refuses_another_network(folder, networks):
    with pytest.raises(FinnError, match="build is of network .* they cannot be compared; delete it or build again"):
        collect_results(folder, networks("cnn"))


def test_refuses_the_board_file_of_another_network(folder):
    (folder / "deploy").mkdir()
    (folder / "deploy" / "board.json").write_text(json.dumps({"network_hash": "0" * 64}))
    with pytest.raises(FinnError, match=r"board\.json is of network 000000000000"):
        collect_results(folder)


@pytest.mark.parametrize(
    ("name", "contents", "reason"),
    [
        ("rtlsim_performance.json", "{", r"rtlsim_performance\.json: cannot be read"),
        ("rtlsim_performance.json", "[{}]", r"rtlsim_performance\.json: not a simulation report of FINN"),
        ("post_route_timing.rpt", "", r"post_route_timing\.rpt: has no WNS"),
    ],
)
def test_damaged_reports(folder, name, contents, reason):
    (folder / "build" / "output" / "report" / name).write_text(contents)
    with pytest.raises(FinnError, match=reason):
        collect_results(folder)
