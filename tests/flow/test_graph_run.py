"""A residual network from training to its report, by the commands. The oracle: the trained model in PyTorch."""

import dataclasses
import json
import shutil
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
import torch

from bnn import Network, load_network
from flow.cli.main import run as askew
from flow.run.folder import RunFolder
from flow.stages.export import write_network
from flow.stages.flow import FLOW
from tests.support.runs import exported
from training.config.load import load_config
from training.fit.train import load_trained

CONFIG = """
name = "small"
[data]
name = "digits"
[network]
fraction_bits = 4
residual_bits = 5
classifier = "sum"
layers = [
    { conv = 5, stride = 2, padding = 1, pad_pixel = 128, gives = "grid", name = "stem" },
    { sign = true },
    { conv = 5, padding = 1, pad_bit = 0, gives = "grid", name = "branch" },
    { add = ["branch", "stem"], name = "sum" },
    { average_pool = 2, name = "half" },
    { concatenate = ["half", "half"], name = "wide" },
    { sign = true, input = "sum" },
    { conv = 10, stride = 2, padding = 1, pad_bit = 0, gives = "grid", name = "narrow" },
    { add = ["narrow", "wide"], name = "last" },
]
[activation]
threshold_shift = 0.25
[training]
epochs = 1
batch_size = 256
"""
HARDWARE = (
    "fold",
    "rtl",
    "rtlsim",
    "implement",
    "board run",
    "shift-cost",
    "finn fold",
    "finn estimate",
    "finn package",
    "bitstream",
    "pynq bitstream",
)
REFUSAL = "hardware is made of chains alone so far: grid stem: is not part of a chain"


@pytest.fixture(scope="module")
def graph_run(tmp_path_factory):
    """A trained and exported residual network; read only."""
    return exported(tmp_path_factory.mktemp("graph"), CONFIG)


@pytest.fixture
def graph_copy(graph_run, tmp_path):
    shutil.copytree(graph_run, tmp_path / "small")
    return tmp_path / "small"


@pytest.fixture
def line(capsys):
    """Runs a command that is refused; its one line."""

    def refused(*command):
        capsys.readouterr()
        assert askew([str(part) for part in command]) == 2
        error = capsys.readouterr().err
        (found,) = [text for text in error.splitlines() if text.startswith("askew: ")]
        assert "Traceback" not in error
        return found.removeprefix("askew: ")

    return refused


def test_every_rung_gives_pytorchs_answers_in_every_node(graph_copy, capsys):
    assert askew(["simulate", "--run", str(graph_copy), "--backend", "numpy"]) == 0
    assert json.loads((graph_copy / "simulate.json").read_text())["mismatches"] == 0
    assert askew(["ladder", "--run", str(graph_copy)]) == 0
    ladder = json.loads((graph_copy / "ladder.json").read_text())["rungs"]
    assert {"reference", "numpy"} <= ladder.keys()
    assert all(rung["mismatches"] == 0 for rung in ladder.values())
    golden = RunFolder.open(graph_copy).golden(load_network(graph_copy / "network.npz"))
    model = load_trained(graph_copy / "checkpoint.ckpt", load_config(str(graph_copy / "config.toml")))
    pixels = torch.from_numpy(golden.images.transpose(0, 3, 1, 2).astype(np.float32))
    with torch.no_grad():
        logits = model.eval()(pixels).numpy()
    np.testing.assert_array_equal(np.argsort(logits, 1, "stable"), np.argsort(golden.scores, 1, "stable"))
    capsys.readouterr()
    assert askew(["diff", "--run", str(graph_copy), "reference", "numpy"]) == 0
    assert "reference and numpy agree in every node on 100 frames" in capsys.readouterr().out


def test_one_damaged_integer_is_found_at_its_node(graph_copy, capsys):
    run = RunFolder.open(graph_copy)
    network = run.network()
    golden = run.golden(network, 50)
    grid = next(node for node in network.nodes if node.name == "branch")
    offsets = grid.offsets.copy()
    offsets[3] += 1 << grid.shift
    damaged = dataclasses.replace(grid, offsets=offsets)
    nodes = tuple(damaged if node is grid else node for node in network.nodes)
    write_network(run, Network(nodes, network.notes), golden.images, golden.labels, {})
    assert askew(["diff", "--run", str(graph_copy), "reference", "numpy"]) == 1
    said = capsys.readouterr().out
    assert "reference and numpy differ first at node branch, frame 0, " in said
    assert "channel 3: " in said
    values = [int(word) for word in said.split("channel 3: ")[1].split(";")[0].split(" and ")]
    assert values[1] == values[0] + 1


