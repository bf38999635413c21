"""Types too narrow for what reaches them. Oracles: FINN's compiler with its own types; popcounts counted naively."""

import json
import shutil

import numpy as np
import onnx.helper
import pytest
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.util.basic import get_by_name

from bnn import Chain, DenseLayer, Encode
from finn_build.compiler.boards import find_board
from finn_build.compiler.graph import build_graph
from finn_build.compiler.nodes import Compiler
from finn_build.compiler.typecheck import check_models, check_types
from finn_build.errors import FinnError, TypesError
from finn_build.package.package import CONFIG
from finn_build.package.settings import BuildSettings
from finn_build.worker.estimate import estimate
from finn_build.worker.process import run_worker
from finn_build.worker.rung import LAST_GRAPH, FinnGraph

MW = 8  # of the last layer: FINN gives it INT4, up to 7
FOLDING = {"fc1": (1, 1), "fc2": (1, 1)}


@pytest.fixture(scope="module")
def network():
    rng = np.random.default_rng(3)
    thresholds = np.array([8, 8, 9, 7, 8, 8, 0, 17])
    layers = (
        DenseLayer.from_bits("fc1", rng.integers(0, 2, (MW, 16)), thresholds),
        DenseLayer.from_bits("fc2", rng.integers(0, 2, (4, MW)) | np.array([0, 0, 0, 0, 0, 0, 1, 0]), None),
    )
    return Chain(Encode.threshold((1, 1, 16), 128), layers)


@pytest.fixture(scope="module")
def frames(network, frames_of):
    return frames_of(network, 300)


@pytest.fixture(scope="module")
def popcounts(network, frames):
    """(n, 4) of the last layer, counted."""
    bits = (frames.images.reshape(-1, 16) >= 128).astype(int)
    first, last = network.layers
    hidden = (np.array([[(row == w).sum() for w in first.weight_bits] for row in bits]) >= first.thresholds).astype(int)
    return np.array([[(row == w).sum() for w in last.weight_bits] for row in hidden])


@pytest.fixture(scope="module")
def folder(network, frames, tmp_path_factory):
    """Of an estimate, whose graphs the tests look at and damage copies of."""
    made = tmp_path_factory.mktemp("finn of a full popcount")
    settings = BuildSettings(find_board("Pynq-Z2"), 100.0, FOLDING)
    estimate(network, frames, settings, made, count=10)
    return made


def last_graph(folder):
    return folder / "estimate" / "output" / "intermediate_models" / f"{LAST_GRAPH}.onnx"


@pytest.fixture
def graph(folder, tmp_path):
    """A copy of the estimate's folder, and the model of its last graph."""
    copy = tmp_path / "finn"
    shutil.copytree(folder, copy)
    return copy, ModelWrapper(str(last_graph(copy)))


def node_of(model, name):
    (node,) = [node for node in model.graph.node if node.name == name]
    return node


def set_types(model, name, **types):
    for attribute, value in types.items():
        get_by_name(node_of(model, name).attribute, attribute).s = value.encode()


def test_types_hold_a_full_popcount(network, folder, popcounts):
    assert popcounts.max() == MW  # it occurs
    figures = json.loads((folder / "estimate.json").read_text())
    assert figures["mismatches"] == 0
    assert figures["layers"]["fc2"]["accumulator"] == {"low": 0, "high": 8, "type": "UINT4"}
    assert figures["layers"]["fc1"]["accumulator"] == {"low": 0, "high": 16, "type": "UINT5"}
    assert DataType[figures["layers"]["fc1"]["threshold"]["type"]].max() >= 17
    node = node_of(ModelWrapper(str(last_graph(folder))), "MVAU_hls_1")
    assert get_by_name(node.attribute, "outputDataType").s == b"UINT4"


def test_the_estimate_looks_at_the_full_popcount(folder, popcounts, frames):
    """Among 10 of 300 frames."""
    with np.load(folder / "estimate" / "golden.npz") as golden:
        assert golden["fc2"].max() == MW
        assert golden["images"].shape == (10, 1, 1, 16)


