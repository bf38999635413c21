"""FINN's estimates. Oracles: the simulator's traces; bnn.folding's cycles; the figures published for TFC and CNV."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bnn import Chain, Encode, MaxPoolLayer, UserError, save_network
from bnn.folding import Folding, LayerFolding, load_folding
from finn_build.compiler.form import finn_form
from finn_build.errors import FinnError
from finn_build.package.package import write_package
from finn_build.package.settings import BuildSettings
from finn_build.worker.estimate import ESTIMATE_STEPS, estimate, estimate_work, layer_names
from finn_build.worker.process import run_worker
from finn_build.worker.rung import FinnGraph
from hw.simulator import Backend, trace

FOLDING = {"conv1": (4, 3), "conv2": (3, 4), "conv3": (2, 6), "conv4": (5, 2), "fc1": (7, 20), "fc2": (2, 7)}


@pytest.fixture(scope="session")
def cnn(networks):
    return networks("cnn", binary=True)


@pytest.fixture(scope="session")
def cnn_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("finn of cnn")


@pytest.fixture(scope="session")
def cnn_estimate(cnn, cnn_folder, frames_of, pynq_z2):
    """One estimate, shared by the tests that look at it, and how far it said to be."""
    done = []
    settings = BuildSettings(pynq_z2, 125.0, FOLDING)
    figures = estimate(cnn, frames_of(cnn), settings, cnn_folder, count=3, progress=done.append)
    return figures, sum(done)


def test_every_graph_equals_golden(cnn_estimate):
    figures, done = cnn_estimate
    assert len(figures["graphs"]) == ESTIMATE_STEPS
    assert figures["graphs"]["step_generate_estimate_reports"] == {"frames": 3, "mismatches": 0, "first_mismatch": None}
    assert figures["mismatches"] == sum(graph["mismatches"] for graph in figures["graphs"].values()) == 0
    assert done == estimate_work(3)


def test_cycles_are_those_of_our_model(cnn_estimate, cnn):
    figures, _ = cnn_estimate
    folding = Folding.of(cnn, {name: LayerFolding(*pair) for name, pair in FOLDING.items()})
    assert {name: figures["layers"][name]["cycles"] for name in FOLDING} == folding.cycles(cnn)
    assert {name: (figures["layers"][name]["pe"], figures["layers"][name]["simd"]) for name in FOLDING} == FOLDING


def test_totals_belong_to_the_layers(cnn_estimate):
    figures, _ = cnn_estimate
    for resource in ("lut", "bram18", "uram", "dsp"):
        assert figures["resources"][resource] == sum(layer[resource] for layer in figures["layers"].values())
    assert figures["frame_ii_cycles"] == max(
        node["cycles"] for layer in figures["layers"].values() for node in layer["nodes"].values()
    )
    assert figures["frames_per_second"] == pytest.approx(125e6 / figures["frame_ii_cycles"])
    assert figures["slowest"] in figures["layers"]


def test_written_as_json(cnn_estimate, cnn_folder, cnn):
    written = json.loads((cnn_folder / "estimate.json").read_text())
    assert written == cnn_estimate[0]
    assert written["network_hash"] == cnn.hash
    assert written["board"] == "Pynq-Z2"
    assert written["finn_version"].startswith("finn-plus 1.")


def test_rung_gives_every_layer_in_our_meaning(cnn_estimate, cnn, cnn_folder, frames_of):
    frames = frames_of(cnn, 2, seed=99)
    done = []
    ours = FinnGraph(cnn, cnn_folder).trace(frames.images, done.append)
    names = ["input"] * cnn.input.binary + [layer.name for layer in cnn.layers]
    simulated = trace(cnn.network(), frames.images, backend=Backend.NUMPY, names=names)
    assert list(ours) == list(simulated) == names
    for name in ours:
        assert np.array_equal(ours[name], simulated[name]), name
    assert np.array_equal(ours["fc2"], frames.scores)
    assert sum(done) == 2


def test_rung_refuses_another_network(cnn_estimate, cnn_folder, networks, tmp_path):
    with pytest.raises(FinnError, match=r"they cannot be compared; run `askew finn estimate` again"):
        FinnGraph(networks("mlp"), cnn_folder)
    with pytest.raises(FinnError, match="not there yet; make it with `askew finn estimate`"):
        FinnGraph(networks("mlp"), tmp_path)


def test_a_wrong_graph_is_seen(cnn_estimate, cnn, cnn_folder, frames_of, tmp_path):
    """The check can fail: golden answers with one bit changed name the frame and the layer."""
    with np.load(cnn_folder / "estimate" / "golden.npz") as archive:
        golden = dict(archive)
    golden["conv3"][1, 2, 0, 3] ^= 1
    np.savez(tmp_path / "golden.npz", allow_pickle=False, **golden)
    job = {
        "package": str(cnn_folder / "estimate"),
        "output": str(tmp_path / "output"),
        "frames": str(tmp_path / "golden.npz"),
        "layers": layer_names(cnn),
    }
    graphs = run_worker("estimate", job, tmp_path)["graphs"]
    wrong = {"frames": 3, "mismatches": 1, "first_mismatch": {"frame": 1, "layer": "conv3"}}
    assert all(graph == wrong for graph in graphs.values())


def test_finns_own_folding_and_a_score_table(networks, frames_of, pynq_z2, tmp_path):
    network = networks("mlp", table=True)
    figures = estimate(network, frames_of(network), BuildSettings(pynq_z2, 100.0, None, 2_000_000), tmp_path, count=2)
    assert figures["mismatches"] == 0
    assert figures["folding_by"] == "finn"
    assert figures["frames_per_second"] >= 2_000_000
    assert "label" not in figures["layers"]


def test_refuses_frames_that_are_not_there(cnn, frames_of, pynq_z2, tmp_path):
    with pytest.raises(UserError, match=r"finn estimate: frames \(7\) must lie in 1\.\.6"):
        estimate(cnn, frames_of(cnn), BuildSettings(pynq_z2, 100.0, FOLDING), tmp_path, count=7)


def test_a_crash_of_finn_is_one_line(networks, frames_of, unfolded, pynq_z2, tmp_path):
    network = networks("mlp")
    write_package(tmp_path, network, frames_of(network), BuildSettings(pynq_z2, 100.0, unfolded(network)))
    config = json.loads((tmp_path / "folding_config.json").read_text())
    config["MVAU_hls_0"]["PE"] = 5  # does not divide 8
    (tmp_path / "folding_config.json").write_text(json.dumps(config))
    job = {"package": str(tmp_path), "output": str(tmp_path / "output"), "frames": "", "layers": []}
    with pytest.raises(FinnError, match=r"finn estimate: FINN failed \(.*MH .*PE.*\); its log is .*worker\.log"):
        run_worker("estimate", job, tmp_path)


def test_interruption_leaves_no_process(tmp_path, networks, frames_of):
    """An interrupt of the one who waits ends the worker. Oracle: the process table."""
    network = networks("mlp")
    save_network(network.network(), tmp_path / "network.npz")
    frames = frames_of(network)
    np.save(tmp_path / "images.npy", frames.images)
    script = f"""
