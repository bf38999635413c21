"""`askew implement`, the rungs of a chip and `askew board run`, with a flow that places nothing.

Oracles: the run's golden frames; the files on disk; the chip itself in Verilator behind a pseudo-terminal. The flows
themselves are in tests/hw/fpga.
"""

from __future__ import annotations

import json
import os
import pty
import select
import threading

import pytest

from flow.cli.main import run as askew
from hw.fpga import flows
from hw.fpga.programs import FpgaError
from hw.fpga.result import Implementation, Seed, TimedPath, Used
from hw.fpga.simulated import SimulatedLine, chip_executable
from hw.rtlsim import Effort


@pytest.fixture
def flow(monkeypatch):
    """A flow whose answer the test chooses."""

    class Fake:
        fmax_mhz = 61.5
        fails = ""

        def __call__(self, chip, source, work, seeds, say):
            if self.fails:
                raise FpgaError(self.fails)
            work.mkdir(exist_ok=True)
            (work / "made.bit").write_text(f"bits at {self.fmax_mhz}")
            met = self.fmax_mhz >= chip.asked_mhz
            path = TimedPath(1000 / self.fmax_mhz, 5.0, 7, "a", "b", "fc1_matrix", "label")
            return Implementation(
                self.fmax_mhz,
                (path,),
                {"TRELLIS_COMB": Used(2000, 83640), "TRELLIS_FF": Used(900, 83640), "MULT": Used(0, 156)},
                tuple(Seed(seed, self.fmax_mhz - seed, 2.0) for seed in seeds),
                1,
                {"synthesis": 1.5, "place_and_route": 2.0},
                {"yosys": "0.70"},
                bitstream=work / "made.bit" if met else None,
                note="" if met else "the clock is not met",
            )

    fake = Fake()
    counts = next(flow for flow in flows.FLOWS if flow.name == "ecp5").counts
    ecp5 = flows.Flow("ecp5", ("ecp5",), fake, counts)
    monkeypatch.setattr(flows, "FLOWS", (ecp5, *flows.FLOWS[1:]))
    return fake


def test_a_clock_that_is_met_gives_a_bitstream_and_one_that_is_missed_none(folded_run, flow, capsys):
    run, fpga = str(folded_run), folded_run / "fpga"
    assert askew(["implement", "--run", run, "--board", "ulx3s_85f", "--seeds", "2"]) == 0
    said = capsys.readouterr().out
    assert "implement: ULX3S-85F, 61.5 MHz by the router, 50 MHz asked: met" in said
    assert f"openFPGALoader --board=ulx3s {fpga / 'askew_chip.bit'}" in said
    figures = json.loads((fpga / "implement.json").read_text())
    assert (figures["met"], figures["clock_origin"], figures["clock_mhz"]) == (True, "routed", 50)
    assert figures["frames_per_second"] == pytest.approx(50e6 / figures["frame_ii_cycles"])
    assert (figures["luts"], figures["ffs"], figures["baud"]) == (2000, 900, 3_000_000)
    assert figures["utilization"] == {
        "TRELLIS_COMB": {"used": 2000, "available": 83640},
        "TRELLIS_FF": {"used": 900, "available": 83640},
    }
    assert [seed["seed"] for seed in figures["seeds"]] == [1, 2]
    assert (fpga / "askew_chip.bit").read_text() == "bits at 61.5"
    chip = json.loads((fpga / "chip" / "chip.json").read_text())
    assert chip["network_hash"] == figures["network_hash"]

    assert askew(["report", "--run", run]) == 0
    report = json.loads((folded_run / "report.json").read_text())
    routed = report["comparison"]["whole"]["askew_routed"]
    assert (routed["clock_mhz"], routed["clock_origin"], routed["luts"]) == (50, "routed", 2000)
    assert report["clock"] == {"mhz": 50, "origin": "routed"}
    assert "61.5 MHz, 50 MHz asked, met" in (folded_run / "report.md").read_text()
    assert "from unit" in (folded_run / "report.html").read_text()

    flow.fmax_mhz = 43.21
    capsys.readouterr()
    assert askew(["implement", "--run", run]) == 0
    said = capsys.readouterr().out
    assert "43.2 MHz by the router, 50 MHz asked: MISSED" in said
    assert f"`askew implement --run {run} --clock-mhz 43` builds one" in said
    figures = json.loads((fpga / "implement.json").read_text())
    assert (figures["met"], figures["bitstream"], figures["note"]) == (False, None, "the clock is not met")
    assert figures["frames_per_second"] == pytest.approx(43.21e6 / figures["frame_ii_cycles"])
    assert not (fpga / "askew_chip.bit").exists()


