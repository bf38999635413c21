"""The command line: what a user does, and what a user gets wrong.

Oracles: scikit-learn's own images and labels, the files on disk, and the operating system's exit status.
"""

import gzip
import json
import resource
import struct
import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import load_digits

from bnn import load_network
from flow.cli.main import run as askew

ASKEW = [sys.executable, "-m", "flow"]


def complaint(capsys):
    """The one line that a user sees."""
    error = capsys.readouterr().err
    lines = [line for line in error.splitlines() if line.startswith("askew: ")]
    assert len(lines) == 1, error
    assert "Traceback" not in error
    return lines[0]


def test_the_whole_flow(run_copy, capsys):
    run = str(run_copy)
    assert askew(["simulate", "--run", run]) == 0
    assert askew(["ladder", "--run", run, "--rungs", "reference,qonnx,numpy"]) == 0
    assert askew(["diff", "--run", run, "reference", "qonnx", "--frames", "20"]) == 0
    assert askew(["diff", "--run", run, "qonnx", "numpy", "--frame", "7"]) == 0
    assert askew(["report", "--run", run]) == 0
    output = capsys.readouterr().out
    assert "reference and qonnx agree in every node on 20 frames" in output
    network_hash = load_network(run_copy / "network.npz").hash
    files = {name: json.loads((run_copy / f"{name}.json").read_text()) for name in ("simulate", "ladder", "report")}
    for contents in files.values():
        assert contents["network_hash"] == network_hash
        assert contents["askew_version"]
    simulated = files["simulate"]
    assert set(simulated) >= {"frames", "accuracy", "mismatches", "frames_per_second", "backend"}
    assert simulated["mismatches"] == 0
    for rung in ("reference", "qonnx", "numpy"):
        figures = files["ladder"]["rungs"][rung]
        assert figures["mismatches"] == 0
        assert figures["frames"] == simulated["frames"]
        assert figures["accuracy"] == simulated["accuracy"]
    layers = files["report"]["network"]["layers"]
    assert [(layer["name"], layer["weight_bits"]) for layer in layers] == [("fc1", 2048), ("fc2", 768), ("fc3", 240)]
    assert 0 < layers[0]["plus_fraction"] < 1
    markdown = (run_copy / "report.md").read_text()
    assert f"| numpy | {simulated['frames']} | 0 | {simulated['accuracy']:.2%} |" in markdown


def test_golden_frames_are_the_test_images(exported_run):
    images = np.load(exported_run / "golden" / "input.npy")[..., 0]
    digits = load_digits()
    known = {
        (image * 255 / 16).round().astype(np.uint8).tobytes(): label
        for image, label in zip(digits.images, digits.target, strict=True)
    }
    labels = np.load(exported_run / "golden" / "labels.npy")
    assert [known[image.tobytes()] for image in images] == labels.tolist()


def test_what_is_up_to_date_is_not_done_again(run_copy, capsys):
    before = {file.name: file.stat().st_mtime_ns for file in run_copy.iterdir() if file.name != ".lock"}
    config = str(run_copy / "config.toml")
    assert askew(["train", "--config", config, "--run", str(run_copy)]) == 0
    assert askew(["export", "--run", str(run_copy)]) == 0
    assert capsys.readouterr().err.count("up to date") == 2
    after = {file.name: file.stat().st_mtime_ns for file in run_copy.iterdir() if file.name != ".lock"}
    assert after == before
    (run_copy / "model.onnx").unlink()
    assert askew(["export", "--run", str(run_copy)]) == 0
    assert (run_copy / "model.onnx").exists()


def test_a_missing_run_and_missing_stages(tmp_path, run_copy, capsys):
    assert askew(["export", "--run", str(tmp_path / "none")]) == 2
    assert "no run there; make it with `askew train" in complaint(capsys)
    (run_copy / "network.npz").unlink()
    assert askew(["simulate", "--run", str(run_copy)]) == 2
    message = complaint(capsys)
    assert "network.npz is not there yet; run `askew run --run" in message
    advised = message.partition("`")[2].partition("`")[0].split()[1:]
    assert askew(advised) == 0
    assert askew(["simulate", "--run", str(run_copy)]) == 0


