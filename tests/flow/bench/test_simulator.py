"""The simulator's benchmark measures what it says. Oracles: PyTorch's answers, arithmetic; times are not tested."""

import json

import numpy as np
import pytest
import torch

from bnn import UserError
from bnn.serialize import save_network
from flow.bench import benches
from flow.bench import peers as bench_peers
from flow.bench import simulator as bench_simulator
from flow.bench.peak_memory import measure_peak_memory
from flow.bench.peers import Case, Size
from hw.simulator import Backend
from hw.simulator.rates import layer_rates, popcount_peak
from tests.support.runs import CONFIG
from training.networks.models import to_pixels

CONVOLUTIONAL = CONFIG.replace(
    "layers = [{ dense = 32 }, { dense = 24 }]",
    "layers = [{ conv = 8, padding = 1, pad_bit = 1 }, { pool = 2 }, { conv = 16 }, { dense = 24 }]",
).replace("[0.25, -0.25]", "0.25")


@pytest.fixture(scope="module", params=["dense", "convolutional"])
def size(request, tmp_path_factory) -> Size:
    config = tmp_path_factory.mktemp("bench") / f"{request.param}.toml"
    config.write_text(CONFIG if request.param == "dense" else CONVOLUTIONAL)
    return Size(str(config), (8, 8, 1), (64, 96), (8, 32))


def test_every_peer_computes_the_trained_model(size, tmp_path):
    case = Case(size, tmp_path, threads=1)
    with torch.no_grad():
        logits = case.model(to_pixels(case.images[:64])).numpy()
    for session in case.sessions.values():
        given = session.run(None, {"pixels": to_pixels(case.images[:64]).numpy()})[0]
        np.testing.assert_allclose(given, logits, rtol=1e-6)
    checked = case.check()
    assert set(checked.other_classes.values()) == {0}
    assert {"numpy", "numba", "qonnx", "onnxruntime where", "onnxruntime cast"} == set(checked.other_classes)
    for ways in case.contestants().values():
        for way, run in ways.items():
            frames = run()
            assert str(frames) in way or not way


def test_the_figures_are_ratios_and_a_table(size, monkeypatch):
    monkeypatch.setattr(bench_simulator, "SIZES", {"small": size})
    monkeypatch.setattr(bench_simulator, "MEMORY_FRAMES", 100)
    measured, markdown = bench_simulator.bench_simulator(("small",), threads=1, rounds=1, seconds=0.01)
    figures = measured.to_json()
    assert json.loads(json.dumps(figures)) == figures
    one = figures["networks"]["small"]
    for peer, ratio in one["numba_against"].items():
        assert ratio["median"] == pytest.approx(one["frames_per_second"]["numba"] / one["frames_per_second"][peer])
    assert markdown.count("| small |") == 1 + len(one["layers"])
    with pytest.raises(UserError, match="network 'XXL' is unknown, must be one of small"):
        bench_simulator.bench_simulator(("XXL",))


def test_a_layers_work_is_counted(size, tmp_path):
    network = Case(size, tmp_path, threads=1).network
    rates = {rate.name: rate.macs_per_frame for rate in layer_rates(network, 1, 0.005)}
    dense = {"fc1": 64 * 32, "fc2": 32 * 24}
    convolutional = {"conv1": 8 * 8 * 8 * 9, "conv2": 2 * 2 * 16 * 9 * 8, "fc1": 2 * 2 * 16 * 24}
    assert rates == (dense if "fc2" in rates else convolutional)
    assert all(rate > 0 for rate in popcount_peak(1, 0.005).values())


def test_peak_memory_holds_at_least_the_images(size, tmp_path):
    case = Case(size, tmp_path, threads=1)
    save_network(case.network, tmp_path / "n.npz")
    few, many = (measure_peak_memory(tmp_path / "n.npz", frames, Backend.NUMPY, 1) for frames in (1, 2**17))
    assert many - few >= 8  # 2**17 images of 64 bytes are 8 MiB


def test_an_unknown_benchmark_is_refused():
    with pytest.raises(UserError, match=r"bench 'dancing': unknown, must be rtl, simulator or training"):
        benches.run_bench("dancing", None)


def test_the_shipped_sizes_name_shipped_configs():
    assert {size.config for size in bench_peers.SIZES.values()} == {
        "tfc-mnist",
        "sfc-mnist",
        "lfc-mnist",
        "cnv-cifar10",
    }
