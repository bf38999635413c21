"""Runs of somebody's own network, from the file to hardware.

Oracles: the PyTorch model, whose classes are the labels, so that every rung must be right on all of them; qonnx, which
executes the file itself as the ladder's reference; Verilator and FINN's compiler.
"""

import json
import re
import shlex
import shutil

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto

from bnn.readers import read_json
from flow.cli.main import run as askew
from tests.support.brevitas_models import (
    SHAPES,
    brevitas_model,
    cleaned,
    export_brevitas,
    finn_transformations,
    transformed,
)
from tests.support.onnx_builder import Builder

torch.set_num_threads(1)

FRAMES = 24
TRAINED_NAMES = {"train", "export", "shift-cost"}


def images_for(name, frames=FRAMES):
    _, channels, height, width = SHAPES[name]
    return np.random.default_rng(7).integers(0, 256, (frames, height, width, channels), np.uint8)


def classes_by_pytorch(name, images, mean=0.0, std=1.0):
    x = (torch.from_numpy(images.transpose(0, 3, 1, 2)).float() / 255 - mean) / std
    with torch.no_grad():
        logits = brevitas_model(name)(x).numpy()
    return (logits[:, 0] > 0).astype(np.int64) if logits.shape[1] == 1 else logits.argmax(1)


def save(folder, images, labels=None):
    """Options that name these arrays, as files."""
    folder.mkdir(exist_ok=True, parents=True)
    np.save(folder / "images.npy", images)
    if labels is None:
        return ["--images", str(folder / "images.npy")]
    np.save(folder / "labels.npy", labels)
    return ["--images", str(folder / "images.npy"), "--labels", str(folder / "labels.npy")]


def tiny(path, **keywords):
    """A file of two layers for 4 x 4 grey images, made in no time."""
    rng = np.random.default_rng(1)
    builder = Builder((1, 16), **keywords)
    builder.node("Sub", 0.5)
    builder.sign()
    builder.dense(rng.choice([-1.0, 1.0], (12, 16)))
    builder.node("Add", np.arange(12) - 5.5)
    builder.sign()
    builder.dense(rng.choice([-1.0, 1.0], (4, 12)))
    if path is not None:
        builder.save(path)
    return builder


def tiny_images(seed=2, frames=FRAMES):
    return np.random.default_rng(seed).integers(0, 256, (frames, 1, 1, 16), np.uint8)


@pytest.fixture
def tiny_run(tmp_path):
    """An imported run without labels; `again` imports the same once more."""
    tiny(tmp_path / "m.onnx")
    given = save(tmp_path, tiny_images())
    return imported(tmp_path / "run", tmp_path / "m.onnx", *given)


def imported(run, model, *given):
    assert askew(["import", "--model", str(model), "--run", str(run), *given]) == 0
    return run


def rungs_of(run):
    return read_json(run / "ladder.json", "")["rungs"]


def check_rungs(run, names, accuracy):
    rungs = rungs_of(run)
    assert list(rungs) == names
    for name, rung in rungs.items():
        assert (rung["mismatches"], rung["accuracy"]) == (0, accuracy), name


def complaint(capsys):
    """The one line on standard error with which a command ends."""
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("askew: ") or "  File" in line]
    assert len(lines) == 1, lines
    return lines[0]


def advised(line):
    """The command that a line advises, as arguments."""
    return shlex.split(re.search(r"`askew (.*?)`", line)[1])


def states(capsys, run):
    capsys.readouterr()
    assert askew(["status", "--run", str(run)]) == 0
    found = re.findall(r"^(\w[\w -]*?)  +(fresh|stale|missing)\b", capsys.readouterr().out, re.MULTILINE)
    return dict(found)


