"""Runs of the zoo's networks. Oracles: the data set's labels and qonnx's answers; the plain evaluator; Verilator."""

import shutil

import numpy as np
import pytest

from bnn.readers import read_json
from flow.cli.main import run as askew
from flow.run.folder import Origin, RunFolder
from flow.stages.zoo import ZOO_GET
from flow.zoo import entries as zoo
from flow.zoo.entries import FOLDER, find_entry
from training.data.datasets import load_dataset
from training.data.fingerprint import fingerprint_dataset
from training.data.sources.dataset import DataError


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    run = tmp_path_factory.mktemp("zoo") / "run"
    assert askew(["zoo", "get", "digits", "--run", str(run)]) == 0
    return run


def complaint(capsys, *arguments):
    capsys.readouterr()
    assert askew(list(arguments)) == 2
    return capsys.readouterr().err.splitlines()[-1]


def test_what_is_got_is_simulated_on_the_test_images(digits):
    assert askew(["simulate", "--run", str(digits)]) == 0
    simulated, test = read_json(digits / "simulate.json", ""), load_dataset("digits").test
    assert (simulated["frames"], simulated["mismatches"]) == (len(test), 0)
    assert simulated["accuracy"] == find_entry("digits").about.accuracy
    np.testing.assert_array_equal(np.load(digits / "golden" / "labels.npy"), test.labels)
    assert RunFolder.open(digits).origin is Origin.ZOO


def test_the_exported_file_takes_the_place_of_the_reference(digits):
    assert askew(["ladder", "--run", str(digits), "--frames", "12"]) == 0
    assert list(read_json(digits / "ladder.json", "")["rungs"]) == ["qonnx", "numpy", "plain"]
    assert askew(["ladder", "--run", str(digits), "--frames", "12", "--rungs", "reference,numba"]) == 0
    rungs = read_json(digits / "ladder.json", "")["rungs"]
    assert {name: rung["mismatches"] for name, rung in rungs.items()} == dict.fromkeys(rungs, 0)
    assert rungs["reference"]["compared"] == "order of classes"
    assert askew(["diff", "--run", str(digits), "reference", "plain", "--frames", "3"]) == 0


def test_every_stage_that_needs_no_trained_model_is_there(digits, capsys):
    assert askew(["status", "--run", str(digits)]) == 0
    stages = [line.split("  ")[0] for line in capsys.readouterr().out.splitlines()[1:]]
    assert not {"train", "export", "import", "shift-cost"} & set(stages)
    assert {"zoo get", "simulate", "ladder", "fold", "rtl", "rtlsim", "finn estimate", "report"} <= set(stages)
    refused = complaint(capsys, "export", "--run", str(digits))
    assert refused == (
        f"askew: export: {digits} is from the zoo and has no trained model; `askew run --run {digits} --to 'zoo get'` "
        "makes its network, and every stage that `askew status` lists works on it"
    )
    assert askew(["run", "--run", str(digits), "--to", "zoo get"]) == 0


@pytest.mark.slow
def test_down_to_hardware_and_report(digits):
    if shutil.which("g++") is None:
        pytest.skip("no C++ compiler")
    to = ["--to", "rtlsim,report", "--board", "Pynq-Z2", "--target-fps", "100000"]
    assert askew(["run", "--run", str(digits), *to, "--set", "rtlsim.frames=20"]) == 0
    measured = read_json(digits / "rtlsim.json", "")
    assert (measured["frames"], measured["mismatches"]) == (20, 0)
    assert read_json(digits / "report.json", "")["network_hash"] == find_entry("digits").about.network_hash


def test_a_run_folder_that_is_taken_is_left_alone(digits, tmp_path, capsys):
    assert 'made by another `zoo get` (it has `name = "digits"`' in complaint(
        capsys, "zoo", "get", "tfc-mnist", "--run", str(digits)
    )
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("mine")
    assert "exists and is not a run folder" in complaint(
        capsys, "zoo", "get", "digits", "--run", str(tmp_path / "other")
    )
    assert "did you mean digits?" in complaint(capsys, "zoo", "get", "digit", "--run", str(tmp_path / "new"))
    assert not (tmp_path / "new").exists()


