"""Every proof holds for the units as they are and fails for a damaged unit, so that it proves something.

Oracle: Yosys smtbmc and z3; the properties are in hw/verify/formal/*.sv.
"""

import shutil

import pytest

from hw.generator.design import RTL_FOLDER
from hw.verify.formal import PROOFS, ProofError, prove
from hw.verify.formal.__main__ import main

NAMED = {proof.name: proof for proof in PROOFS}

# proof -> file, what stands there, what a mistake would be
MUTANTS = {
    "fifo-rules": ("stream_fifo", "full_q  <= level_d == LevelWidth'(DEPTH);", "full_q  <= 1'b0;"),
    "fifo-order": ("stream_fifo", "if (emit) read_q <=", "if (valid_o) read_q <="),
    "converter-up-rules": ("width_converter", "assign ready_o = left <", "assign ready_o = left <="),
    "converter-up-order": ("width_converter", "{data_i, buffer_q[OUT_W-1:IN_W]}", "{buffer_q[OUT_W-IN_W-1:0], data_i}"),
    "converter-down-rules": ("width_converter", "assign ready_o = left <", "assign ready_o = left <="),
    "converter-down-order": ("width_converter", "if (!rst_ni || accept) index_q", "if (!rst_ni) index_q"),
    "converter-widen-rules": ("width_converter", "assign kept = emit ?", "assign kept = valid_o ?"),
    "converter-widen-order": ("width_converter", "LevelWidth'(unit) >= left", "LevelWidth'(unit) > left"),
    "converter-narrow-rules": ("width_converter", "assign kept = emit ?", "assign kept = valid_o ?"),
    "converter-narrow-order": ("width_converter", "emit ? buffer_q >> OUT_W", "emit ? buffer_q >> IN_W"),
    "axil-rules": ("axil_regs", "!write_ready_q && !bvalid_o;", "!write_ready_q;"),
    "popcount-9": ("full_adder", "64'h96696996_f99f9009", "64'h96696996_f99f9008"),
    "popcount-14": ("adder_3", "64'h69966996_e8e8e8e8", "64'h69966996_e8e8e8e0"),
    "mvau-output-major-2-1": ("accumulator", "!next[pe*ACC_W+ACC_W-1]", "next[pe*ACC_W+:ACC_W] != 0"),
    "mvau-input-major-2-1": ("accumulator", "assign from = first ||", "assign from = finish[0] ||"),
    "mvau-output-major-6-3": ("carry_tree", ".INIT1(16'h6996),", ".INIT1(16'h6994),"),
    "mvau-output-major-4-4": ("accumulator", "!next[pe*ACC_W+ACC_W-1]", "next[pe*ACC_W+ACC_W-1]"),
}


def by_length(names):
    """The inductions take a second each; what needs a history takes longer, together a minute."""
    return [pytest.param(name, marks=() if name.endswith("-rules") else pytest.mark.slow) for name in names]


def test_there_is_a_mutant_for_every_proof():
    assert set(MUTANTS) == set(NAMED)


def test_an_unknown_proof_is_named(capsys):
    assert main(["everything"]) == 2
    assert "no proof everything; there are fifo-rules" in capsys.readouterr().err


@pytest.mark.parametrize("name", by_length(NAMED))
def test_proof_holds(name, tmp_path):
    prove(NAMED[name], tmp_path)


@pytest.mark.parametrize("name", by_length(MUTANTS))
def test_proof_fails_for_a_damaged_unit(name, tmp_path):
    file, right, wrong = MUTANTS[name]
    rtl = tmp_path / "rtl"
    shutil.copytree(RTL_FOLDER, rtl)
    text = (rtl / f"askew_{file}.sv").read_text()
    assert right in text
    (rtl / f"askew_{file}.sv").write_text(text.replace(right, wrong))
    with pytest.raises(ProofError, match="Assert failed|BMC failed|FAILED"):
        prove(NAMED[name], tmp_path, rtl)