import pathlib, numpy as np
from finn_build.worker.process import run_worker
folder = pathlib.Path({str(tmp_path)!r})
run_worker("estimate", {{"package": str(folder), "output": str(folder), "frames": "", "layers": []}}, folder)
"""
    root = Path(__file__).resolve().parents[3]
    process = subprocess.Popen([sys.executable, "-c", script], cwd=root, stderr=subprocess.PIPE, env=os.environ)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    deadline = time.monotonic() + 60
    while not (worker := children.read_text().split()) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert worker
    assert not Path(f"/proc/{worker[0]}").exists()


def tfc(make):
    layers = (make.dense("fc1", 784, 64), make.dense("fc2", 64, 64), make.dense("fc3", 64, 64))
    return Chain(Encode.threshold((28, 28, 1), 128), (*layers, make.dense("fc4", 64, 10, last=True)))


def cnv(make):
    def pool(name):
        return MaxPoolLayer(name, (2, 2), (2, 2))

    layers = (
        *(make.conv("conv1", 3, 64, value_range=(0, 255)), make.conv("conv2", 64, 64), pool("pool1")),
        *(make.conv("conv3", 64, 128), make.conv("conv4", 128, 128), pool("pool2")),
        *(make.conv("conv5", 128, 256), make.conv("conv6", 256, 256)),
        *(make.dense("fc1", 256, 512), make.dense("fc2", 512, 512), make.dense("fc3", 512, 10, last=True)),
    )
    return Chain(Encode.pixels((32, 32, 3)), layers)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("build", "name", "count", "cycles", "lut", "bram18", "more_lut", "more_bram18"),
    [
        # One more bit in each of the 49 thresholds at the input: FINN's minimization would give them 8.
        (tfc, "finn-tfc", 20, 64, 8_502, 26, 49, 0),
        # The first layer's weights keep their 1 bit; FINN's minimization makes two of it, to hold -1. By FINN's formula
        # a PE of SIMD 3 then takes 9 LUTs of multipliers and 5 of adders more, 1.1 times that in each of the 16.
        (cnv, "finn-cnv", 4, 32_768, 23_915, 147, -round(16 * 1.1 * (9 + 5)), -1),
    ],
)
def test_published_figures(
    layer_factory, frames_of, pynq_z2, tmp_path, build, name, count, cycles, lut, bram18, more_lut, more_bram18
):
    """FINN's figures for its own networks and foldings on this board, which others have measured.

    They were found with FINN's own types; what ours add and spare is known to the LUT.
    """
    network = build(layer_factory)
    folding = load_folding(name, network)
    plain = {layer: (pair.pe, pair.simd) for layer, pair in folding.layers.items()}
    figures = estimate(network, frames_of(network, count), BuildSettings(pynq_z2, 100.0, plain), tmp_path, count=count)
    assert figures["mismatches"] == 0
    assert figures["frame_ii_cycles"] == cycles
    assert {layer: figures["layers"][layer]["cycles"] for layer in plain} == folding.cycles(network)
    assert figures["resources"]["bram18"] - more_bram18 == bram18
    # FINN counts the width of the accumulators that the weights can reach, and these weights are random.
    assert figures["resources"]["lut"] - more_lut == pytest.approx(lut, rel=0.002)


@pytest.mark.slow
def test_package_is_built_from_its_own_folder(networks, frames_of, pynq_z2, tmp_path):
    """The very folder that goes to Docker, built up to the estimates by FINN's builder."""
    network = networks("cnn")
    package = tmp_path / "a folder with spaces"
    settings = BuildSettings(pynq_z2, 100.0, FOLDING)
    write_package(package, network, frames_of(network), replace(settings, verify_frames=2))
    figures = estimate(network, frames_of(network), settings, tmp_path, count=1)
    form = finn_form(network).network
    job = {
        "package": str(package),
        "output": str(package / "output"),
        "frames": str(tmp_path / "estimate" / "golden.npz"),
        "layers": layer_names(form),
    }
    answer = run_worker("estimate", job, package)
    assert answer["graphs"] == figures["graphs"]
    verified = sorted(file.name for file in (package / "output" / "verification_output").iterdir())
    assert verified == [
        f"verify_{step}_{frame}_SUCCESS.npy" for step in ("initial_python", "streamlined_python") for frame in (0, 1)
    ]
