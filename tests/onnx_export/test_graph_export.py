"""Graphs as QONNX files. Oracles: PyTorch on the model, qonnx's executor on the file; the hash, by way of the file."""

import contextlib
import json

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bnn.errors import UserError
from bnn.nodes import Encode, Thermometer
from bnn.stage import AveragePool, Logits, Matrix, ModelGraph, OnGrid, Quantize, SumPool
from onnx_export.absorb import AbsorptionError, absorb
from onnx_export.execute import QonnxExecutor
from onnx_export.graph_export import export_graph
from onnx_export.importer import import_qonnx
from tests.support.model_graphs import Affine, Mean, compute
from tests.support.models import graph_model, random_batch_norms
from tests.support.random_models import RandomModel

torch.set_num_threads(1)


def check(model, path, seed=0, frames=2):
    """Every value of the file is the model's, and what is read back is the network that was absorbed."""
    network = absorb(model)
    export_graph(model, path, network_hash=network.hash)
    images = np.random.default_rng(seed).integers(0, 256, (frames, *network.input.shape), np.uint8)
    traced, right = QonnxExecutor(path).trace(images), compute(model, images)
    assert list(traced) == list(model.values)
    for name, value in model.values.items():
        wanted = right[name].numpy()
        if name == model.steps[-1].name:
            np.testing.assert_array_equal(traced[name], wanted.reshape(frames, -1))
            continue
        image = wanted.transpose(0, 2, 3, 1)
        scaled = np.ldexp(image.astype(float), value.fraction_bits) if isinstance(value, OnGrid) else image > 0
        np.testing.assert_array_equal(traced[name], scaled, err_msg=name)
    assert import_qonnx(path).network.hash == network.hash
    return network


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_random_graphs(tmp_path_factory, seed):
    model = RandomModel(np.random.default_rng(seed)).model
    with contextlib.suppress(AbsorptionError):  # of the rare model that has no integer form
        absorb(model)
        check(model, tmp_path_factory.mktemp("graph") / "m.onnx", seed)


def _classified(name, size):
    weights = np.random.default_rng(4).choice([-1.0, 1.0], size=(3, *size)).astype(np.float32)
    return Matrix("fc.accumulator", (name,), weights), Logits("fc", ("fc.accumulator",), Affine(0.5, 0.25))