def test_a_damaged_network_file(run_copy, capsys):
    file = run_copy / "network.npz"
    file.write_bytes(file.read_bytes()[:-100])
    assert askew(["simulate", "--run", str(run_copy)]) == 2
    assert "network.npz is not what `export` wrote, but damaged or edited" in complaint(capsys)
    assert askew(["export", "--run", str(run_copy)]) == 0  # export sees the damage and makes it again
    assert askew(["simulate", "--run", str(run_copy)]) == 0


def test_a_damaged_model_file(run_copy, capsys):
    file = run_copy / "model.onnx"
    file.write_bytes(file.read_bytes()[:200])
    assert askew(["ladder", "--run", str(run_copy), "--rungs", "qonnx"]) == 2
    assert "model.onnx is not what `export` wrote, but damaged or edited" in complaint(capsys)
    assert askew(["simulate", "--run", str(run_copy)]) == 0  # which does without it


def test_a_run_folder_of_another_config(run_copy, capsys):
    config = str(run_copy / "config.toml")
    assert askew(["train", "--config", config, "--run", str(run_copy), "--epochs", "3"]) == 2
    assert "made by another config (it has `epochs = 2`, you ask for `epochs = 3`)" in complaint(capsys)


def test_a_checkpoint_of_another_model(run_copy, tmp_path, capsys):
    config = run_copy / "config.toml"
    other = tmp_path / "other"
    assert askew(["train", "--config", str(config), "--run", str(other), "--set", "network.input_bits=8"]) == 0
    capsys.readouterr()
    (run_copy / "checkpoint.ckpt").write_bytes((other / "checkpoint.ckpt").read_bytes())
    assert askew(["export", "--run", str(run_copy)]) == 2
    assert "checkpoint.ckpt" in complaint(capsys)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("training.epoch=3", "unknown key training.epoch; did you mean epochs?"),
        ("network.layers=[{dense=0}]", "network.layers[0].dense"),
        ("network.layers=[{dense=1000000000}]", "network.layers[0].dense"),
        ("network.layers=[{conv=8, kernel=9}, {dense=9}]", "9 x 9 is larger than its input, 8 x 8"),
        ("activation.threshold_shift=[0.1]", "must be one for each of the 2 hidden layers"),
        ("epochs", "must be section.key=value"),
    ],
)
def test_config_mistakes(exported_run, tmp_path, capsys, setting, message):
    config = str(exported_run / "config.toml")
    assert askew(["train", "--config", config, "--run", str(tmp_path / "new"), "--set", setting]) == 2
    assert message in complaint(capsys)
    assert not (tmp_path / "new").exists()  # so that the mended config can have it


def test_a_full_precision_twin_is_trained_and_not_exported(exported_run, tmp_path, capsys):
    run = tmp_path / "twin"
    options = ["--set", "activation.hardtanh.shift_x=0.5", "--set", "training.epochs=1"]
    options += ["--set", "activation.threshold_shift=0.0"]
    assert askew(["train", "--config", str(exported_run / "config.toml"), "--run", str(run), *options]) == 0
    before = {file.name for file in run.iterdir()}
    assert askew(["export", "--run", str(run)]) == 2
    assert "full-precision twin" in complaint(capsys)
    assert {file.name for file in run.iterdir()} == before


def test_an_unknown_config_lists_the_shipped_ones(tmp_path, capsys):
    assert askew(["train", "--config", "nothing", "--run", str(tmp_path / "new")]) == 2
    assert "tfc-mnist" in complaint(capsys)


def write_idx(path, array):
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    path.write_bytes(gzip.compress(header + array.astype(np.uint8).tobytes()))


@pytest.fixture
def mnist(tmp_path):
    folder = tmp_path / "data" / "mnist"
    folder.mkdir(parents=True)
    for name, count in (("train", 100), ("t10k", 50)):
        write_idx(folder / f"{name}-images-idx3-ubyte.gz", np.zeros((count, 28, 28)))
        write_idx(folder / f"{name}-labels-idx1-ubyte.gz", np.arange(count) % 10)
    return folder


def train_on(folder, tmp_path, *options):
    return askew(
        [
            "train",
            "--config",
            "tfc-mnist",
            "--run",
            str(tmp_path / "new"),
            "--data-dir",
            str(folder.parent),
            "--epochs",
            "1",
            *options,
        ]
    )


