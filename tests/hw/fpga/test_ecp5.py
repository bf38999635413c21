"""The ECP5 flow without running it: parts, pins, limits, reports. Oracles: nextpnr's options, ULX3S' published pins.

That it runs is `test_netlists.py`, which takes minutes.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess

import pytest

from hw.boards.board import load_board
from hw.fpga import ecp5
from hw.fpga.flows import find_flow
from hw.fpga.nextpnr import read_report
from hw.fpga.programs import NEXTPNR_ECP5, FpgaError, Tool
from hw.fpga.result import unit_of
from hw.fpga.steps import step, what_step_says
from hw.fpga.tools import run_step
from hw.fpga.yosys_nextpnr import check_fits
from hw.generator import Design
from hw.units import PopcountStyle
from tests.hw.fpga.conftest import small_chip


def of_part(part):
    return dataclasses.replace(load_board("ULX3S-85F"), part=part)


@pytest.mark.parametrize(
    ("part", "options"),
    [
        ("LFE5U-85F-6BG381C", ["--85k", "--package", "CABGA381", "--speed", "6"]),
        ("LFE5U-12F-8BG256C", ["--12k", "--package", "CABGA256", "--speed", "8"]),
        ("LFE5UM5G-45F-8BG554I", ["--um5g-45k", "--package", "CABGA554", "--speed", "8"]),
        ("LFE5U-25F-6MG285C", ["--25k", "--package", "CSFBGA285", "--speed", "6"]),
    ],
)
def test_a_part_is_what_nextpnr_calls_it(part, options):
    assert ecp5.device_options(of_part(part)) == options


def test_every_option_is_one_that_nextpnr_has():
    program = NEXTPNR_ECP5.path()
    if program is None:
        pytest.skip("needs nextpnr-ecp5")
    ran = subprocess.run([program, "--help"], capture_output=True, text=True, check=False)
    used = ["--85k", "--um5g-45k", "--package", "--speed", "--timing-allow-fail", "--lpf", "--textcfg"]
    for option in [*used, "--out-of-context", "--freq", "--json", "--seed", "--write", "--report", "--log", "--quiet"]:
        assert option in ran.stdout + ran.stderr, option


def test_popcounts_that_synthesis_gets_wrong_are_refused(tmp_path):
    chip = small_chip()
    design = Design.of(chip.design.network, chip.design.folding, popcount=PopcountStyle.CARRY)
    with pytest.raises(FpgaError, match=r"popcounts in carry chains count wrongly"):
        ecp5.implement(dataclasses.replace(chip, design=design), tmp_path, tmp_path, [1], print)


def test_what_is_no_part_and_no_flow_is_said():
    with pytest.raises(FpgaError, match=r"part 'LFE5U-85F' is no ECP5 by its full name, such as LFE5U-85F-6BG381C"):
        ecp5.device_options(of_part("LFE5U-85F"))
    with pytest.raises(FpgaError, match=r"board generic is of family generic, for which there is no flow"):
        find_flow(load_board("generic"), None)
    with pytest.raises(FpgaError, match=r"--flow quartus: unknown, must be one of ecp5, vivado, openxc7"):
        find_flow(load_board("ULX3S-85F"), "quartus")
    with pytest.raises(FpgaError, match=r"--flow ecp5 builds nothing for Pynq-Z2, which is of family xc7; use"):
        find_flow(load_board("Pynq-Z2"), "ecp5")
    assert find_flow(load_board("ULX3S-85F"), None).name == "ecp5"
    assert find_flow(load_board("ZCU104"), None).name == "vivado"


def test_pins_are_the_boards(chip):
    text = ecp5.constraints(chip)
    assert 'FREQUENCY PORT "clk_i" 25 MHZ;' in text
    for port, site in {"clk_i": "G2", "rx_i": "M1", "tx_o": "L4", "led_o[0]": "B2", "high_o[0]": "L2"}.items():
        assert f'LOCATE COMP "{port}" SITE "{site}";' in text


def test_what_is_too_large_is_refused_before_it_is_placed():
    board = load_board("ULX3S-85F")
    check_fits(board, ecp5.wanted(board, {"LUT4": 83_640, "TRELLIS_FF": 83_640, "DP16KD": 208}))
    with pytest.raises(FpgaError, match=r"does not fit on ULX3S-85F: Yosys counts 83,642 tables of 4 inputs, of which"):
        check_fits(board, ecp5.wanted(board, {"LUT4": 83_640, "CCU2C": 1}))
    with pytest.raises(FpgaError, match=r"Yosys counts 209 block RAMs of 18 kbit, of which it has 208; fold"):
        check_fits(board, ecp5.wanted(board, {"DP16KD": 200, "PDPW16KD": 9}))


def test_a_report_gives_clock_units_and_counts(tmp_path):
    def segment(kind, delay, start, end, net=None):
        found = {"type": kind, "delay": delay, "from": {"cell": start, "port": "Q"}, "to": {"cell": end, "port": "D"}}
        return found | ({"net": net} if net else {})

    path = [
        segment(
            "clk-to-q", 0.5, "i_dataflow.i_fc1_matrix.sum_TRELLIS_FF_Q", "i_dataflow.i_fc1_matrix.sum_TRELLIS_FF_Q"
        ),
        segment("routing", 1.5, "a", "$abc$77", "i_dataflow.i_fc1_matrix.sum[0]"),
        segment("logic", 0.25, "$abc$77", "$abc$77"),
        segment("routing", 0.75, "$abc$77", "$abc$78", "i_dataflow.i_label.better"),
        segment("setup", 0.125, "$abc$78", "$abc$78"),
    ]
    report = {
        "fmax": {"$glbnet$clk": {"achieved": 80.0, "constraint": 50.0}, "$glbnet$slow": {"achieved": 300.0}},
        "critical_paths": [
            {"from": "<async>", "to": "posedge $glbnet$clk", "path": path[:1]},
            {"from": "posedge $glbnet$clk", "to": "posedge $glbnet$clk", "path": path},
        ],
        "utilization": {
            "TRELLIS_COMB": {"used": 10, "available": 83640},
            "TRELLIS_FF": {"used": 7, "available": 83640},
        },
    }
    (tmp_path / "report.json").write_text(json.dumps(report))
    fmax, slowest, used = read_report(tmp_path / "report.json")
    assert (fmax, slowest.delay_ns, slowest.logic_ns, slowest.levels) == (80.0, 3.125, 0.875, 1)
    assert (slowest.start_unit, slowest.end_unit) == ("fc1_matrix", "label")
    assert ecp5.counts(used) == (10, 7, 0)
    (tmp_path / "report.json").write_text(json.dumps(report | {"fmax": {}}))
    with pytest.raises(FpgaError, match=r"nextpnr found no path between registers"):
        read_report(tmp_path / "report.json")
    assert [unit_of(name) for name in ("i_shell.crc_q", "i_dataflow.i_swu_1.x", "led_o[3]")] == [
        "shell",
        "swu_1",
        "chip",
    ]


def test_a_step_is_done_once_whole_or_not_at_all(tmp_path):
    made = []

    def make(folder):
        made.append(folder.name)
        (folder / "result").write_text("x")
        return {"seconds": len(made)}

    first = step(tmp_path, "one", ["a", "b"], make)
    assert step(tmp_path, "one", ["a", "b"], make) == first
    assert (len(made), what_step_says(first)["seconds"]) == (1, 1)
    other = step(tmp_path, "one", ["ab", ""], make)  # the same text, cut elsewhere
    assert (other != first, first.exists(), len(made)) == (True, False, 2)

    def fail(folder):
        (folder / "half").write_text("x")
        raise FpgaError("no")

    with pytest.raises(FpgaError):
        step(tmp_path, "two", [], fail)
    assert [entry.name for entry in tmp_path.iterdir()] == [other.name]


def test_a_tool_that_is_missing_fails_or_is_killed_is_said(tmp_path):
    missing = Tool("nextpnr-none", ("nextpnr-none",), ("--version",), "get it there")
    assert (missing.path(), missing.found()) == (None, None)
    with pytest.raises(FpgaError, match=r"flow ecp5 needs nextpnr-none, which is missing: get it there"):
        missing.require("ecp5")
    with pytest.raises(FpgaError, match=r"implement: it says: ERROR: no room"):
        run_step(["sh", "-c", "echo Info; echo 'ERROR: no room'; echo more; exit 1"], tmp_path, "it", "log", "ERROR")
    with pytest.raises(FpgaError, match=r"implement: it was killed, as when memory runs out; what is done is kept"):
        run_step(["sh", "-c", "kill -9 $$"], tmp_path, "it", "log")
    assert "Info" in (tmp_path / "log").read_text() or (tmp_path / "log").exists()
    with pytest.raises(FpgaError, match=r"it cannot be started: .*none: No such file"):
        run_step([str(tmp_path / "none")], tmp_path, "it", "log")


def test_a_chip_without_pins_has_no_clock_generator():
    chip = small_chip(board="Pynq-Z2", clock_mhz=100.0)
    assert (chip.pll, chip.clock_hz, chip.uart) == (None, 100_000_000, None)
    assert "rst_ni" in chip.sources()["askew_chip.sv"]
