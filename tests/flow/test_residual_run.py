"""A residual network on a folder of images, from the command line. The oracles: exit statuses and the files on disk."""

import json

import numpy as np
import pytest
from PIL import Image

from flow.cli.main import run as askew
from training.config.load import load_config, parse_config
from training.data.datasets import load_dataset
from training.data.sources.preparation import Preparation
from training.fit.checkpoint import load_trained
from training.fit.evaluate import accuracy
from training.fit.train import train

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:tensorboard.*")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Dark and light noise, which a network tells apart at once."""
    place = tmp_path_factory.mktemp("images")
    random = np.random.default_rng(0)
    for split, count in (("train", 12), ("val", 5)):
        for name, offset in (("dark", 0), ("light", 128)):
            (place / split / name).mkdir(parents=True)
            for index in range(count):
                pixels = random.integers(offset, offset + 128, (20, 26, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(place / split / name / f"{index}.JPEG")
    return place


def config_of(folder, variant="bi_real_net", **training):
    residual = {"variant": variant, "stem": "cifar", "blocks": [1, 1], "channels": [4, 6]}
    return parse_config(
        {
            "name": "tiny",
            "data": {"name": str(folder), "resize": 18, "crop": 16, "validation_fraction": 0.25},
            "network": {"residual": residual},
            "activation": {"threshold_shift": "learned"},
            "training": {"epochs": 1, "batch_size": 6, "augmentation": {"flip": True, "random_crop": True}} | training,
        },
        "tiny.toml",
    )


def test_it_is_trained_and_evaluated_and_not_exported(folder, tmp_path, capsys):
    (tmp_path / "tiny.toml").write_text(config_of(folder).to_toml())
    run = tmp_path / "run"
    assert askew(["train", "--config", str(tmp_path / "tiny.toml"), "--run", str(run), "--threads", "1"]) == 0
    assert "test accuracy" in capsys.readouterr().err
    model = load_trained(run / "checkpoint.ckpt", config_of(folder))
    assert model.shape == (16, 16, 3)
    assert 0.0 <= accuracy(model, load_dataset(str(folder), preparation=Preparation(resize=18, crop=16)).test) <= 1.0
    before = {file.name for file in run.iterdir()}
    assert askew(["export", "--run", str(run)]) == 2
    error = capsys.readouterr().err
    complaints = [line for line in error.splitlines() if line.startswith("askew: ")]
    assert len(complaints) == 1
    assert "network.residual: the integer network cannot hold full-precision shortcuts (stage1.block1" in complaints[0]
    assert "Traceback" not in error
    assert {file.name for file in run.iterdir()} == before


def test_the_order_of_training_is_repeated_exactly(folder, tmp_path):
    first, second = (
        train(config_of(folder, "xnor_net", epochs=2), tmp_path / name, threads=1, progress=False) for name in "ab"
    )
    assert first.history == second.history
    assert set(first.plus_one) == {f"stage{s}.block1.sign{n}" for s in (1, 2) for n in (1, 2)}
    assert first.validation_accuracy is not None


def test_two_processes_train_it_together(folder, tmp_path):
    result = train(config_of(folder), tmp_path, devices=2, threads=1, progress=False)
    assert len(result.history) == 1
    assert np.isfinite(result.history[0]["loss"])


def test_a_plain_binary_network_on_a_folder_is_exported(folder, tmp_path, capsys):
    settings = config_of(folder).settings()
    settings["network"] = {"input_bits": 8, "layers": [{"conv": 4, "stride": 2}, {"dense": 8}]}
    (tmp_path / "plain.toml").write_text(parse_config(settings, "plain").to_toml())
    run = tmp_path / "run"
    assert askew(["train", "--config", str(tmp_path / "plain.toml"), "--run", str(run), "--threads", "1"]) == 0
    assert askew(["export", "--run", str(run)]) == 0
    golden = np.load(run / "golden" / "input.npy")
    test = load_dataset(str(folder), preparation=Preparation(resize=18, crop=16)).test
    np.testing.assert_array_equal(golden, test.pixels)
    assert json.loads((run / "export.json").read_text())["frames"] == 10


def test_what_does_not_fit_a_folder_is_one_line(folder, tmp_path, capsys):
    config = str(tmp_path / "tiny.toml")
    (tmp_path / "tiny.toml").write_text(config_of(folder).to_toml())
    for override, message in (
        ("training.augmentation.shift_pixels=2", "shift_pixels: must be left out with random_crop"),
        ("data.name=nowhere", "nowhere: no such folder; a data set of images is a folder with train/CLASS/*.JPEG"),
    ):
        assert askew(["train", "--config", config, "--run", str(tmp_path / "run"), "--set", override]) == 2
        assert message in capsys.readouterr().err
    for name in ("xnor", "bireal"):
        imagenet = load_config(f"resnet18-{name}-imagenet")
        assert (imagenet.data.resize, imagenet.data.crop) == (256, 224)
        assert imagenet.training.augmentation.random_crop
