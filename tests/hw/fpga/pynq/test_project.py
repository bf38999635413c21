"""Vivado's scripts of an overlay, run in a Tcl interpreter.

Oracle: what Xilinx' guides say of commands, cells and their pins (tests/support/vivado_catalogue.py has which), and the
generated Verilog's own ports.
"""

import json
import re
from pathlib import Path

import pytest

from hw.boards.board import load_board
from hw.fpga.programs import FpgaError
from hw.fpga.pynq.project import OVERLAY, SCRIPTS, Overlay, Processor
from hw.generator.registers import REGISTERS
from tests.hw.fpga.conftest import small_chip
from tests.support.vivado_stub import Vivado

tkinter = pytest.importorskip("tkinter")

BOARDS = ("Pynq-Z1", "Pynq-Z2", "Ultra96-V2", "KV260", "ZCU104")


def written(folder, board="Pynq-Z2", clock_mhz=100.0):
    overlay = Overlay(small_chip().design, load_board(board), clock_mhz)
    overlay.write(folder)
    return overlay


@pytest.mark.parametrize("board", BOARDS)
def test_everything_is_connected_once_and_has_an_address(tmp_path, board):
    overlay = written(tmp_path / "project with a space", board)
    vivado = Vivado()
    vivado.source(tmp_path / "project with a space" / "build.tcl")
    assert vivado.validated
    kinds = {cell["vlnv"].rpartition(":")[2] for cell in vivado.cells.values()}
    assert {"axi_dma", "proc_sys_reset", "smartconnect"} < kinds
    assert vivado.shape("core").interfaces["s_axis"].width == overlay.stream_bits == 64  # 8 pixels of 8 bits a beat
    assert vivado.links["core/s_axis"] == "dma/M_AXIS_MM2S"
    assert vivado.links["core/m_axis"] == "dma/S_AXIS_S2MM"
    clocks = {driver for pin, driver in vivado.nets.items() if "clk" in pin.lower()}
    assert clocks == {"ps/FCLK_CLK0" if overlay.processor is Processor.ZYNQ else "ps/pl_clk0"}
    out = tmp_path / "project with a space" / "out"
    assert (out / f"{OVERLAY}.bit").read_bytes() == b"bits"
    assert (out / f"{OVERLAY}.hwh").exists()


def test_the_packaged_ip_has_the_registers_of_the_one_table_and_finds_its_memories(tmp_path):
    written(tmp_path / "project")
    Vivado().source(tmp_path / "project" / "build.tcl")
    ip = tmp_path / "project" / "ip"
    packaged = json.loads((ip / "component.json").read_text())
    found = {int(one["address_offset"], 0): one for one in packaged["registers"].values()}
    assert list(found) == [address for register in REGISTERS.values() for address in register.addresses]
    assert found[0x08]["access"] == "read-write"
    assert found[0x0C]["access"] == "write-only"
    assert found[0x00]["description"] == 'always 0x41534b57, "ASKW"'
    assert packaged["block"] == {"range": "4096", "width": "32", "usage": "register"}
    named = [name for file in ip.glob("src/*.sv") for name in re.findall(r'"([^"]*/mem/[^"]*\.hex)"', file.read_text())]
    assert len(named) >= 3
    assert all(Path(name).read_text() for name in named)


def test_a_board_that_vivado_has_gets_its_preset(tmp_path):
    written(tmp_path / "project")
    vivado = Vivado(boards=("tul.com.tw:pynq-z2:part0:1.0",))
    vivado.source(tmp_path / "project" / "build.tcl")
    assert vivado.project["board_part"] == "tul.com.tw:pynq-z2:part0:1.0"


@pytest.mark.parametrize("late", [{"setup": "-0.300"}, {"hold": "-0.010"}])
def test_a_clock_that_is_missed_gives_no_bitstream(tmp_path, late):
    written(tmp_path / "project")
    Vivado(**late).source(tmp_path / "project" / "build.tcl")
    assert not (tmp_path / "project" / "out" / f"{OVERLAY}.bit").exists()
    assert next(iter(late.values())) in (tmp_path / "project" / "out" / "result.txt").read_text()


def damages():
    """Every single line that could be lost from the block design's connections, and a few that are wrong."""
    text = (SCRIPTS / "block_design.tcl").read_text()
    lines = [line for line in text.splitlines() if line.startswith("join_interfaces")]
    yield from ((line + "\n", "") for line in lines)
    yield from ((f" {word} ", " ") for word in ("reset/slowest_sync_clk", "to_memory/aclk", "$dma_cell/axi_resetn"))
    yield "ps/M_AXI_GP0_ACLK ps/S_AXI_HP0_ACLK", "ps/M_AXI_GP0_ACLK"
    yield (
        "[get_bd_pins $reset] [get_bd_pins reset/ext_reset_in]",
        "[get_bd_pins $clock] [get_bd_pins reset/ext_reset_in]",
    )
    yield "c_s_axis_s2mm_tdata_width $label_bits", "c_s_axis_s2mm_tdata_width 16"
    yield "c_m_axis_mm2s_tdata_width $stream_bits", "c_m_axis_mm2s_tdata_width 32"
    yield "C_S_AXIS_TDATA_WIDTH $stream_bits", "C_S_AXIS_TDATA_WIDTH 32"
    yield "c_include_sg 0", "c_include_sg 2"
    yield "foreach space {Data_MM2S Data_S2MM}", "foreach space {Data_MM2S}"
    yield "-offset $core_base", "-offset $dma_base"
    yield "-type ip -vlnv xilinx.com:ip:axi_dma", "-kind ip -vlnv xilinx.com:ip:axi_dma"
    yield "xilinx.com:ip:proc_sys_reset", "xilinx.com:ip:proc_sys_resets"
    yield "connect_bd_net [get_bd_pins $reset]", "connect_bd_nets [get_bd_pins $reset]"


@pytest.mark.parametrize(("right", "wrong"), list(damages()))
def test_what_is_wrong_with_the_block_design_is_refused(tmp_path, right, wrong):
    """The stand-in is strict: whatever connection or argument is damaged, it says so."""
    written(tmp_path / "project")
    script = tmp_path / "project" / "block_design.tcl"
    text = script.read_text()
    assert text.count(right) == 1, right
    script.write_text(text.replace(right, wrong))
    vivado = Vivado()
    with pytest.raises(tkinter.TclError, match=r"^ERROR: \[|^invalid command name"):
        vivado.source(tmp_path / "project" / "build.tcl")
    assert not vivado.validated


@pytest.mark.parametrize("board", ["Arty-A7-35T", "ULX3S-85F", "generic"])
def test_a_board_without_a_processor_is_refused_by_name(tmp_path, board):
    with pytest.raises(FpgaError, match=rf"pynq bitstream: board {board}: its part .* has no processor of a Zynq"):
        written(tmp_path / "project", board)
    assert not list(tmp_path.iterdir())
