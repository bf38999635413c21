"""The Python API. Oracles: a naive loop over bits, Verilator's own count of cycles, arithmetic by hand, onnx.helper."""

import shutil
from itertools import pairwise

import numpy as np
import pytest

import askew
from tests.support.onnx_builder import Builder

RNG = np.random.default_rng(31)
SIZES = (30, 12, 5)
WEIGHTS = [RNG.integers(0, 2, (mh, mw)) for mw, mh in pairwise(SIZES)]
THRESHOLDS = RNG.integers(12, 19, 12)
IMAGES = RNG.integers(0, 256, (9, 5, 6, 1), dtype=np.uint8)
FOLDING = {"fc1": askew.LayerFolding(3, 5), "fc2": askew.LayerFolding(1, 4)}


def network():
    layers = (
        askew.DenseLayer.from_bits("fc1", WEIGHTS[0], THRESHOLDS),
        askew.DenseLayer.from_bits("fc2", WEIGHTS[1], None),
    )
    return askew.Chain(askew.Encode.threshold((5, 6, 1), 100), layers).network()


def naive_scores():
    rows = []
    for image in IMAGES:
        bits = [int(pixel >= 100) for pixel in image.reshape(-1)]
        hidden = [
            int(sum(w == b for w, b in zip(row, bits, strict=True)) >= threshold)
            for row, threshold in zip(WEIGHTS[0], THRESHOLDS, strict=True)
        ]
        rows.append([2 * sum(w == b for w, b in zip(row, hidden, strict=True)) - 12 for row in WEIGHTS[1]])
    return np.array(rows)


@pytest.mark.parametrize("backend", [None, "numpy", "numba", askew.Backend.NUMPY])
def test_scores_are_those_of_a_naive_loop(backend):
    scores = askew.simulate(network(), IMAGES, backend=backend, threads=1)
    assert np.array_equal(scores, naive_scores())
    assert np.array_equal(askew.classes_of(scores), [row.tolist().index(row.max()) for row in naive_scores()])


def test_a_network_goes_into_a_file_and_back(tmp_path):
    askew.save_network(network(), str(tmp_path / "n.npz"))
    assert askew.load_network(tmp_path / "n.npz").hash == network().hash
    with pytest.raises(FileNotFoundError):
        askew.load_network(tmp_path / "other.npz")
    (tmp_path / "n.npz").write_bytes(b"no network")
    with pytest.raises(askew.UserError, match=r"n\.npz: not a whole network file"):
        askew.load_network(tmp_path / "n.npz")


def test_a_file_by_hand_is_imported(tmp_path):
    graph = Builder((1, 30))
    graph.sign()
    graph.dense(2.0 * WEIGHTS[0] - 1)
    graph.sign()
    graph.dense(2.0 * WEIGHTS[1] - 1)
    imported = askew.import_qonnx(str(graph.save(tmp_path / "m.onnx")), input_mean=0.4)
    pixels = IMAGES.reshape(9, 30)
    signs = np.where(pixels / 255 >= 0.4, 1, -1)
    hidden = np.where(signs @ (2 * WEIGHTS[0] - 1).T >= 0, 1, -1)
    scores = askew.simulate(imported.network, imported.images(pixels))
    assert np.array_equal(askew.classes_of(scores), (hidden @ (2 * WEIGHTS[1] - 1).T).argmax(axis=1))
    with pytest.raises(FileNotFoundError):
        askew.import_qonnx(tmp_path / "other.onnx")


@pytest.fixture(scope="module")
def build_dir(tmp_path_factory):
    if shutil.which("g++") is None:
        pytest.skip("needs a C++ compiler")
    return tmp_path_factory.mktemp("executables")


def test_what_is_folded_is_written_and_simulated(build_dir, tmp_path):
    folded = askew.fold(network(), folding=FOLDING)
    assert askew.rtl(folded, tmp_path / "rtl", clock_mhz=125.0) == tmp_path / "rtl"
    assert "-period 8.000" in (tmp_path / "rtl" / "constraints.xdc").read_text()
    measured = askew.rtlsim(folded, IMAGES, build_dir=build_dir)
    assert np.array_equal(measured.scores, naive_scores())
    predicted = askew.predict(folded, frames=len(IMAGES))
    assert measured.label_cycles == predicted.label_cycles
    assert measured.units == predicted.units
    assert measured.latency_cycles == folded.latency_cycles
    stalled = askew.rtlsim(folded, IMAGES, stall=0.3, seed=2, build_dir=build_dir)
    assert np.array_equal(stalled.scores, naive_scores())
    assert stalled.label_cycles[-1] > measured.label_cycles[-1]


def test_each_goal_is_met(tmp_path):
    pynq = askew.load_board("pynq z2")
    rate = askew.fold(network(), pynq, target_fps=1_000_000)
    assert rate.frame_ii <= pynq.clock_mhz  # 100 MHz: 100 cycles a frame
    slower = askew.fold(network(), pynq, target_fps=300_000)
    assert slower.resources.luts <= rate.resources.luts
    assert slower.frame_ii <= 100e6 / 300_000
    fastest = askew.fold(network(), "Pynq-Z2", input_roof=False)
    # 30 bytes a frame through a port of 64 bits, 8 bytes a cycle: a frame every 3.75 cycles at best.
    roofed = askew.fold(network(), "Pynq-Z2")
    assert fastest.frame_ii == 1
    assert fastest.frame_ii < roofed.frame_ii <= 3.75
    assert slower.resources.luts < roofed.resources.luts < fastest.resources.luts
    latency = askew.fold(network(), pynq, latency=True)
    assert latency.latency_cycles <= min(rate.latency_cycles, roofed.latency_cycles, fastest.latency_cycles)
    assert latency.resources.luts <= 0.7 * pynq.luts


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target_fps": 5, "latency": True}, "fold: target_fps and latency exclude each other"),
        ({"latency": True, "folding": FOLDING}, "fold: latency and folding exclude each other"),
        ({"board": None}, "fold: give the board to fold for, one of .*Pynq-Z2"),
        ({"board": "Pink"}, "board 'Pink' is not known; known: "),
        ({"clock_mhz": 0}, r"clock_mhz \(0\) must be a number above 0"),
        ({"target_fps": float("nan")}, r"target_fps \(nan\) must be a number above 0"),
        ({"utilization": 1.5}, r"fold: utilization \(1.5\) must be above 0 and at most 1"),
        ({"target_fps": 1e9}, "are not possible on board Pynq-Z2; the fastest possible is"),
        ({"folding": {"fc1": FOLDING["fc1"]}}, "folding: layer fc2 is missing"),
        ({"folding": "finn-tfc"}, "folding: layer fc3 is not in the network"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(options, message):
    with pytest.raises(askew.UserError, match=message) as caught:
        askew.fold(network(), **{"board": "Pynq-Z2"} | options)
    assert "\n" not in str(caught.value)


def test_other_refusals(tmp_path):
    folded = askew.fold(network(), folding=FOLDING)
    with pytest.raises(askew.UserError, match="backend 'cuda': unknown, must be one of numpy, numba"):
        askew.simulate(network(), IMAGES, backend="cuda")
    with pytest.raises(askew.UserError, match=r"images: shape is \(9, 30\), must be \(n, 5, 6, 1\)"):
        askew.simulate(network(), IMAGES.reshape(9, 30))
    with pytest.raises(askew.UserError, match=r"predict: frames \(1\) must be at least 2"):
        askew.predict(folded, frames=1)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").touch()
    with pytest.raises(askew.UserError, match="holds something else than a design"):
        askew.rtl(folded, tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.tex").exists()