@pytest.fixture
def sources(tmp_path, monkeypatch, exported_run):
    """``sources(kind)``: a model file and the options of images and labels that go with it."""

    def make(kind):
        path, files = tmp_path / f"{kind}.onnx", tmp_path / f"files of {kind}"
        if kind == "ours":
            golden = exported_run / "golden"
            options = save(files, np.load(golden / "input.npy")[:40], np.load(golden / "labels.npy")[:40])
            shutil.copy(exported_run / "model.onnx", path)
            return path, options
        name = kind.rpartition("-of-")[2]
        images = images_for(name)
        if kind.startswith("finn"):
            finn = finn_transformations(tmp_path, monkeypatch)
            model = cleaned(export_brevitas(name, tmp_path / "before.onnx"))
            transformed(model, finn["ConvertQONNXtoFINN"], finn["Streamline"]).save(str(path))
        else:
            export_brevitas(name, path)
        return path, save(files, images, classes_by_pytorch(name, images))

    return make


KINDS = ("mlp", "cnn", "one-logit", "finn-of-mlp", "finn-of-cnn", "ours")


@pytest.mark.parametrize("kind", KINDS)
def test_every_file_becomes_a_run_that_is_right_on_every_frame(sources, tmp_path, kind, exported_run):
    model, options = sources(kind)
    run = imported(tmp_path / "run", model, *options)
    assert askew(["run", "--run", str(run), "--to", "report,rtl", "--board", "Pynq-Z2"]) == 0
    expected = 1.0
    if kind == "ours":
        predicted = np.load(exported_run / "golden" / "expected.npy")[:40].argmax(1)
        expected = float((predicted == np.load(exported_run / "golden" / "labels.npy")[:40]).mean())
    check_rungs(run, ["reference", "numpy", "plain"], expected)
    assert (run / "rtl" / "askew_top.sv").is_file()
    report = read_json(run / "report.json", "")
    assert report["golden"]["accuracy"] == report["summary"]["accuracy"] == expected
    assert not report["stale"]
    if kind == "ours":
        ours, theirs = (read_json(folder / "export.json", "")["network_hash"] for folder in (run, exported_run))
        assert ours == theirs


