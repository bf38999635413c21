"""The Vivado flow against a program that stands for Vivado. Oracle: what Vivado's documentation says of commands and
their arguments (UG835), and reports in the form that Vivado writes them.
"""  # noqa: D205

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from hw.fpga import vivado
from hw.fpga.programs import FpgaError
from tests.hw.fpga.conftest import small_chip

KNOWN = {  # command to the options that it may be given here
    "read_verilog": {"-sv"},
    "read_xdc": {"-mode"},
    "synth_design": {"-top", "-part", "-mode"},
    "opt_design": set(),
    "place_design": {"-directive"},
    "phys_opt_design": set(),
    "route_design": set(),
    "report_timing_summary": {"-file"},
    "report_timing": {"-max_paths", "-nworst", "-file"},
    "report_utilization": {"-file"},
    "write_checkpoint": {"-force"},
    "write_bitstream": {"-force"},
    "exit": set(),
}
TIMING = """
------------------------------------------------------------------------------------------------
| Design Timing Summary
| ---------------------
------------------------------------------------------------------------------------------------

    WNS(ns)      TNS(ns)  TNS Failing Endpoints  TNS Total Endpoints      WHS(ns)
    -------      -------  ---------------------  -------------------      -------
     {slack}        0.000                      0                 1234        0.051
"""
PATHS = """
Slack (MET) :             1.250ns  (required time - arrival time)
  Source:                 i_dataflow/i_fc1_matrix/i_accumulator/sum_q_reg[3]/C
  Destination:            i_dataflow/i_label/score_q_reg[9]/D
  Data Path Delay:        8.610ns  (logic 2.310ns (26.8%)  route 6.300ns (73.2%))
  Logic Levels:           7  (CARRY4=3 LUT6=4)
Slack (MET) :             2.000ns  (required time - arrival time)
  Source:                 i_shell/crc_q_reg[1]/C
  Destination:            i_shell/crc_q_reg[2]/D
  Data Path Delay:        7.100ns  (logic 2.000ns (28.2%)  route 5.100ns (71.8%))
  Logic Levels:           5  (LUT6=5)
"""
UTILIZATION = """
+----------------------------+------+-------+------------+-----------+-------+
|          Site Type         | Used | Fixed | Prohibited | Available | Util% |
+----------------------------+------+-------+------------+-----------+-------+
| Slice LUTs*                | 1801 |     0 |          0 |     20800 |  8.66 |
| Slice Registers            | 1222 |     0 |          0 |     41600 |  2.94 |
+----------------------------+------+-------+------------+-----------+-------+
+-------------------+------+-------+------------+-----------+-------+
|     Site Type     | Used | Fixed | Prohibited | Available | Util% |
+-------------------+------+-------+------------+-----------+-------+
| Block RAM Tile    |  1.5 |     0 |          0 |        50 |  3.00 |
|   RAMB36/FIFO*    |    1 |     0 |          0 |        50 |  2.00 |
|   RAMB18          |    1 |     0 |          0 |       100 |  1.00 |
+-------------------+------+-------+------------+-----------+-------+
"""
FAKE = """#!{python}
import pathlib, sys
assert sys.argv[1:] in (["-version"], ["-mode", "batch", "-nojournal", "-log", "vivado.log", "-source", "run.tcl"])
if sys.argv[1:] == ["-version"]:
    print("Vivado v2022.2 (64-bit)")
    raise SystemExit
ran = pathlib.Path({folder!r}, "runs")
ran.write_text(ran.read_text() + "." if ran.exists() else ".")
{behaviour}
for name, text in {reports!r}.items():
    pathlib.Path(name).write_text(text)
script = pathlib.Path("run.tcl").read_text()
for word in ("routed.dcp", "askew_chip.bit"):
    if word in script:
        pathlib.Path(word).write_bytes(b"made")
"""


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """Puts a program that acts as Vivado on the path."""

    def make(slack="1.250", behaviour=""):
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        reports = {"timing.rpt": TIMING.format(slack=slack), "paths.rpt": PATHS, "utilization.rpt": UTILIZATION}
        text = FAKE.format(python=sys.executable, folder=str(tmp_path), behaviour=behaviour, reports=reports)
        (folder / "vivado").write_text(text)
        (folder / "vivado").chmod(0o755)
        monkeypatch.setenv("PATH", str(folder), prepend=":")

    return make


