"""Buffers that a folding file holds. Oracles: the cycle model of each design, and another sizing of the buffers."""

from __future__ import annotations

import json

import pytest

from bnn.folding import Folding, FoldingFile, LayerFolding, load_folded, load_folding
from hw.boards.board import load_board
from hw.cycles import as_number, checked_buffers, size_buffers, steady_frame_ii
from hw.cycles import buffers as buffers_module
from hw.dataflow import build_dataflow
from hw.generator import Design, DesignError
from hw.solver import FoldedDesign, fold_for_rate
from hw.synth.networks import random_cnv, random_tfc
from hw.units import PopcountStyle


@pytest.fixture(scope="module")
def cnv():
    network = random_cnv()
    return network, load_folding("finn-cnv", network)


@pytest.fixture(scope="module")
def sized(cnv):
    return size_buffers(*cnv)


def test_buffers_that_serve_are_taken_without_sizing_any(cnv, sized, monkeypatch):
    monkeypatch.setattr(buffers_module, "size_buffers", lambda *_: pytest.fail("they serve"))
    assert checked_buffers(*cnv, sized) == (sized, None)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"conv2_window": 64}, "buffer conv2_window cannot hold the 64 beats kept for it, only "),
        ({"conv2_window": 1 << 40}, "buffer conv2_window cannot hold the 1,099,511,627,776 beats kept for it"),
        ({"conv9_window": 64}, "beats are kept for a buffer conv9_window, of which there is none"),
        ({"conv2_window": None}, "no beats are kept for buffer conv2_window"),
    ],
)
def test_buffers_that_cannot_be_are_sized_anew_with_a_word(cnv, sized, monkeypatch, change, why):
    anew = {"sized": 1}
    monkeypatch.setattr(buffers_module, "size_buffers", lambda *_: anew)
    kept = {name: beats for name, beats in (sized | change).items() if beats is not None}
    found, said = checked_buffers(*cnv, kept)
    assert found is anew
    assert said.startswith(why)
    assert said.endswith(": all buffers are sized anew; fold again to keep them")


def test_buffers_that_slow_the_design_down_are_sized_anew_with_a_word(cnv, sized):
    dataflow = build_dataflow(*cnv, sized)
    fast = steady_frame_ii(dataflow)
    name, fewer = next((u.name, u.buffer_choices()[-2]) for u in dataflow if len(u.buffer_choices()) > 1)
    tight = sized | {name: fewer}
    slow = steady_frame_ii(build_dataflow(*cnv, tight))
    assert slow > fast
    found, said = checked_buffers(*cnv, tight)
    assert found == sized
    expected = f"with the buffers kept a frame takes {as_number(slow):,} cycles, and {int(fast):,} is possible"
    assert said.startswith(expected)


def test_a_folding_file_rebuilds_the_very_design(tmp_path):
    network = random_tfc()
    folded = fold_for_rate(network, load_board("Pynq-Z2"), 100_000, 100.0)
    (tmp_path / "folding.json").write_text(json.dumps(folded.describe(load_board("Pynq-Z2"), 125.0)))
    design = Design.of_file(network, load_folded(tmp_path / "folding.json", network), pytest.fail)
    assert [(u.name, u.parameters()) for u in design.dataflow] == [(u.name, u.parameters()) for u in folded.dataflow]
    assert design.popcount is PopcountStyle.PRIMITIVES
    assert design.clock_mhz == 125.0


def test_a_fifo_of_no_beats_stays_left_out():
    """A matrix that keeps beats gets a FIFO unless it is told to have none, so that 0 must be written down."""
    network = random_tfc()
    folding = Folding.of(network, {f"fc{i}": LayerFolding(2, 64 if i > 1 else 49) for i in (1, 2, 3, 4)})
    bare = build_dataflow(network, folding, {f"fc{i}_hold": 0 for i in (2, 3, 4)})
    assert not [unit.name for unit in bare if unit.name.endswith("_hold")]
    assert bare.buffers["fc2_hold"] == 0
    again = build_dataflow(network, folding, bare.buffers)
    assert [unit.name for unit in again] == [unit.name for unit in bare]


def test_an_unknown_popcount_is_one_line():
    network = random_tfc()
    file = FoldingFile(Folding.sequential(network), popcount="abacus")
    names = "naive, compressor, primitives, carry"
    with pytest.raises(DesignError, match=rf"popcount \('abacus'\) must be one of {names}; run"):
        Design.of_file(network, file, pytest.fail)


def test_a_file_without_buffers_needs_no_word():
    network = random_tfc()
    folded = FoldedDesign.of(network, load_folding("finn-tfc", network))
    design = Design.of_file(network, FoldingFile(folded.folding), pytest.fail)
    assert design.dataflow.buffers == folded.dataflow.buffers
    assert design.popcount is PopcountStyle.COMPRESSOR