def test_another_board_folds_anew_and_a_folding_for_another_is_not_placed(folded_run, flow, capsys):
    run = str(folded_run)
    assert json.loads((folded_run / "folding.json").read_text())["board"] is None
    assert askew(["implement", "--run", run]) == 0  # a folding of no board: for the board that needs no licence
    assert json.loads((folded_run / "fpga" / "implement.json").read_text())["board"] == "ULX3S-85F"
    assert askew(["implement", "--run", run, "--board", "ULX3S-85F"]) == 0
    assert json.loads((folded_run / "folding.json").read_text())["board"] == "ULX3S-85F"
    assert askew(["fold", "--run", run, "--board", "Pynq-Z2"]) == 0
    capsys.readouterr()
    assert askew(["implement", "--run", run]) == 2
    said = capsys.readouterr().err
    assert "implement: the folding is for Pynq-Z2, not for ULX3S-85F; run `askew implement --run" in said
    assert askew(["implement", "--run", run, "--board", "generic"]) == 2
    assert "board generic is of family generic, for which there is no flow" in capsys.readouterr().err
    assert json.loads((folded_run / "folding.json").read_text())["board"] == "Pynq-Z2"  # not folded for it first


def test_what_fails_leaves_the_old_result_and_its_rungs_say_what_there_is(folded_run, flow, capsys):
    run = str(folded_run)
    assert askew(["implement", "--run", run, "--board", "ULX3S-85F"]) == 0
    before = (folded_run / "fpga" / "implement.json").read_bytes()
    flow.fails = "implement: nextpnr was killed, as when memory runs out"
    capsys.readouterr()
    assert askew(["implement", "--run", run]) == 2
    assert "nextpnr was killed" in capsys.readouterr().err
    assert (folded_run / "fpga" / "implement.json").read_bytes() == before
    assert askew(["ladder", "--run", run, "--rungs", "routed"]) == 2
    assert "fpga/routed.json is not there yet" in capsys.readouterr().err


def serve(terminal, line, ends):
    """Carry bytes between a terminal and a simulated chip until the test ends."""
    while not ends.is_set():
        ready, _, _ = select.select([terminal], [], [], 0.05)
        if ready:
            line.write(os.read(terminal, 4096))
        if answer := line.read(4096):
            os.write(terminal, answer)


@pytest.fixture
def terminal(folded_run, flow, build_folder, monkeypatch):
    """A serial port behind which is the run's own chip, before synthesis."""
    assert askew(["implement", "--run", str(folded_run), "--board", "ULX3S-85F", "--clock-mhz", "30"]) == 0
    source = folded_run / "fpga" / "chip"
    executable = chip_executable(source, build_folder, effort=Effort.FAST_BUILD)
    monkeypatch.setattr("hw.uart.client.MOST_REPEATS", 24)
    ours, theirs = pty.openpty()
    ends = threading.Event()
    with SimulatedLine.of(executable, source) as line:
        thread = threading.Thread(target=serve, args=(ours, line, ends))
        thread.start()
        yield os.ttyname(theirs)
        ends.set()
        thread.join()
    os.close(ours)
    os.close(theirs)


@pytest.fixture
def build_folder(tmp_path_factory):
    return tmp_path_factory.getbasetemp() / "cache"


def test_a_board_on_a_port_is_held_to_golden(folded_run, terminal, capsys):
    run = str(folded_run)
    assert askew(["board", "run", "--run", run]) == 2
    assert "give the serial port that the board is on, such as --port /dev/ttyUSB0" in capsys.readouterr().err
    assert askew(["board", "run", "--run", run, "--port", terminal, "--frames", "12"]) == 0
    figures = json.loads((folded_run / "fpga" / "board.json").read_text())
    assert (figures["frames"], figures["mismatches"], figures["clock_mhz"]) == (12, 0, 30)
    assert figures["latency_cycles"] == figures["predicted_latency_cycles"]
    assert figures["frame_ii_cycles"] == figures["predicted_frame_ii_cycles"]
    assert figures["frames_per_second"] == pytest.approx(30e6 / figures["frame_ii_cycles"])
    capsys.readouterr()
    assert askew(["ladder", "--run", run, "--rungs", "numpy,top", "--frames", "5"]) == 0
    assert json.loads((folded_run / "ladder.json").read_text())["rungs"]["top"]["mismatches"] == 0
    assert askew(["diff", "--run", run, "numpy", "top", "--frames", "5"]) == 0
    assert "agree in their answers (a chip shows no nodes) on 5 frames" in capsys.readouterr().out