@pytest.fixture
def arty(tmp_path):
    chip = small_chip(board="Arty-A7-35T", clock_mhz=100.0)
    chip.replace(tmp_path / "chip")
    return chip


def implement(chip, tmp_path, seeds=(1,)):
    return vivado.implement(chip, tmp_path / "chip", tmp_path / "work", seeds, lambda _: None)


def runs(tmp_path):
    return len((tmp_path / "runs").read_text())


def test_reports_are_read(arty, fake, tmp_path):
    fake()
    found = implement(arty, tmp_path)
    assert found.fmax_mhz == pytest.approx(1000 / (10 - 1.25))
    assert vivado.counts(found.used) == (1801, 1222, 3)
    assert found.used["Slice LUTs"].available == 20800
    worst = found.paths[0]
    assert (worst.delay_ns, worst.logic_ns, worst.levels) == (8.61, 2.31, 7)
    assert (worst.start_unit, worst.end_unit) == ("fc1_matrix", "label")
    assert found.paths[1].start_unit == "shell"
    assert (found.bitstream.name, found.note) == ("askew_chip.bit", "")
    assert found.tools == {"vivado": "Vivado v2022.2 (64-bit)"}


def test_the_script_has_only_commands_that_vivado_has(arty, fake, tmp_path):
    fake()
    implement(arty, tmp_path)
    (folder,) = (tmp_path / "work").glob("seed-1-*")
    script = (folder / "run.tcl").read_text()
    order = []
    for line in script.splitlines():
        command, *words = re.sub(r"\{[^}]*\}", "LIST", line).split()
        order.append(command)
        assert {word for word in words if word.startswith("-")} <= KNOWN[command], line
    steps = ["synth_design", "opt_design", "place_design", "route_design", "report_timing_summary", "write_bitstream"]
    assert [command for command in order if command in steps] == steps
    for name in re.search(r"\{(.*)\}", script)[1].split():
        assert Path(name).is_file()
    pins = (folder / "chip.xdc").read_text()
    assert "set_property PACKAGE_PIN A9 [get_ports {rx_i}]" in pins
    assert "create_clock -name clk_i -period 10.000" in pins


def test_what_is_done_is_not_done_again_and_a_missed_clock_is_a_result(arty, fake, tmp_path):
    fake(slack="-2.500")
    found = implement(arty, tmp_path, (1, 2))
    assert (found.fmax_mhz, found.bitstream, found.note) == (pytest.approx(80), None, "the clock is not met")
    assert runs(tmp_path) == 2
    implement(arty, tmp_path, (1, 2, 3))
    assert runs(tmp_path) == 3


def test_a_board_without_pins_is_built_out_of_context(fake, tmp_path):
    fake()
    chip = small_chip(board="Pynq-Z2", clock_mhz=100.0)
    chip.replace(tmp_path / "chip")
    found = implement(chip, tmp_path)
    (folder,) = (tmp_path / "work").glob("seed-1-*")
    assert "-mode out_of_context" in (folder / "run.tcl").read_text()
    assert (found.bitstream, found.note) == (None, "board Pynq-Z2 names no pins ([uart] in its file)")


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        (
            "print('ERROR: [Synth 8-439] no x'); raise SystemExit(1)",
            r"Vivado says: ERROR: \[Synth 8-439\]",
        ),
        (
            "print('ERROR: [Place 30-640] Place Check : over'); raise SystemExit(1)",
            r"does not fit on Arty-A7-35T: Vivado",
        ),
        (
            "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
            r"Vivado was killed, as when memory runs out; what is",
        ),
    ],
)
def test_a_failure_is_one_line_and_leaves_nothing(arty, fake, tmp_path, behaviour, message):
    fake(behaviour=behaviour)
    with pytest.raises(FpgaError, match=message):
        implement(arty, tmp_path)
    assert not list((tmp_path / "work").iterdir())
    fake()
    assert implement(arty, tmp_path).bitstream is not None


def test_a_report_without_a_clock_and_a_missing_vivado_are_said(arty, fake, tmp_path, monkeypatch):
    fake(slack="     NA")
    with pytest.raises(FpgaError, match=r"no worst slack in it, so the clock that was reached is not known"):
        implement(arty, tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FpgaError, match=r"flow vivado needs Vivado, which is missing: install it"):
        implement(arty, tmp_path)