@pytest.mark.parametrize("has_our_types", [False, True])
def test_finns_own_types_are_refused(network, graph, has_our_types):
    """FINN's minimization on; with our types it comes after them and undoes them."""
    package = graph[0] / "estimate"
    config = json.loads((package / CONFIG).read_text())
    (package / CONFIG).write_text(json.dumps(config | {"minimize_bit_width": True}))
    if not has_our_types:
        units = {name: {"PE": 1, "SIMD": 1} for name in ("MVAU_hls_0", "MVAU_hls_1")}
        (package / "folding_config.json").write_text(json.dumps({"Defaults": {}} | units))
    shutil.rmtree(package / "output")
    job = {"package": str(package), "output": str(package / "output"), "frames": "", "layers": []}
    said = (
        r"finn estimate: step_minimize_bit_width_initial: MVAU_\d \(layer fc\d\): accDataType is INT\d, -\d+..(\d+), "
    )
    with pytest.raises(TypesError, match=said + r"the values there reach 0\.\.\d+; .* `askew finn package`"):
        run_worker("estimate", job, package)


@pytest.mark.parametrize(
    ("node", "types", "message"),
    [
        ("MVAU_hls_1", {"accDataType": "INT4"}, r"MVAU_hls_1 \(layer fc2\): accDataType is INT4, -8\.\.7, .* 0\.\.8;"),
        ("MVAU_hls_1", {"outputDataType": "UINT3"}, r"\(layer fc2\): outputDataType is UINT3, 0\.\.7, .* 0\.\.8;"),
        ("LabelSelect_hls_0", {"inputDataType": "INT4"}, r"inputDataType of LabelSelect_hls_0 is INT4, .* 0\.\.8;"),
        (
            "LabelSelect_hls_0",
            {"outputDataType": "BINARY"},
            r"outputDataType of LabelSelect_hls_0 is BINARY, .* 0\.\.3;",
        ),
        ("MVAU_hls_0", {"accDataType": "INT5"}, r"\(layer fc1\): accDataType is INT5, -16\.\.15, .* 0\.\.16;"),
        ("Thresholding_rtl_0", {"inputDataType": "UINT7"}, r"\(layer input\): inputDataType is UINT7, .* 0\.\.255;"),
        (
            "Thresholding_rtl_0",
            {"weightDataType": "UINT7"},
            r"\(layer input\): weightDataType is UINT7, .* 128\.\.128;",
        ),
    ],
)
def test_every_narrow_attribute_is_named(network, graph, node, types, message):
    folder, model = graph
    set_types(model, node, **types)
    model.save(str(last_graph(folder)))
    with pytest.raises(TypesError, match=f"{LAST_GRAPH}: .*{message} the hardware can give wrong answers"):
        check_types(last_graph(folder), network)


@pytest.mark.parametrize(
    ("node", "index", "narrow", "message"),
    [
        ("MVAU_hls_0", 2, "UINT4", r"\(layer fc1\): its thresholds is UINT4, 0\.\.15, the values there reach 0\.\.17;"),
        (
            "LabelSelect_hls_0",
            0,
            "UINT3",
            r"\(layer fc2\): its output is UINT3, 0\.\.7, the values there reach 0\.\.8;",
        ),
        ("Thresholding_rtl_0", 1, "UINT4", r"\(layer input\): its thresholds is UINT4, .* reach 128\.\.128;"),
    ],
)
def test_every_narrow_tensor_is_named(network, graph, node, index, narrow, message):
    folder, model = graph
    model.set_tensor_datatype(node_of(model, node).input[index], DataType[narrow])
    model.save(str(last_graph(folder)))
    with pytest.raises(TypesError, match=message):
        check_types(last_graph(folder), network)