def test_truncated_images(mnist, tmp_path, capsys):
    file = mnist / "t10k-images-idx3-ubyte.gz"
    file.write_bytes(gzip.compress(gzip.decompress(file.read_bytes())[:-5]))
    assert train_on(mnist, tmp_path) == 2
    assert "t10k-images-idx3-ubyte" in complaint(capsys)


def test_a_wrong_number_of_labels(mnist, tmp_path, capsys):
    write_idx(mnist / "train-labels-idx1-ubyte.gz", np.arange(99) % 10)
    assert train_on(mnist, tmp_path) == 2
    message = complaint(capsys)
    assert "99" in message
    assert "100" in message


def test_missing_data(tmp_path, capsys):
    config = tmp_path / "c.toml"
    config.write_text('name = "c"\n[data]\nname = "mine.npz"\n[network]\nlayers = [{ dense = 8 }]\n')
    assert askew(["train", "--config", str(config), "--run", str(tmp_path / "new")]) == 2
    assert "mine.npz" in complaint(capsys)


def test_a_full_disk_leaves_the_old_result_or_none(run_copy):
    whole = (run_copy / "network.npz").read_bytes()
    finished = subprocess.run(
        [*ASKEW, "export", "--run", str(run_copy), "--force"],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)),  # stands for a full disk
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 2
    assert finished.stderr.splitlines()[-1].startswith("askew: ")
    assert "File too large" in finished.stderr
    assert "Traceback" not in finished.stderr
    assert (run_copy / "network.npz").read_bytes() == whole
    assert not list(run_copy.glob("**/*.tmp*"))
    again = subprocess.run([*ASKEW, "export", "--run", str(run_copy)], capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert (run_copy / "network.npz").read_bytes() == whole


@pytest.fixture
def model_and_images(exported_run, tmp_path):
    """The exported file and its images as a stranger would hand them over: without the run folder."""
    folder = tmp_path / "handed over"
    folder.mkdir()
    for source, name in (("model.onnx", "model.onnx"), ("golden/input.npy", "x.npy"), ("golden/labels.npy", "y.npy")):
        (folder / name).write_bytes((exported_run / source).read_bytes())
    return folder


def simulate_model(folder, *options):
    return askew(["simulate", "--model", str(folder / "model.onnx"), "--images", str(folder / "x.npy"), *options])


def test_any_qonnx_file(exported_run, model_and_images, capsys):
    folder = model_and_images
    files = [str(folder / name) for name in ("y.npy", "p.npy", "s.npy", "o.json")]
    options = [
        item for pair in zip(("--labels", "--predictions", "--scores", "--json"), files, strict=True) for item in pair
    ]
    assert simulate_model(folder, *options, "--input-scale", "1") == 0
    scores = np.load(folder / "s.npy")
    assert np.array_equal(scores, np.load(exported_run / "golden" / "expected.npy"))
    assert np.array_equal(np.load(folder / "p.npy"), scores.argmax(axis=1))
    figures = json.loads((folder / "o.json").read_text())
    assert figures["accuracy"] == (scores.argmax(axis=1) == np.load(folder / "y.npy")).mean()
    assert figures["frames"] == 360
    assert simulate_model(folder, "--frames", "10", "--json", files[3]) == 0
    assert json.loads((folder / "o.json").read_text())["accuracy"] is None


def test_what_a_pixel_is_to_the_file(model_and_images, tmp_path, capsys):
    """Images that are brighter by 60 are the same to the file where 60 is subtracted, in whatever units."""
    folder = model_and_images
    images = np.minimum(np.load(folder / "x.npy"), 195)
    for name, pixels, options in (
        ("plain", images, ["--input-scale", "1"]),
        ("normalized", images + 60, ["--input-scale", "1/2", "--input-mean", "60/2", "--input-std", "0.5"]),
        ("brighter", images + 60, ["--input-scale", "1"]),
    ):
        np.save(folder / "x.npy", pixels)
        assert simulate_model(folder, *options, "--scores", str(tmp_path / f"{name}.npy")) == 0
    plain, normalized, brighter = (np.load(tmp_path / f"{name}.npy") for name in ("plain", "normalized", "brighter"))
    assert np.array_equal(normalized, plain)
    assert not np.array_equal(normalized, brighter)
    assert simulate_model(folder, "--input-scale", "1/2") == 2
    assert ".5 as the file's input, which is of type UINT8 and does not hold that" in complaint(capsys)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--input-scale", "1/x"], "model.onnx: input scale '1/x': not a number; write it as 0.1307 or 1/255"),
        (
            ["--input-mean", "0.5;0.4"],
            "model.onnx: input mean '0.5;0.4': not a number; write it as 0.1307 or",
        ),
        (["--input-std", "0"], "model.onnx: input std 0.0, must be a number above 0"),
        (["--input-std", "1,2"], "model.onnx: --input-mean and --input-std tell 2 channels, the image"),
    ],
)
def test_numbers_that_say_no_pixel(model_and_images, capsys, options, message):
    assert simulate_model(model_and_images, *options) == 2
    assert message in complaint(capsys)


