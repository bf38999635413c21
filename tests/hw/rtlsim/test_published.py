"""FINN's published networks under its published foldings: every frame golden's, every cycle the model's.

Oracles: hw.simulator on the same random weights; FINN's published cycles a layer (bnn/foldings).
"""

import subprocess
import sys

import numpy as np
import pytest

from bnn.folding import Folding, load_folding
from hw.cycles import predict_cycles
from hw.generator import Design
from hw.rtlsim import Effort, simulate_design
from hw.simulator import simulate
from hw.synth.networks import random_cnv, random_tfc

TFC_CYCLES = {"fc1": 64, "fc2": 64, "fc3": 64, "fc4": 8}
CNV_CYCLES = {
    "conv1": 32400, "conv2": 28224, "conv3": 20736, "conv4": 28800, "conv5": 20736, "conv6": 18432,
    "fc1": 32768, "fc2": 32768, "fc3": 1024,
}  # fmt: skip


def check(network, folding, images, build_dir, effort=Effort.FAST_RUN):
    design = Design.for_simulation(network, folding)
    measured = simulate_design(design, images, build_dir=build_dir, effort=effort)
    golden = simulate(network.network(), images)
    assert np.array_equal(measured.scores, golden)
    assert np.array_equal(measured.labels, golden.argmax(axis=1))
    predicted = predict_cycles(design.dataflow, frames=len(measured.label_cycles))
    assert measured.label_cycles == predicted.label_cycles
    assert measured.units == predicted.units
    assert measured.latency_cycles == predicted.latency_cycles
    assert measured.frame_ii_cycles == predict_cycles(design.dataflow).frame_ii_cycles
    return measured


def matrix_cycles(measured):
    return {unit.layer: unit.busy for unit in measured.units if unit.kind in ("mvau", "mvau_int")}


def test_tfc_takes_64_cycles_a_frame(build_dir):
    network = random_tfc(1)
    images = np.random.default_rng(2).integers(0, 256, (300, 28, 28, 1), np.uint8)
    measured = check(network, load_folding("finn-tfc", network), images, build_dir, Effort.FAST_BUILD)
    assert measured.frame_ii_cycles == 64
    assert matrix_cycles(measured) == TFC_CYCLES


@pytest.mark.slow
def test_tfc_unrolled_takes_a_frame_a_cycle(build_dir):
    network = random_tfc(1)
    images = np.random.default_rng(2).integers(0, 256, (1000, 28, 28, 1), np.uint8)
    measured = check(network, Folding.unrolled(network), images, build_dir)
    assert measured.frame_ii_cycles == 1
    assert np.diff(measured.label_cycles).tolist() == [1] * 999


@pytest.mark.slow
def test_cnv_takes_32768_cycles_a_frame(build_dir, tmp_path, data_dir):
    expand = data_dir / "cifar10" / "expand.py"
    if not expand.exists():
        pytest.skip("needs CIFAR-10")
    subprocess.run([sys.executable, str(expand), str(tmp_path)], check=True, capture_output=True)
    batch = next(path for path in sorted(tmp_path.rglob("test_batch*")) if path.is_file())
    records = np.fromfile(batch, np.uint8, 50 * 3073).reshape(50, 3073)
    images = np.ascontiguousarray(records[:, 1:].reshape(50, 3, 32, 32).transpose(0, 2, 3, 1))
    network = random_cnv(1)
    measured = check(network, load_folding("finn-cnv", network), images, build_dir)
    assert measured.frame_ii_cycles == 32768
    busy = matrix_cycles(measured)
    # A frame's cycles are counted between two labels; a layer that is not the slowest may do a little more or less of
    # its work in that time, as it catches up on the next frame.
    assert busy["fc1"] == busy["fc2"] == 32768
    assert busy["fc3"] == 1024
    assert all(abs(busy[name] - cycles) < 0.01 * cycles for name, cycles in CNV_CYCLES.items())
