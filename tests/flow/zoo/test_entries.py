"""The zoo as it is shipped, and what is refused. Oracles: hashlib; qonnx, which executes the exported files."""

import hashlib
import shutil

import numpy as np
import onnx
import pytest

from bnn.errors import UserError
from bnn.files import write_figures
from bnn.readers import read_json
from flow.cli.main import run as askew
from flow.zoo import entries as zoo
from flow.zoo.add import add_run, write_again
from flow.zoo.entries import FOLDER, find_entry
from hw.simulator import simulate
from onnx_export.execute import QonnxExecutor
from onnx_export.metadata import NETWORK_HASH_KEY, read_metadata
from training.config.load import load_config
from training.data.datasets import load_dataset

NAMES = [entry.name for entry in zoo.entries()]
MAX_BYTES = 2 * 2**20  # of one network: the wheel and the checkout hold them all


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A zoo of its own, to damage."""
    folder = tmp_path / "networks"
    shutil.copytree(FOLDER, folder)
    monkeypatch.setattr(zoo, "FOLDER", folder)
    return folder


def model_of(entry, folder):
    file = folder / "model.onnx"
    file.write_bytes(entry.model_bytes())
    return file


def test_the_index_lists_the_files_that_are_there_and_no_others():
    listed = {name: digest for entry in zoo.entries() for name, digest in entry.about.sha256.items()}
    there = {file.name: file for file in FOLDER.iterdir() if file.name != "index.json"}
    assert listed == {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in there.items()}


@pytest.mark.parametrize("name", NAMES)
def test_a_network_is_what_the_index_says_of_it(name, tmp_path):
    entry = find_entry(name)
    network, config = entry.network(), load_config(entry.config)
    assert (config.name, config.data.name) == (name, entry.about.dataset)
    assert (config.training.seed, config.training.epochs) == (entry.about.seed, entry.about.epochs)
    assert config.data.validation_fraction == 0
    assert network.weight_bits == entry.about.weight_bits
    model = model_of(entry, tmp_path)
    assert read_metadata(model)[NETWORK_HASH_KEY] == QonnxExecutor(model).network_hash == entry.about.network_hash
    assert sum((FOLDER / file).stat().st_size for file in entry.about.sha256) < MAX_BYTES


@pytest.mark.parametrize("name", NAMES)
def test_the_exported_file_orders_the_classes_as_the_integer_network(name, tmp_path):
    entry = find_entry(name)
    network = entry.network()
    frames = np.random.default_rng(5).integers(0, 256, (4, *network.input.shape), np.uint8)
    logits = QonnxExecutor(model_of(entry, tmp_path)).scores(frames)
    scores = simulate(network, frames)
    np.testing.assert_array_equal(
        np.argsort(-logits, axis=1, kind="stable"), np.argsort(-scores, axis=1, kind="stable")
    )


def test_the_accuracy_in_the_index_is_that_of_the_exported_file(tmp_path):
    """Of the digits, which are there in every installation."""
    entry, test = find_entry("digits"), load_dataset("digits").test
    classes = QonnxExecutor(model_of(entry, tmp_path)).scores(test.pixels).argmax(axis=1)
    assert entry.about.frames == len(test)
    assert entry.about.accuracy == pytest.approx(np.mean(classes == test.labels))


@pytest.mark.parametrize("end", [".npz", ".onnx.xz", ".toml"])
def test_a_damaged_file_is_refused_before_it_is_read(copied, end):
    file = copied / f"digits{end}"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    entry = find_entry("digits")
    reads = {".npz": entry.network, ".onnx.xz": entry.model_bytes, ".toml": lambda: entry.config}
    with pytest.raises(UserError, match=rf"zoo network digits: .*digits{end} is damaged: its SHA-256 .*install Askew"):
        reads[end]()
    file.unlink()
    with pytest.raises(UserError, match=rf"digits{end} is missing; install Askew again"):
        reads[end]()


def test_another_network_under_the_name_is_refused(copied):
    table = read_json(copied / "index.json", "")
    del table["checksum"]
    shutil.copy(copied / "tfc-mnist.npz", copied / "digits.npz")
    table["networks"]["digits"]["sha256"]["digits.npz"] = table["networks"]["tfc-mnist"]["sha256"]["tfc-mnist.npz"]
    write_figures(copied / "index.json", table)
    with pytest.raises(
        UserError, match=r"digits.npz holds network \w{12}, index.json says \w{12}; install Askew again"
    ):
        find_entry("digits").network()


def test_an_index_that_was_edited_is_refused(copied, capsys):
    text = (copied / "index.json").read_text()
    (copied / "index.json").write_text(text.replace('"epochs": 150', '"epochs": 151', 1))
    assert askew(["zoo", "list"]) == 2
    assert "index.json: damaged" in capsys.readouterr().err
    (copied / "index.json").unlink()
    zoo._index.cache_clear()
    assert askew(["zoo", "list"]) == 2
    assert "index.json is missing; install Askew again" in capsys.readouterr().err


def test_an_unknown_name_gets_the_nearest_and_all():
    with pytest.raises(UserError, match=r"'tfc_mnst': unknown, did you mean tfc-mnist\? must be one of .*digits"):
        find_entry("tfc_mnst")


def test_the_list_has_every_network(capsys):
    assert askew(["zoo", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:-1]] == NAMES
    assert len({line.index(digest) for line, digest in zip(lines[1:-1], hashes(), strict=True)}) == 1


def hashes():
    return [entry.about.network_hash[:12] for entry in zoo.entries()]


def test_written_again_the_networks_are_the_same(copied, tmp_path):
    """As after a change of the network file's version: nothing but the writing of the files may differ."""
    before = {entry.name: (entry.network(), entry.model_bytes()) for entry in zoo.entries()}
    write_again(copied)
    zoo._index.cache_clear()
    for entry in zoo.entries():
        network, model = before[entry.name]
        assert entry.network().hash == network.hash
        now, then = (onnx.load_model_from_string(content) for content in (entry.model_bytes(), model))
        assert now == then


def test_a_run_is_put_into_the_zoo_and_what_is_known_of_it_stays(tmp_path):
    run, folder = tmp_path / "run", tmp_path / "zoo"
    folder.mkdir()
    assert askew(["train", "--config", "digits", "--run", str(run), "--epochs", "1", "--seed", "3"]) == 0
    with pytest.raises(UserError, match=r"network.npz: not there yet; make it with `askew run .* --to export`"):
        add_run(run, folder)
    assert askew(["export", "--run", str(run)]) == 0
    with pytest.raises(UserError, match=r"digits: new in the zoo; say who trained it"):
        add_run(run, folder)
    add_run(run, folder, trained_by="somebody", cpu_seconds=7)
    about = add_run(run, folder, remark="a test").about
    exported = read_json(run / "export.json", "")
    assert (about.trained_by, about.cpu_seconds, about.remark) == ("somebody", 7, "a test")
    assert (about.network_hash, about.accuracy, about.frames) == (
        exported["network_hash"],
        exported["accuracy"],
        exported["frames"],
    )
    assert (about.seed, about.epochs) == (3, 1)
    assert sorted(file.name for file in folder.iterdir()) == [*sorted(about.sha256), "index.json"]


@pytest.fixture(autouse=True)
def fresh_index():
    """What one test damaged the next must not find remembered."""
    zoo._index.cache_clear()
    yield
    zoo._index.cache_clear()