@pytest.fixture
def compiler(monkeypatch, tmp_path_factory):
    if shutil.which("g++") is None:
        pytest.skip("needs a C++ compiler")
    monkeypatch.setenv("ASKEW_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def test_the_whole_ladder_down_to_rtl(sources, tmp_path, compiler):
    model, options = sources("one-logit")
    run = imported(tmp_path / "run", model, *options)
    names = ["reference", "qonnx", "numpy", "numba", "plain", "rtl"]
    assert askew(["fold", "--run", str(run), "--max-fps", "--board", "Pynq-Z2"]) == 0
    assert askew(["ladder", "--run", str(run), "--rungs", ",".join(names)]) == 0
    check_rungs(run, names, 1.0)
    assert askew(["rtl", "--run", str(run)]) == 0
    assert askew(["rtlsim", "--run", str(run)]) == 0
    figures = read_json(run / "rtlsim.json", "")
    assert (figures["frames"], figures["mismatches"], figures["accuracy"]) == (FRAMES, 0, 1.0)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_every_file_down_to_rtl_and_finn(sources, tmp_path, compiler, kind):
    model, options = sources(kind)
    run = imported(tmp_path / "run", model, *options)
    to = "rtl,rtlsim,finn estimate,finn package"
    assert askew(["run", "--run", str(run), "--to", to, "--board", "Pynq-Z2"]) == 0
    names = ["reference", "qonnx", "numpy", "numba", "plain", "rtl", "finn"]
    assert askew(["ladder", "--run", str(run), "--rungs", ",".join(names)]) == 0
    assert {rung["mismatches"] for rung in rungs_of(run).values()} == {0}
    assert askew(["report", "--run", str(run)]) == 0
    hardware = read_json(run / "report.json", "")["hardware"]
    assert hardware["rtlsim"]["mismatches"] == 0
    assert hardware["finn_estimate"] is not None


@pytest.mark.slow
def test_without_labels_down_to_the_package_for_the_board(tiny_run):
    assert askew(["run", "--run", str(tiny_run), "--to", "finn package,report", "--board", "Pynq-Z2"]) == 0
    manifest = read_json(tiny_run / "finn" / "build" / "manifest.json", "")
    assert not any("labels" in name for name in manifest["sha256"])


def test_mean_and_std_are_kept_for_the_reference(sources, tmp_path):
    model, _ = sources("cnn")
    images = images_for("cnn")
    options = save(tmp_path / "files", images, classes_by_pytorch("cnn", images, mean=0.1307, std=0.3081))
    meaning = ["--input-mean", "0.1307", "--input-std", "0.3081"]
    run = imported(tmp_path / "run", model, *options, *meaning)
    assert askew(["ladder", "--run", str(run)]) == 0
    check_rungs(run, ["reference", "numpy", "plain"], 1.0)
    without = read_json(imported(tmp_path / "other", model, *options) / "export.json", "")
    assert without["accuracy"] < 1


def test_without_labels_no_accuracy_is_told(tiny_run, capsys):
    assert askew(["run", "--run", str(tiny_run), "--to", "report"]) == 0
    capsys.readouterr()
    assert askew(["ladder", "--run", str(tiny_run)]) == 0
    table = capsys.readouterr().out.strip().splitlines()[1:]
    assert [line.split()[0] for line in table] == ["reference", "numpy", "plain"]
    assert all(line.rstrip().endswith(" -") for line in table)
    check_rungs(tiny_run, ["reference", "numpy", "plain"], None)
    assert askew(["report", "--run", str(tiny_run)]) == 0
    report = read_json(tiny_run / "report.json", "")
    told = [report["golden"], report["simulate"], report["summary"], *report["rungs"].values()]
    assert [part["accuracy"] for part in told] == [None] * 6
    assert report["confusion"] is None
    assert "| reference | 24 | 0 | - |" in (tiny_run / "report.md").read_text()
    page = (tiny_run / "report.html").read_text()
    assert "without labels" in page
    assert "None" not in page
    assert not (tiny_run / "golden" / "labels.npy").exists()


@pytest.mark.parametrize("ending", ["TopK", "ArgMax", "Softmax"])
def test_files_that_end_in_the_class(tmp_path, ending):
    builder = tiny(None)
    if ending == "TopK":
        builder.raw("TopK", [builder.tensor, builder.constant([1], np.int64)], axis=-1)
        builder.nodes[-1].output.insert(0, "highest")
    else:
        builder.node(ending, axis=1)
    kind = TensorProto.FLOAT if ending == "Softmax" else TensorProto.INT64
    builder.save(tmp_path / "m.onnx", output_type=kind)
    run = imported(tmp_path / "run", tmp_path / "m.onnx", *save(tmp_path, tiny_images()))
    assert askew(["ladder", "--run", str(run)]) == 0
    check_rungs(run, ["reference", "numpy", "plain"], None)


def test_external_data_is_taken_in_and_its_change_is_seen(tmp_path, capsys):
    folder = tmp_path / "given"
    folder.mkdir()
    model = tiny(None).model()
    onnx.save(model, folder / "m.onnx", save_as_external_data=True, location="m.data", size_threshold=0)
    run = imported(tmp_path / "run", folder / "m.onnx", *save(tmp_path, tiny_images()))
    first = read_json(run / "export.json", "")["network_hash"]
    data = folder / "m.data"
    values = data.read_bytes()
    data.unlink()
    assert states(capsys, run)["import"] == "fresh"
    assert askew(["run", "--run", str(run), "--to", "report"]) == 0
    check_rungs(run, ["reference", "numpy", "plain"], None)

    offset = next(int(e.value) for t in onnx.load(folder / "m.onnx", load_external_data=False).graph.initializer
                  if t.dims == [16, 12] for e in t.external_data if e.key == "offset")  # fmt: skip
    weights = -np.frombuffer(values[offset : offset + 4 * 192], np.float32)
    data.write_bytes(values[:offset] + weights.tobytes() + values[offset + 4 * 192 :])
    assert states(capsys, run)["import"] == "stale"
    assert askew(["run", "--run", str(run), "--to", "report"]) == 0
    assert read_json(run / "export.json", "")["network_hash"] != first
    check_rungs(run, ["reference", "numpy", "plain"], None)


def test_a_network_file(tmp_path, exported_run, compiler, capsys):
    golden = exported_run / "golden"
    labels = np.load(golden / "labels.npy")[:FRAMES]
    options = save(tmp_path, np.load(golden / "input.npy")[:FRAMES, :, :, 0], labels)
    run = imported(tmp_path / "run", exported_run / "network.npz", *options)
    accuracy = float((np.load(golden / "expected.npy")[:FRAMES].argmax(1) == labels).mean())
    np.testing.assert_array_equal(np.load(run / "golden" / "expected.npy"), np.load(golden / "expected.npy")[:FRAMES])
    assert not (run / "model.onnx").exists()
    assert set(states(capsys, run).values()) == {"fresh", "missing"}
    assert askew(["run", "--run", str(run), "--to", "report,rtlsim", "--board", "Pynq-Z2"]) == 0
    check_rungs(run, ["numpy", "plain"], accuracy)
    assert states(capsys, run)["import"] == "fresh"
    capsys.readouterr()
    for rung in ("reference", "qonnx"):
        assert askew(["ladder", "--run", str(run), "--rungs", f"numpy,{rung}"]) == 2
        line = complaint(capsys)
        assert f"rung '{rung}'" in line
        assert "imported from a network file" in line
        assert "leave the rung out" in line
        assert askew(["diff", "--run", str(run), rung, "numpy"]) == 2
        assert "leave the rung out" in complaint(capsys)
    assert askew(["import", "--model", str(exported_run / "network.npz"), "--run", str(tmp_path / "other"), *options,
                  "--input-mean", "0.5"]) == 2  # fmt: skip
    assert "--input-mean goes with an ONNX file" in complaint(capsys)
    assert not (tmp_path / "other").exists()


def test_diff_compares_the_answers_of_the_file(tiny_run, capsys):
    capsys.readouterr()
    for pair in (("reference", "numpy"), ("plain", "qonnx")):
        assert askew(["diff", "--run", str(tiny_run), *pair]) == 0
        assert (
            f"agree in their answers (the imported file names no nodes) on {FRAMES} frames" in capsys.readouterr().out
        )
    assert askew(["diff", "--run", str(tiny_run), "numpy", "plain"]) == 0
    assert "agree in every node" in capsys.readouterr().out


def test_diff_names_the_frame_where_the_file_answers_otherwise(tmp_path, tiny_run, capsys):
    """The file of the run is replaced by one with another first layer."""
    model = onnx.load(tiny_run / "model.onnx")
    for tensor in model.graph.initializer:
        if list(tensor.dims) == [16, 12]:
            tensor.CopyFrom(onnx.numpy_helper.from_array(-onnx.numpy_helper.to_array(tensor), tensor.name))
    onnx.save(model, tiny_run / "model.onnx")
    capsys.readouterr()
    assert askew(["diff", "--run", str(tiny_run), "reference", "numpy"]) == 1
    assert re.search(r"reference and numpy differ first at node MatMul_\d, frame 0", capsys.readouterr().out)


def test_stages_that_only_a_trained_run_has(tiny_run, run_copy, capsys):
    found = states(capsys, tiny_run)
    assert "import" in found
    assert not TRAINED_NAMES & set(found)
    for name in sorted(TRAINED_NAMES - {"train"}):
        assert askew([name, "--run", str(tiny_run)]) == 2
        line = complaint(capsys)
        assert line.startswith(f"askew: {name}: {tiny_run} was imported and has no trained model")
        assert askew(advised(line)) == 0
    for name in sorted(TRAINED_NAMES):
        assert askew(["run", "--run", str(tiny_run), "--to", name]) == 2
        assert "was imported and has no trained model" in complaint(capsys)
    assert askew(["train", "--run", str(tiny_run), "--config", "digits"]) == 2
    assert "this run was made by another import" in complaint(capsys)

    assert "import" not in states(capsys, run_copy)
    assert askew(["run", "--run", str(run_copy), "--to", "import"]) == 2
    line = complaint(capsys)
    assert "is trained here" in line
    assert askew(advised(line)) == 0


def test_the_same_again_is_up_to_date_and_others_are_refused(tmp_path, tiny_run, capsys):
    given = ["--model", str(tmp_path / "m.onnx"), "--run", str(tiny_run), "--images", str(tmp_path / "images.npy")]
    capsys.readouterr()
    assert askew(["import", *given]) == 0
    assert capsys.readouterr().err == "import: up to date\n"
    golden = (tiny_run / "golden" / "manifest.json").read_bytes()
    tiny(tmp_path / "other.onnx")
    np.save(tmp_path / "labels.npy", np.zeros(FRAMES, np.int64))
    for more in (
        ["--labels", str(tmp_path / "labels.npy")],
        ["--input-scale", "1"],
        ["--model", str(tmp_path / "other.onnx")],
    ):
        assert askew(["import", *given, *more]) == 2
        assert "this run was made by another import" in complaint(capsys)
    assert (tiny_run / "golden" / "manifest.json").read_bytes() == golden
    assert states(capsys, tiny_run)["import"] == "fresh"


def test_changed_files_are_imported_again(tmp_path, tiny_run, capsys):
    assert askew(["run", "--run", str(tiny_run), "--to", "report"]) == 0
    np.save(tmp_path / "images.npy", tiny_images(seed=9))
    found = states(capsys, tiny_run)
    assert (found["import"], found["ladder"], found["report"]) == ("stale", "stale", "stale")
    assert askew(["ladder", "--run", str(tiny_run)]) == 2
    line = complaint(capsys)
    assert "the file of images is another one" in line
    assert askew(advised(line)) == 0
    assert askew(["run", "--run", str(tiny_run), "--to", "report"]) == 0
    np.testing.assert_array_equal(np.load(tiny_run / "golden" / "input.npy"), tiny_images(seed=9))
    check_rungs(tiny_run, ["reference", "numpy", "plain"], None)

    before = read_json(tiny_run / "report.json", "")["network_hash"]
    builder = tiny(None)
    changed = next(c for c in builder.constants if list(c.dims) == [16, 12])
    changed.CopyFrom(onnx.numpy_helper.from_array(-onnx.numpy_helper.to_array(changed), changed.name))
    builder.save(tmp_path / "m.onnx")
    assert states(capsys, tiny_run)["import"] == "stale"
    assert askew(["run", "--run", str(tiny_run), "--to", "report"]) == 0
    assert read_json(tiny_run / "report.json", "")["network_hash"] != before
    check_rungs(tiny_run, ["reference", "numpy", "plain"], None)


def test_deleted_files_change_nothing_until_they_are_needed(tmp_path, tiny_run, capsys):
    (tmp_path / "m.onnx").unlink()
    (tmp_path / "images.npy").unlink()
    assert states(capsys, tiny_run)["import"] == "fresh"
    assert askew(["run", "--run", str(tiny_run), "--to", "report"]) == 0
    check_rungs(tiny_run, ["reference", "numpy", "plain"], None)
    (tiny_run / "golden" / "expected.npy").unlink()
    assert states(capsys, tiny_run)["import"] == "stale"
    assert askew(["run", "--run", str(tiny_run), "--to", "report"]) == 2
    assert str(tmp_path / "m.onnx") in complaint(capsys)
    tiny(tmp_path / "m.onnx")
    np.save(tmp_path / "images.npy", tiny_images())
    assert askew(["run", "--run", str(tiny_run), "--to", "report"]) == 0
    assert set(states(capsys, tiny_run).values()) == {"fresh", "missing"}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("import = 3", "needs model and images"),
        ("[import]\nmodel = 'm.onnx'", "needs model and images"),
        ("[import]\nmodel = 'm.onnx'\nimages = 7", "images in table [import] must be text"),
        ("[import]\nmodel = 'm.onnx'\nimages = 'i.npy'\ninput_scale = 0.5", "input_scale in table [import]"),
    ],
)
def test_a_damaged_table(tiny_run, capsys, table, message):
    (tiny_run / "config.toml").write_text(f'name = "m"\n{table}\n')
    assert states(capsys, tiny_run)["import"] == "stale"
    for command in (["run", "--to", "report"], ["ladder"], ["ladder", "--rungs", "reference"], ["simulate"]):
        assert askew([*command, "--run", str(tiny_run)]) == 2
        line = complaint(capsys)
        assert message in line or "config.toml is another one than it was made from" in line
    assert askew(["run", "--to", "import", "--run", str(tiny_run)]) == 2
    assert message in complaint(capsys)