def test_a_clipped_threshold_is_named(network, graph):
    """Channel 7 never fires; FINN clips what lies above the range that it takes popcounts to have."""
    folder, model = graph
    thresholds = model.get_initializer(node_of(model, "MVAU_hls_0").input[2])
    model.set_initializer(node_of(model, "MVAU_hls_0").input[2], np.minimum(thresholds, 16))
    model.save(str(last_graph(folder)))
    said = r"the threshold of channel 7 is 16, the network's is 17, and accumulators reach 0\.\.16: FINN has clipped it"
    with pytest.raises(TypesError, match=said):
        check_types(last_graph(folder), network)


def test_the_original_finns_thresholds_need_the_accumulators_type(tmp_path):
    """Popcounts reach 15 and fit four bits; a threshold of 16 does not, and the HLS code keeps it in the same type."""
    hidden = DenseLayer.from_bits("fc1", np.ones((2, 15), int), np.array([16, 3]))
    layers = (hidden, DenseLayer.from_bits("fc2", np.ones((2, 2), int), None))
    network = Chain(Encode.threshold((1, 1, 15), 128), layers)
    model = build_graph(network, network.hash)
    matrix = node_of(model, "fc1_accumulators")
    matrix.op_type = "MVAU"
    matrix.attribute.append(onnx.helper.make_attribute("accDataType", "UINT4"))
    model.save(str(tmp_path / "graph.onnx"))
    assert check_types(tmp_path / "graph.onnx", network)["fc1"]["accumulator"] == "UINT4"
    with pytest.raises(TypesError, match=r"accDataType, in which its thresholds are kept, is UINT4, .* reach 0\.\.16;"):
        check_types(tmp_path / "graph.onnx", network, Compiler.FINN)


def test_rung_wraps_as_the_hardware_does(network, graph, frames, popcounts):
    """The rung on FINN's own type, INT4: a popcount of 8 is -8 there, and the scores are of that."""
    folder, model = graph
    set_types(model, "MVAU_hls_1", accDataType="INT4", outputDataType="INT4")
    model.set_tensor_datatype(node_of(model, "MVAU_hls_1").output[0], DataType["INT4"])
    model.save(str(last_graph(folder)))
    scores = FinnGraph(network, folder).scores(frames.images)
    wrapped = np.where(popcounts > 7, popcounts - 16, popcounts)
    assert np.array_equal(scores, 2 * wrapped - MW)
    assert not np.array_equal(scores, frames.scores)


def test_rung_wraps_inside_a_unit(network, graph):
    """An accumulator in front of thresholds: in INT5 a popcount of 16 is -16, which then goes into the thresholds'."""
    folder, model = graph
    set_types(model, "MVAU_hls_0", accDataType="INT5")
    model.save(str(last_graph(folder)))
    rows = network.layers[0].weight_bits  # as images: each matches one row wholly
    traced = FinnGraph(network, folder).trace((rows * 255).reshape(MW, 1, 1, 16))["fc1"].reshape(MW, MW)
    matches = (rows[:, None] == rows).sum(-1)
    threshold_bits = model.get_tensor_datatype(node_of(model, "MVAU_hls_0").input[2]).bitwidth()
    wrapped = np.where(matches > 15, matches - 32, matches) % 2**threshold_bits
    assert (matches.diagonal() == 16).all()
    assert np.array_equal(traced, wrapped >= network.layers[0].thresholds)


def test_all_graphs_of_a_build(network, graph, tmp_path):
    folder, _ = graph
    check_models(last_graph(folder).parent, network, Compiler.FINN_PLUS)
    with pytest.raises(FinnError, match="holds no graph whose types could be checked"):
        check_models(tmp_path, network, Compiler.FINN_PLUS)
    other = Encode.threshold((1, 1, 16), 128)
    with pytest.raises(FinnError, match="holds 2 matrices, the network has 1"):
        check_models(
            last_graph(folder).parent,
            Chain(other, (DenseLayer.from_bits("fc", np.ones((2, 16), int), None),)),
            Compiler.FINN_PLUS,
        )