def test_a_run_has_its_own_mean(exported_run, capsys):
    for option in ("--input-mean", "--input-std", "--input-scale"):
        assert askew(["simulate", "--run", str(exported_run), option, "1"]) == 2
        assert f"{option} goes with --model" in complaint(capsys)


@pytest.mark.parametrize(
    ("name", "contents", "message"),
    [
        ("x.npy", np.zeros((4, 8, 8, 1)), "x.npy: images: type float64, must be uint8"),
        ("x.npy", np.zeros((4, 8, 9, 1), np.uint8), "x.npy: images: shape (4, 8, 9, 1), must be"),
        ("x.npy", np.zeros((0, 8, 8, 1), np.uint8), "holds no images"),
        ("y.npy", np.zeros(359, np.int64), "359 labels, must be one for each of the 360 images"),
        ("y.npy", np.zeros(360), "must be integers of shape (n,)"),
        ("y.npy", np.full(360, 10), "labels reach 10..10, must lie in 0..9"),
    ],
)
def test_images_and_labels_that_do_not_fit(model_and_images, capsys, name, contents, message):
    np.save(model_and_images / name, contents)
    assert simulate_model(model_and_images, "--labels", str(model_and_images / "y.npy")) == 2
    assert message in complaint(capsys)


def test_damaged_arrays_and_models(model_and_images, capsys):
    images, model = model_and_images / "x.npy", model_and_images / "model.onnx"
    whole = images.read_bytes()
    images.write_bytes(whole[:-7])
    assert simulate_model(model_and_images) == 2
    assert "x.npy: not a whole .npy file" in complaint(capsys)
    images.write_bytes(whole)
    model.write_bytes(model.read_bytes()[:300])
    assert simulate_model(model_and_images) == 2
    assert "model.onnx" in complaint(capsys)
    model.unlink()
    assert simulate_model(model_and_images) == 2
    assert "model.onnx" in complaint(capsys)
    assert askew(["simulate", "--model", "m.onnx"]) == 2
    assert "--model needs --images" in complaint(capsys)
    assert askew(["simulate"]) == 2
    assert "needs either --run or --model" in complaint(capsys)


def test_rungs_and_frames_that_do_not_exist(exported_run, capsys):
    run = str(exported_run)
    assert askew(["ladder", "--run", run, "--rungs", "numpy,quantum"]) == 2
    assert "rung 'quantum': unknown, must be one of reference, qonnx, numpy" in complaint(capsys)
    assert askew(["diff", "--run", run, "numpy", "reference", "--frame", "360"]) == 2
    assert "must be below the number of golden frames (360)" in complaint(capsys)
    assert askew(["simulate", "--run", run, "--backend", "abacus"]) == 2
    assert "--backend abacus: unknown" in complaint(capsys)


def test_usage_errors_are_one_line(capsys):
    assert askew(["fly"]) == 2
    assert "No such command 'fly'" in complaint(capsys)
    assert askew(["train"]) == 2
    assert "--config" in complaint(capsys)
    assert askew(["export", "--run", "x", "--frames", "3"]) == 2
    assert "--frames" in complaint(capsys)


def test_doctor_and_data_list(capsys):
    assert askew(["doctor"]) == 0
    assert "brevitas" in capsys.readouterr().out
    assert askew(["data", "list"]) == 0
    assert "digits" in capsys.readouterr().out