@pytest.mark.parametrize(
    ("name", "contents", "message"),
    [
        ("images", np.zeros((3, 5, 5, 1), np.uint8), "images.npy: images: shape"),
        ("images", np.zeros((3, 1, 1, 16), np.float32), "type float32, must be uint8"),
        ("images", np.zeros((0, 1, 1, 16), np.uint8), "holds no images"),
        ("images", b"\x93NUMPY", "images.npy: not a whole .npy file"),
        ("images", None, "images.npy: no such file"),
        ("labels", np.zeros(3, np.int64), "labels.npy: 3 labels, must be one for each of the 24 images"),
        ("labels", np.full(FRAMES, 4), "labels reach 4..4, must lie in 0..3"),
        ("labels", np.zeros(FRAMES, np.float32), "must be integers"),
        ("labels", None, "labels.npy: no such file"),
        ("m", b"", "m.onnx: not a whole ONNX file"),
        ("m", None, "m.onnx: no such file"),
    ],
)
def test_what_does_not_fit_leaves_nothing(tmp_path, capsys, name, contents, message):
    tiny(tmp_path / "m.onnx")
    options = save(tmp_path, tiny_images(), np.zeros(FRAMES, np.int64))
    file = tmp_path / ("m.onnx" if name == "m" else f"{name}.npy")
    file.unlink()
    if isinstance(contents, bytes):
        file.write_bytes(contents)
    elif contents is not None:
        np.save(file, contents)
    assert askew(["import", "--model", str(tmp_path / "m.onnx"), "--run", str(tmp_path / "run"), *options]) == 2
    assert message in complaint(capsys)
    assert not (tmp_path / "run").exists()


