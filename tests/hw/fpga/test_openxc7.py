"""The openXC7 flow against programs that stand for its tools. Oracle: the options that the tools' READMEs give."""

from __future__ import annotations

import json
import sys

import pytest

from hw.fpga import openxc7, yosys_nextpnr
from hw.fpga.programs import FpgaError
from tests.hw.fpga.conftest import small_chip

REPORT = {
    "fmax": {"clk": {"achieved": 96.0, "constraint": 80.0}},
    "critical_paths": [],
    "utilization": {"SLICE_LUTX": {"used": 500, "available": 41600}, "SLICE_FFX": {"used": 400, "available": 41600}},
}
NEXTPNR = """
known = {"--chipdb", "--xdc", "--fasm", "--timing-allow-fail", "--json", "--seed", "--write", "--report", "--log",
         "--quiet", "--version"}
assert {word for word in sys.argv[1:] if word.startswith("--")} <= known
for option, text in (("--fasm", "fasm"), ("--write", "{}"), ("--report", REPORT)):
    if option in sys.argv:
        pathlib.Path(sys.argv[sys.argv.index(option) + 1]).write_text(text)
for option in ("--chipdb", "--xdc", "--json"):
    assert "--version" in sys.argv or pathlib.Path(sys.argv[sys.argv.index(option) + 1]).is_file(), option
print("nextpnr-xilinx -- Version 0.8.2")
"""
FASM2FRAMES = """
if "--help" not in sys.argv:
    assert sys.argv[1:5] == ["--part", "xc7a35tcsg324-1", "--db-root", str(DATABASE / "artix7")], sys.argv
    assert pathlib.Path(sys.argv[5]).read_text() == "fasm"
    pathlib.Path(sys.argv[6]).write_text("frames")
"""
FRAMES2BIT = """
if "--version" not in sys.argv:
    given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
    assert given["--part_file"] == str(DATABASE / "artix7" / "xc7a35tcsg324-1" / "part.yaml")
    assert given["--part_name"] == "xc7a35tcsg324-1"
    assert pathlib.Path(given["--frm_file"]).read_text() == "frames"
    pathlib.Path(given["--output_file"]).write_text("bits")
"""


@pytest.fixture
def arty(tmp_path):
    chip = small_chip(board="Arty-A7-35T", clock_mhz=80.0)
    chip.replace(tmp_path / "chip")
    return chip


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """The programs on the path, their databases, and a synthesis that was done before."""
    folder, databases = tmp_path / "bin", tmp_path / "db"
    folder.mkdir()
    (databases / "artix7").mkdir(parents=True)
    (databases / "xc7a35tcsg324.bin").write_text("database")
    head = f"#!{sys.executable}\nimport pathlib, sys\nREPORT = {json.dumps(REPORT)!r}\n"
    head += f"DATABASE = pathlib.Path({str(databases)!r})\n"
    for name, text in (("nextpnr-xilinx", NEXTPNR), ("fasm2frames", FASM2FRAMES), ("xc7frames2bit", FRAMES2BIT)):
        (folder / name).write_text(head + text)
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    monkeypatch.setenv("CHIPDB", str(databases))
    monkeypatch.setenv("PRJXRAY_DB_DIR", str(databases))
    netlist = tmp_path / "netlist.json"
    netlist.write_text("{}")
    done = yosys_nextpnr.Synthesis(netlist, 1.0, {"LUT6": 500, "FDRE": 400, "RAMB36E1": 1})
    monkeypatch.setattr(openxc7, "synthesize", lambda *_: done)
    return folder


def implement(chip, tmp_path):
    return openxc7.implement(chip, tmp_path / "chip", tmp_path / "work", (1,), lambda _: None)


def test_every_tool_gets_what_it_takes(arty, tools, tmp_path):
    found = implement(arty, tmp_path)
    assert (found.fmax_mhz, found.bitstream.read_text(), found.note) == (96.0, "bits", "")
    assert openxc7.counts(found.used) == (500, 400, 0)
    assert found.tools["nextpnr-xilinx"] == "nextpnr-xilinx -- Version 0.8.2"


def test_what_is_missing_is_said(arty, tools, tmp_path, monkeypatch):
    with pytest.raises(FpgaError, match=r"flow openxc7 places nothing without pins, and board Pynq-Z2 names none"):
        implement(small_chip(board="Pynq-Z2"), tmp_path)
    (tmp_path / "db" / "xc7a35tcsg324.bin").unlink()
    with pytest.raises(FpgaError, match=r"xc7a35tcsg324.bin is not there; make it with openXC7's bbaexport.py"):
        implement(arty, tmp_path)
    monkeypatch.delenv("CHIPDB")
    with pytest.raises(FpgaError, match=r"flow openxc7 needs CHIPDB, the folder of its database"):
        implement(arty, tmp_path)
    (tools / "fasm2frames").unlink()
    with pytest.raises(FpgaError, match=r"flow openxc7 needs fasm2frames, which is missing: install the openXC7"):
        implement(arty, tmp_path)