def test_a_run_says_what_its_network_is(digits):
    about, exported = find_entry("digits").about, read_json(digits / "export.json", "")
    assert exported["zoo"] == about.to_json()
    assert exported["notes"] == []
    assert exported["class_names"] == [str(digit) for digit in range(10)]


def test_without_the_data_set_random_frames_do(tmp_path, capsys, monkeypatch):
    def absent(*_):
        raise DataError("data set mnist: not here")

    monkeypatch.setattr("training.data.datasets.load_dataset", absent)
    run = tmp_path / "run"
    said = complaint(capsys, "zoo", "get", "tfc-mnist", "--run", str(run))
    assert said == (
        "askew: data set mnist: not here; --random-frames 100 does without the data set, and without accuracy"
    )
    assert not run.exists()
    assert askew(["zoo", "get", "tfc-mnist", "--run", str(run), "--random-frames", "7"]) == 0
    assert "7 random images without labels" in capsys.readouterr().err
    assert askew(["run", "--run", str(run), "--to", "simulate"]) == 0
    simulated = read_json(run / "simulate.json", "")
    assert (simulated["frames"], simulated["accuracy"], simulated["mismatches"]) == (7, None, 0)


def test_the_help_has_the_stages_example(capsys):
    assert askew(["zoo", "get", "--help"]) == 0
    assert f"askew zoo get {ZOO_GET.example}" in " ".join(capsys.readouterr().out.split())


def test_run_begins_with_a_network_of_the_zoo(tmp_path, capsys):
    run = tmp_path / "run"
    assert "contradict each other" in complaint(
        capsys, "run", "--run", str(run), "--zoo", "digits", "--config", "digits", "--to", "simulate"
    )
    assert not run.exists()
    assert askew(["run", "--run", str(run), "--zoo", "digits", "--to", "simulate"]) == 0
    assert not (run / "checkpoint.ckpt").exists()
    assert read_json(run / "simulate.json", "")["mismatches"] == 0


def test_another_network_in_the_zoo_makes_the_run_stale(tmp_path, capsys, monkeypatch):
    folder, run = tmp_path / "networks", tmp_path / "run"
    assert askew(["zoo", "get", "digits", "--run", str(run)]) == 0
    shutil.copytree(FOLDER, folder)
    index = read_json(folder / "index.json", "")
    other = (folder / "digits.toml").read_text() + "# another\n"
    (folder / "digits.toml").write_text(other)
    monkeypatch.setattr(zoo, "FOLDER", folder)
    index["networks"]["digits"]["sha256"]["digits.npz"] = "0" * 64
    monkeypatch.setattr(zoo, "_index", lambda _: zoo.ZooIndex.model_validate(index))
    capsys.readouterr()
    assert askew(["status", "--run", str(run)]) == 0
    assert "the zoo's network is another one than it was made from" in capsys.readouterr().out


def test_whoever_begins_a_long_training_is_told_of_the_zoo(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("flow.stages.train.LONG_TRAINING", 1.0)
    run = tmp_path / "run"
    train = ["train", "--config", "digits", "--run", str(run), "--epochs", "1"]
    assert askew(train) == 0
    told = f"`askew zoo get digits --run {tmp_path / 'zoo-digits'}` makes a run of it in seconds"
    assert told in capsys.readouterr().err
    assert askew([*train, "--force"]) == 0
    assert told not in capsys.readouterr().err, "it goes on with what it has begun"


def test_mnist_is_measured_as_the_index_says(tmp_path):
    if fingerprint_dataset("mnist") is None:
        pytest.skip("MNIST is not here")
    test = load_dataset("mnist").test
    run = tmp_path / "run"
    assert askew(["zoo", "get", "tfc-mnist", "--run", str(run)]) == 0
    exported = read_json(run / "export.json", "")
    assert exported["accuracy"] == find_entry("tfc-mnist").about.accuracy
    classes = np.load(run / "golden" / "expected.npy").argmax(axis=1)
    assert exported["accuracy"] == pytest.approx(np.mean(classes == test.labels))
