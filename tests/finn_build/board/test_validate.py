"""``validate.py`` with a board. Oracles: the register model of the board; the simulator's scores; our own counting."""

import hashlib
import json

import numpy as np
import pytest

from finn_build.board import launcher, validate
from finn_build.package.package import write_package
from finn_build.package.settings import BuildSettings
from finn_build.results.deploy import write_deploy

SETTINGS = {
    "driver_information": {
        "io_shape_dict": {
            "idt": ["DataType['UINT8']"],
            "idma_names": ["idma0"],
            "ishape_normal": [[1, 24]],
            "odt": ["DataType['UINT8']"],
            "odma_names": ["odma0"],
            "oshape_folded": [[1, 1, 1]],
        }
    }
}


@pytest.fixture
def network(networks):
    return networks("mlp")


@pytest.fixture
def frames(network, frames_of):
    return frames_of(network, 25)


@pytest.fixture
def deployed(tmp_path, network, unfolded, pynq_z2, board):
    """Makes a deploy folder of frames, with the files put into it that its README.md asks for."""

    def make(frames):
        write_package(tmp_path / "build", network, frames, BuildSettings(pynq_z2, 100.0, unfolded(network)))
        write_deploy(tmp_path)
        deploy = tmp_path / "deploy"
        for name in ("bitfile", "driver"):
            (deploy / name).mkdir()
        (deploy / "bitfile" / "finn-accel.bit").write_bytes(b"bits")
        (deploy / "bitfile" / "finn-accel.hwh").write_bytes(b"<xml/>")
        (deploy / "driver" / "settings.json").write_text(json.dumps(SETTINGS))
        return deploy

    return make


@pytest.fixture
def deploy(deployed, frames):
    return deployed(frames)


def test_a_board_with_files_put_by_hand(deploy, frames, capsys):
    assert validate.main(deploy, ["--batch", "10"]) == 0
    first, *_ = capsys.readouterr().out.splitlines()
    accuracy = (frames.scores.argmax(1) == frames.labels).mean()
    assert first.startswith(f"validate: 25 frames, 0 mismatches with golden, accuracy {accuracy:.2%}, one Python call")
    report = json.loads((deploy / "board.json").read_text())
    assert (report["simulated"], report["clock_mhz"], report["mismatches"]) == (False, 100.0, 0)
    assert report["accuracy"] == accuracy
    assert report["bitfile_sha256"] == hashlib.sha256(b"bits").hexdigest()
    assert set(report["frames_per_second"]) == {"1", "10", "100", "1000"}
    assert report["hardware_latency_seconds"] is None  # a package alone has no cycles yet


