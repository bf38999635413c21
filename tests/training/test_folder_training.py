"""Training on files of images. The oracle: the same training on the same pixels in an .npz."""

import numpy as np
import pytest
import torch

from training.config.load import load_config
from training.data.augment import Augmentation
from training.data.batches import Batches
from training.data.sources.dataset import Split
from training.data.sources.folder import load_folder
from training.data.sources.npz import load_npz
from training.data.stored_batches import StoredBatches
from training.fit import train as train_module
from training.fit.train import train

from .data.sources.test_folder import write_digits

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:tensorboard.*")

OVERRIDES = (
    "training.epochs=2",
    "network.layers=[{ dense = 16 }]",
    "activation.threshold_shift=0.25",
    "data.validation_fraction=0.2",
)


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return write_digits(tmp_path_factory.mktemp("digits"))


def history_of(name, run, *overrides):
    config = load_config("digits", [f"data.name={name}", *OVERRIDES, *overrides])
    return train(config, run, threads=1, progress=False)


@pytest.mark.parametrize("moves", ["{}", "{ shift_pixels = 2, flip = true }", "{ rotate_degrees = 9.0 }"])
def test_files_train_as_an_npz_of_them_does_in_memory_and_from_disk(digits, tmp_path, monkeypatch, moves):
    folder, npz = digits
    override = f"training.augmentation={moves}"
    oracle = history_of(npz, tmp_path / "npz", override)
    assert oracle.images == ""
    for name, limit in (("memory", 2**30), ("disk", 0)):
        monkeypatch.setattr(train_module, "HELD_BYTES", limit)
        result = history_of(folder, tmp_path / name, override)
        assert result.history == oracle.history
        assert result.test_accuracy == oracle.test_accuracy
        assert result.images == "28 x 28 pixels as they are in the files; one channel, as every file is grey"


@pytest.mark.parametrize(
    "moves", [Augmentation(), Augmentation(shift=3, flip=True), Augmentation(rotate=20.0, zoom=0.2)]
)
def test_batches_from_files_are_those_from_memory(digits, moves):
    stored, held = load_folder(digits[0]).train, load_npz(digits[1]).train
    positions = np.arange(0, len(held), 9)
    options = {"seed": 3, "rank": 1, "world_size": 2, "drop_last": True}
    ours = StoredBatches(stored.chosen(positions), 8, whole=moves, **options)
    oracle = Batches(Split(held.pixels[positions], held.labels[positions]), 8, augmentation=moves, **options)
    for epoch in (0, 4):
        ours.set_epoch(epoch)
        oracle.set_epoch(epoch)
        pairs = list(zip(ours, oracle, strict=True))
        assert len(pairs) == len(positions) // 16
        for (images, labels), (expected, expected_labels) in pairs:
            assert torch.equal(images, expected)
            assert torch.equal(labels, expected_labels)


def test_random_parts_are_said_and_are_for_folders_alone(digits, tmp_path):
    folder, npz = digits
    random = "training.augmentation={ random_crop = true }"
    assert history_of(folder, tmp_path / "random", random).images.endswith(
        "; training took random parts of the files, of the same size"
    )
    with pytest.raises(
        ValueError, match=r"augmentation.random_crop: is for folders of images, .*npz is taken as it is"
    ):
        history_of(npz, tmp_path / "npz", random)