def test_a_network_file_that_is_none_and_images_that_do_not_fit_it(tmp_path, exported_run, capsys):
    (tmp_path / "n.npz").write_bytes(b"PK")
    options = save(tmp_path, tiny_images())
    for model, message in (
        (tmp_path / "n.npz", "n.npz"),
        (exported_run / "network.npz", "images.npy: images are uint8"),
    ):
        assert askew(["import", "--model", str(model), "--run", str(tmp_path / "run"), *options]) == 2
        assert message in complaint(capsys)
        assert not (tmp_path / "run").exists()


def test_a_failed_second_import_leaves_the_results_of_the_first(tmp_path, tiny_run, capsys):
    whole = {file: file.read_bytes() for file in (tiny_run / "network.npz", tiny_run / "model.onnx")}
    np.save(tmp_path / "images.npy", np.zeros((3, 7), np.uint8))
    builder = tiny(None)
    builder.save(tmp_path / "m.onnx", output_type=TensorProto.FLOAT)
    assert askew(["run", "--run", str(tiny_run), "--to", "report"]) == 2
    assert "images.npy: images: shape (3, 7)" in complaint(capsys)
    assert {file: file.read_bytes() for file in whole} == whole
    assert json.loads((tiny_run / "stages" / "import.json").read_text())["stage"] == "import"
    assert states(capsys, tiny_run)["import"] == "stale"