def test_a_silent_board_is_one_line(deploy, board, capsys):
    board.silent = True
    assert validate.main(deploy, ["--timeout", "0.02"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("validate: the accelerator has not answered 1 frames in 0.02 s at 100.0 MHz; ")
    assert error.count("\n") == 1
    assert not (deploy / "board.json").exists()


def test_own_images(deploy, network, frames_of, tmp_path, capsys):
    own = frames_of(network, 33, seed=8)
    np.save(tmp_path / "i.npy", own.images[..., 0])  # the axis of one channel may be left out
    np.save(tmp_path / "l.npy", own.labels)
    given = ["--images", str(tmp_path / "i.npy"), "--labels", str(tmp_path / "l.npy"), "--batch", "8"]
    assert validate.main(deploy, [*given, "--predictions", str(tmp_path / "p.npy")]) == 0
    wanted = own.scores.argmax(1)
    assert np.array_equal(np.load(tmp_path / "p.npy"), wanted)
    words = "33 images, 0 mismatches with the integer network in the first 20, accuracy "
    assert f"{words}{(wanted == own.labels).mean():.2%}" in capsys.readouterr().out
    assert not (deploy / "board.json").exists()


def test_a_wrong_answer_to_an_own_image_is_found(deploy, board, network, frames_of, tmp_path, monkeypatch, capsys):
    own = frames_of(network, 33, seed=8)
    np.save(tmp_path / "i.npy", own.images)
    answers = board.accelerator.answers
    monkeypatch.setattr(board.accelerator, "answers", lambda: (answers() + 1) % 5)
    assert validate.main(deploy, ["--images", str(tmp_path / "i.npy"), "--check", "9", "--batch", "4"]) == 1
    assert "33 images, 9 mismatches with the integer network in the first 9; " in capsys.readouterr().out
    assert np.array_equal(np.load(deploy / "predictions.npy"), (own.scores.argmax(1) + 1) % 5)


def test_without_labels_mismatches_are_counted_all_the_same(deployed, frames, capsys):
    frames.labels = None
    deploy = deployed(frames)
    assert not (deploy / "validation" / "labels.npy").exists()
    assert validate.main(deploy, []) == 0
    assert "0 mismatches with golden, accuracy not known (no labels)" in capsys.readouterr().out
    scores = frames.scores.copy()
    scores[17] = np.roll(scores[17], 1) + np.arange(5)
    assert scores[17].argmax() != frames.scores[17].argmax()
    np.save(deploy / "validation" / "scores.npy", scores)
    assert validate.main(deploy, []) == 1
    report = json.loads((deploy / "board.json").read_text())
    assert (report["accuracy"], report["mismatches"], report["first_mismatch"]) == (None, 1, 17)


PIXELS = np.zeros((3, 4, 6), np.uint8)
SHAPE = r"must be uint8 of shape \(n, 4, 6, 1\)"


@pytest.mark.parametrize(
    ("images", "labels", "arguments", "reason"),
    [
        (np.zeros((3, 4, 6, 1)), None, [], rf"images are float64 of shape \(3, 4, 6, 1\), {SHAPE}"),
        (np.zeros((3, 6, 4, 1), np.uint8), None, [], SHAPE),
        (np.zeros((0, 4, 6, 1), np.uint8), None, [], SHAPE),
        (PIXELS, np.zeros(4, int), [], r"labels are int64 of shape \(4,\), must be integers of shape \(3,\)"),
        (PIXELS, np.full(3, 5), [], r"labels reach 5\.\.5, must lie in 0\.\.4"),
        (PIXELS, None, ["--frames", "4"], r"--frames 4: must lie in 1\.\.3"),
        (PIXELS, None, ["--check", "-1"], "--check -1: must be at least 0"),
        (None, np.zeros(3, int), [], "--labels: belongs to --images, which is not given"),
        (None, None, ["--timeout", "0"], "--timeout 0: must be more than 0 seconds"),
        (None, None, ["--timeout", "nan"], "--timeout nan: must be more than 0 seconds"),
    ],
)
def test_what_cannot_be_is_one_line(deploy, tmp_path, capsys, images, labels, arguments, reason):
    for option, values in (("images", images), ("labels", labels)):
        if values is not None:
            np.save(tmp_path / f"{option}.npy", values)
            arguments = [*arguments, f"--{option}", str(tmp_path / f"{option}.npy")]
    assert validate.main(deploy, arguments) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    with pytest.raises(ValueError, match=reason):
        raise ValueError(error)


def test_a_driver_of_another_accelerator(deploy, capsys):
    other = json.loads(json.dumps(SETTINGS))
    other["driver_information"]["io_shape_dict"]["ishape_normal"] = [[1, 784]]
    (deploy / "driver" / "settings.json").write_text(json.dumps(other))
    assert validate.main(deploy, []) == 2
    assert "is of an accelerator that takes 784 bytes a frame, this network takes 24" in capsys.readouterr().err


def test_an_alveo_card(deploy, capsys):
    (deploy / "bitfile" / "finn-accel.bit").rename(deploy / "bitfile" / "finn-accel.xclbin")
    assert validate.main(deploy, []) == 2
    assert "finn-accel.xclbin: validate.py drives Zynq boards" in capsys.readouterr().err


def test_an_older_python_is_told_the_command(monkeypatch, capsys):
    monkeypatch.setattr(launcher.sys, "version_info", (3, 8, 2, "final", 0))
    assert launcher.launch() == 2
    error = capsys.readouterr().err
    assert error.startswith("validate: needs Python 3.10 or later, this is Python 3.8 at ")
    assert error.endswith("run `sudo XILINX_XRT=/usr /usr/local/share/pynq-venv/bin/python3 validate.py`\n")
