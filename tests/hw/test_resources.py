"""Estimates are held to what Yosys made of units and designs: the data kept in hw/synth/data."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bnn.folding import Folding, LayerFolding, LoopOrder
from hw.dataflow import build_dataflow
from hw.resources import Resources, dataflow_resources, layer_resources, unit_resources
from hw.synth.measured import DATA_FOLDER, read_data
from hw.synth.networks import NETWORKS, random_tfc
from hw.synth.specification import specify
from hw.units import Pipeline, PopcountStyle
from hw.units.cost import SMALL_TABLES, rom_resources
from hw.units.popcount import CHAIN_ENDS, popcount_resources
from hw.units.rom import RomStyle, bram18_count, choose_style, rom_luts


def errors(folder):
    """Relative error of LUTs and flip-flops, error of block RAMs, (units, 3); relative error of all LUTs together."""
    rows, total_estimated, total_measured = [], 0, 0
    for row in read_data(folder):
        estimated, measured = unit_resources(specify(row.text).unit), row.resources
        luts = abs(estimated.luts - measured.luts) / max(1, measured.luts)
        ffs = abs(estimated.ffs - measured.ffs) / max(1, measured.ffs)
        total_estimated += estimated.luts
        total_measured += measured.luts
        rows.append((luts, ffs, abs(estimated.bram18 - measured.bram18)))
    assert len(rows) >= 30
    return np.array(rows), abs(total_estimated / total_measured - 1)


@pytest.mark.parametrize(
    ("folder", "median_luts", "worst_luts"), [(DATA_FOLDER, 0.035, 0.28), (DATA_FOLDER / "held_out", 0.06, 0.30)]
)
def test_estimates_are_as_near_to_yosys_as_stated(folder, median_luts, worst_luts):
    each, total = errors(folder)
    luts, ffs, bram18 = each.T
    assert total <= 0.025
    assert np.median(luts) <= median_luts
    assert luts.max() <= worst_luts
    assert np.median(ffs) <= 0.03
    assert ffs.max() <= 0.4
    assert bram18.max() <= 1


@pytest.mark.parametrize("name", ["tfc", "cnv"])
def test_whole_designs_are_estimated_as_yosys_made_them(name):
    network = NETWORKS[name]()
    kept = json.loads((DATA_FOLDER / "designs" / f"{name}-finn-{name}.json").read_text(encoding="utf-8"))
    folding = Folding.of(
        network,
        {layer: LayerFolding(of["pe"], of["simd"], LoopOrder(of["order"])) for layer, of in kept["folding"].items()},
    )
    dataflow = build_dataflow(network, folding, kept["buffers"], popcount=PopcountStyle.PRIMITIVES)
    measured = {name: Resources(**figures) for name, figures in kept["units"].items()}
    assert len(measured.keys() - {unit.name for unit in dataflow}) == 0, "the design has changed: measure it again"
    estimated = sum((unit_resources(unit) for unit in dataflow if unit.name in measured), Resources())
    together = sum(measured.values(), Resources())
    assert estimated.luts == pytest.approx(together.luts, rel=0.03)
    assert estimated.ffs == pytest.approx(together.ffs, rel=0.05)
    assert estimated.bram18 == pytest.approx(together.bram18, rel=0.08)
    # The top, and what is not measured apart: quantizer and frame guard melt into it.
    assert dataflow_resources(dataflow).luts == pytest.approx(kept["luts"], rel=0.03)


def test_a_design_for_ecp5_is_estimated_as_nextpnr_packed_it():
    network = random_tfc()
    kept = json.loads((DATA_FOLDER / "designs" / "tfc-finn-tfc-ecp5.json").read_text(encoding="utf-8"))
    folding = Folding.of(
        network,
        {layer: LayerFolding(of["pe"], of["simd"], LoopOrder(of["order"])) for layer, of in kept["folding"].items()},
    )
    style = PopcountStyle.CARRY
    pipeline = Pipeline.for_clock(style, kept["clock_mhz"])
    dataflow = build_dataflow(network, folding, kept["buffers"], popcount=style, pipeline=pipeline)
    estimated = dataflow_resources(dataflow)
    assert SMALL_TABLES * estimated.luts == pytest.approx(kept["small_tables"], rel=0.03)
    assert estimated.ffs == pytest.approx(kept["ffs"], rel=0.05)


def test_a_carry_popcount_is_counted_as_the_readme_states():
    # hw/rtl/README.md states what Yosys makes. The comparison takes about a table for each bit of the count and one;
    # the ends of chains that nextpnr adds are not there.
    for width, stated, chains in ((8, 20, 2), (49, 109, 11), (128, 278, 25)):
        counted = popcount_resources(width, PopcountStyle.CARRY, constant=False, stages=0).luts - CHAIN_ENDS * chains
        assert counted + width.bit_length() + 1 == pytest.approx(stated, rel=0.05, abs=3), width


def test_a_primitive_popcount_is_counted_as_the_readme_states():
    # hw/rtl/README.md: LUTs of XNOR-popcount-threshold; its comparison takes about half a LUT a bit of the count.
    for width, stated in ((8, 11), (32, 32), (49, 50), (128, 124)):
        comparison = (width.bit_length() + 1) // 2 + 1
        counted = popcount_resources(width, PopcountStyle.PRIMITIVES, constant=False, stages=0).luts
        assert counted + comparison == pytest.approx(stated, abs=2)


def test_layers_add_up_to_the_design():
    network = random_tfc()
    dataflow = build_dataflow(network, Folding.sequential(network))
    layers = layer_resources(dataflow)
    assert list(layers) == ["quantizer", "fc1", "fc2", "fc3", "fc4", "label"]
    top = dataflow_resources(dataflow)
    assert top.luts > sum(part.luts for part in layers.values())  # and the registers around them
    assert top.bram18 == sum(part.bram18 for part in layers.values())
    assert Resources(1, 2, 3) + Resources(10, 20, 30) == Resources(11, 22, 33)


def test_memories_go_where_they_are_cheaper():
    assert rom_luts(8, 64) == 8
    assert rom_luts(8, 256) == 32
    assert bram18_count(36, 512) == 1
    assert bram18_count(37, 512) == 2
    assert bram18_count(1, 16384) == 1
    assert choose_style(1024, 36) is RomStyle.LUT
    assert choose_style(32, 18432) is RomStyle.BLOCK
    assert rom_resources(64, 1, RomStyle.LUT) == Resources()  # constants
    assert rom_resources(500, 2, RomStyle.LUT).ffs <= 4  # two words have four different columns at the most