def saved(path, header_of):
    """A network file whose header ``header_of`` has changed, with the hash that it had."""
    with np.load(path) as archive:
        members = dict(archive)
    header = json.loads(bytes(members["header"]).decode())
    header_of(header)
    members["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    np.savez(path, **members)


def described(header, name):
    return next(node for node in header["nodes"] if node["name"] == name)


def cycle(header):
    described(header, "branch")["inputs"] = ["sum"]


def two_producers(header):
    described(header, "half")["name"] = "sum"


def dead_node(header):
    described(header, "last")["inputs"] = ["narrow", "narrow"]


def unequal_shapes(header):
    described(header, "last")["inputs"] = ["narrow", "wide", "half"]


def version_3(header):
    header["version"] = 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (cycle, "a cycle, "),
        (two_producers, "value sum has two producers, nodes "),
        (dead_node, "wide: is a dead node, nobody reads its value; remove it, or read it"),
        (unequal_shapes, "add last: "),
        (version_3, "version 3"),
    ],
)
def test_a_network_file_that_contradicts_itself_is_one_line(graph_run, tmp_path, line, change, message):
    file = tmp_path / "network.npz"
    shutil.copy(graph_run / "network.npz", file)
    saved(file, change)
    images = graph_run / "golden" / "input.npy"
    assert message in line("import", "--model", file, "--run", tmp_path / "run", "--images", images)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (
            '[{ conv = 4, gives = "grid", name = "a" }, { conv = 4, gives = "grid", name = "b", input = "input" }, '
            '{ conv = 5, gives = "grid", name = "c", input = "input" }, { add = ["a", "b", "c"] }]',
            "a is (6, 6, 4) and c (6, 6, 5) (H, W, C); a sum needs one shape",
        ),
        (
            '[{ conv = 4, gives = "grid", name = "a" }, '
            '{ conv = 4, gives = "grid", name = "b", input = "input", fraction_bits = 3 }, { add = ["a", "b"] }]',
            "a has fraction_bits 6 and b 3",
        ),
        ('[{ add = ["a", "b"] }, { conv = 4, gives = "grid", name = "a" }, { sign = true }]', "a"),
        ('[{ conv = 4, gives = "grid", name = "a" }, { conv = 4, gives = "grid", name = "a" }]', "a"),
        ('[{ conv = 4, gives = "grid", name = "a" }, { sign = true, input = "input" }]', "a"),
    ],
)
def test_a_config_that_contradicts_itself_is_one_line(tmp_path, line, layers, message):
    file = tmp_path / "bad.toml"
    file.write_text(f'name = "bad"\n[data]\nname = "digits"\n[network]\nlayers = {layers}\n')
    said = line("train", "--config", file, "--run", tmp_path / "run")
    assert message in said
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("stage", HARDWARE)
def test_hardware_names_the_node_that_it_cannot_do(graph_copy, line, stage):
    assert line(*stage.split(), "--run", graph_copy) == f"{stage}: {graph_copy}: {REFUSAL}"
    assert not {"folding.json", "rtl", "finn"} & {file.name for file in graph_copy.iterdir()}


@pytest.mark.parametrize("rung", ["plain", "rtl", "finn", "top"])
def test_rungs_of_chains_say_so(graph_copy, line, rung):
    assert "grid stem: is not part of a chain" in line("diff", "--run", graph_copy, "reference", rung)


def test_status_advises_nothing_that_is_refused(graph_copy, capsys):
    assert askew(["status", "--run", str(graph_copy)]) == 0
    rows = [row for row in capsys.readouterr().out.splitlines() if REFUSAL in row]
    assert len(rows) == len(HARDWARE) + 2  # and finn and pynq results
    assert all(row.rstrip().endswith(" -") for row in rows)
    assert {finding.stage for finding, command in FLOW.status(graph_copy) if command} == {
        "simulate",
        "ladder",
        "report",
    }


def test_the_report_is_whole_without_hardware(graph_copy):
    assert askew(["run", "--run", str(graph_copy), "--to", "report"]) == 0
    report = json.loads((graph_copy / "report.json").read_text())
    assert report["hardware_refusal"] == REFUSAL
    assert (report["missing"], report["stale"]) == ({}, {})
    page = (graph_copy / "report.html").read_text()
    assert f"There is no hardware of this network: {REFUSAL}." in page
    assert f"There is no hardware of this network: {REFUSAL}." in (graph_copy / "report.md").read_text()
    picture = page[page.index('<svg class="network"') :]
    drawn = ElementTree.fromstring(picture[: picture.index("</svg>") + 6])
    names = [name.text for name in drawn.iter("tspan") if name.get("class") == "name"]
    network = load_network(graph_copy / "network.npz")
    assert names == list(network.values)
    assert [node["name"] for node in report["network"]["nodes"]] == names


def test_a_new_run_goes_from_its_config_to_the_report(tmp_path):
    (tmp_path / "small.toml").write_text(CONFIG)
    run = tmp_path / "run"
    assert askew(["run", "--run", str(run), "--to", "report", "--config", str(tmp_path / "small.toml")]) == 0
    assert (run / "report.html").exists()