@pytest.mark.parametrize(("lowest", "highest"), [(-8, 7), (-5, 5), (0, 9), (0, 15), (-3, 12)])
def test_grids_round_halves_up_and_saturate(tmp_path, lowest, highest):
    """Scales of a quarter of a step: every fourth sum is just between two."""
    grid = Affine(np.full(4, 0.125 / 4), np.zeros(4), grid=(3, lowest, highest))
    nodes = (
        Matrix("sums", ("input",), np.random.default_rng(2).choice([-1.0, 1.0], size=(4, 2, 3, 3)).astype(np.float32)),
        Quantize("grid", ("sums",), grid, fraction_bits=3, lowest=lowest, highest=highest),
    )
    source = Encode((3, 3, 2), (np.arange(256) // 16 - 8).astype(np.int16), binary=False)
    check(ModelGraph((source, *nodes, *_classified("grid", (4,)))), tmp_path / "m.onnx", frames=30)


@pytest.mark.parametrize("kind", ["mean", "sum", "whole"])
def test_windows_of_no_power_of_two(tmp_path, kind):
    kernel = (4, 5) if kind == "whole" else (3, 2)
    source = Encode((4, 5, 2), (np.arange(256) // 8 - 9).astype(np.int16), binary=False)
    window = {"kernel": kernel, "stride": (1, 2)}
    pool = SumPool("pool", ("input",), **window)
    if kind != "sum":
        pool = AveragePool("pool", ("input",), **window, epilogue=Mean(kernel[0] * kernel[1], 0))
    size = (2, 1, 1) if kind == "whole" else (2, 2, 2)
    check(ModelGraph((source, pool, *_classified("pool", size[:1] if kind == "whole" else size))), tmp_path / "m.onnx")


SOURCES = {
    "bits": Encode.threshold((2, 3, 2), 77),
    "bits of each channel": Encode((2, 3, 2), np.arange(256) >= np.array([[10], [250]]), binary=True),
    "coarse": Encode((2, 3, 2), np.arange(256, dtype=np.int16) >> 5, binary=False),
    "steps": Encode((2, 3, 2), (np.arange(256) // 50 * 3 - 7).astype(np.int16), binary=False),
    "steps of each channel": Encode(
        (2, 3, 2), np.stack([np.arange(256) // 50, np.arange(256) // 30 - 4]).astype(np.int16), binary=False
    ),
    "thermometer": Thermometer((2, 3, 2), np.array([3, 90, 91, 256], np.int16)),
    "thermometers": Thermometer((2, 3, 2), np.array([[3, 90], [40, 200]], np.int16)),
}


@pytest.mark.parametrize("name", SOURCES)
def test_sources(tmp_path, name):
    channels = SOURCES[name].output().shape[2]
    network = check(
        ModelGraph((SOURCES[name], *_classified("input", (channels, 2, 3)))), tmp_path / "m.onnx", frames=20
    )
    assert network.input.kind == SOURCES[name].kind


def test_a_table_that_falls(tmp_path):
    source = Encode((2, 3, 2), (255 - np.arange(256)).astype(np.int16), binary=False)
    model = ModelGraph((source, *_classified("input", (2, 2, 3))))
    with pytest.raises(UserError, match=r"encode input: its table falls somewhere, which no QONNX operator does"):
        export_graph(model, tmp_path / "m.onnx", network_hash="0")
    assert not (tmp_path / "m.onnx").exists()


def test_an_epilogue_that_does_not_say_what_it_computes(tmp_path):
    matrix, _ = _classified("input", (2, 2, 3))
    model = ModelGraph((SOURCES["bits"], matrix, Logits("fc", ("fc.accumulator",), lambda rows: rows)))
    with pytest.raises(UserError, match=r"logits fc: does not say what it computes, so no file can"):
        export_graph(model, tmp_path / "m.onnx", network_hash="0")


RESIDUAL = {"blocks": [2, 2], "channels": [4, 8]}


@pytest.mark.parametrize(
    "network",
    [
        {"residual": {"order": "grid", **RESIDUAL, "span": 1}},
        {"residual": {"order": "integer", **RESIDUAL, "shortcut_channels": "zeros"}},
        {"residual": {"order": "grid", **RESIDUAL, "positions": "mean"}, "thermometer": 3},
    ],
)
def test_residual_networks(tmp_path, network):
    """The trained model's own logits, and the network that was absorbed of it."""
    model = graph_model(network, (8, 8, 3), 5, seed=3, activation={"threshold_shift": 0.2})
    random_batch_norms(model)
    model.eval()
    graph = model.staged()
    absorbed = absorb(graph)
    export_graph(graph, tmp_path / "m.onnx", network_hash=absorbed.hash)
    images = np.random.default_rng(1).integers(0, 256, (3, 8, 8, 3), np.uint8)
    with torch.no_grad():
        logits = model(torch.from_numpy(images.transpose(0, 3, 1, 2).astype(np.float32))).numpy()
    np.testing.assert_array_equal(QonnxExecutor(tmp_path / "m.onnx").scores(images), logits)
    imported = import_qonnx(tmp_path / "m.onnx")
    assert imported.network.hash == absorbed.hash == imported.recorded_hash
    assert imported.notes == ()


def test_names_and_metadata(tmp_path):
    model = RandomModel(np.random.default_rng(11)).model
    export_graph(model, tmp_path / "m.onnx", network_hash="abc")
    file = onnx.load(tmp_path / "m.onnx")
    metadata = {entry.key: entry.value for entry in file.metadata_props}
    assert metadata["askew_network_hash"] == "abc"
    assert list(json.loads(metadata["askew_values"])) == list(model.values)
    tensors = {name for node in file.graph.node for name in node.output}
    assert {name for name in model.values if name not in {"input", "logits"}} <= tensors
    shapes = {entry.name for entry in file.graph.value_info} | {"logits"}
    assert tensors <= shapes
    first = (tmp_path / "m.onnx").read_bytes()
    export_graph(model, tmp_path / "m.onnx", network_hash="abc")
    assert (tmp_path / "m.onnx").read_bytes() == first
