"""The user's own .npz, against the arrays that the tests saved."""

import zipfile

import numpy as np
import pytest

from training.data.sources.dataset import DataError
from training.data.sources.npz import load_npz

RNG = np.random.default_rng(7)
GOOD = {
    "train_images": RNG.integers(0, 256, (9, 5, 4, 3), dtype=np.uint8),
    "train_labels": np.array([0, 1, 2, 0, 1, 2, 0, 1, 2], np.uint8),
    "test_images": RNG.integers(0, 256, (4, 5, 4, 3), dtype=np.uint8),
    "test_labels": np.array([2, 1, 0, 2], np.int32),
}


def save(tmp_path, **changes):
    """The good arrays with some of them changed, or left out where None."""
    path = tmp_path / "own.npz"
    arrays = {key: value for key, value in {**GOOD, **changes}.items() if value is not None}
    np.savez_compressed(path, **arrays)
    return path


def test_what_was_saved_is_loaded(tmp_path):
    dataset = load_npz(save(tmp_path))
    assert dataset.name == "own"
    assert dataset.shape == (5, 4, 3)
    assert dataset.class_names == ("0", "1", "2")
    for split, images, labels in (
        (dataset.train, GOOD["train_images"], GOOD["train_labels"]),
        (dataset.test, GOOD["test_images"], GOOD["test_labels"]),
    ):
        assert np.array_equal(split.images, images)
        assert split.labels.tolist() == labels.tolist()
        assert split.labels.dtype == np.int64


def test_images_without_a_channel_axis_have_one_channel(tmp_path):
    path = save(tmp_path, train_images=GOOD["train_images"][..., 0], test_images=GOOD["test_images"][..., 0])
    dataset = load_npz(path)
    assert dataset.shape == (5, 4, 1)
    assert np.array_equal(dataset.test.images[..., 0], GOOD["test_images"][..., 0])


def test_class_names_may_name_classes_that_do_not_occur(tmp_path):
    dataset = load_npz(save(tmp_path, class_names=np.array(["cat", "dog", "eel", "fox"])))
    assert dataset.class_names == ("cat", "dog", "eel", "fox")
    assert dataset.classes == 4


BAD_ARRAYS = {
    "float images": (
        {"train_images": GOOD["train_images"] / np.float32(255)},
        r"train_images: type float32, must be uint8 with pixel values 0\.\.255",
    ),
    "flat images": (
        {"test_images": np.zeros((4, 60), np.uint8)},
        r"test_images: shape \(4, 60\), must be \(n, H, W\) or",
    ),
    "no images": ({"test_images": GOOD["test_images"][:0]}, r"test_images: shape \(0, 5, 4, 3\) has no pixels"),
    "channel first": (
        {"train_images": np.zeros((9, 3, 8, 8), np.uint8)},
        r"train_images: shape \(9, 3, 8, 8\) looks channel-first, must be \(n, H, W, C\)",
    ),
    "two shapes": (
        {"test_images": np.zeros((4, 5, 5, 3), np.uint8)},
        r"train_images are 5 x 4 x 3, test_images are 5 x 5 x 3 .*both must have the same shape",
    ),
    "too few labels": (
        {"train_labels": GOOD["train_labels"][:8]},
        r"train_labels: 8 labels, but train_images has 9 images; there must be one label an image",
    ),
    "float labels": ({"test_labels": np.zeros(4)}, r"test_labels: type float64, must be integers"),
    "one-hot labels": ({"test_labels": np.eye(4, 3, dtype=np.int64)}, r"test_labels: shape \(4, 3\), must be \(n,\)"),
    "unseen class": ({"test_labels": np.array([0, 1, 3, 0])}, r"test_labels: label 3 of image 2 must lie in 0\.\.2"),
    "negative label": (
        {"train_labels": np.array([0, 1, -1, 0, 1, 2, 0, 1, 2])},
        r"train_labels: 4 classes occur, numbered -1\.\.2; number them 0\.\.3",
    ),
    "labels from one": (
        {"train_labels": GOOD["train_labels"] + 1},
        r"train_labels: 3 classes occur, numbered 1\.\.3; number them 0\.\.2, or name all of them in class_names",
    ),
    "one class": ({"train_labels": np.zeros(9, np.int64)}, r"train_labels: 1 classes occur, at least 2 must"),
    "too few names": (
        {"class_names": np.array(["cat", "dog"])},
        r"train_labels: label 2 of image 2 must lie in 0\.\.1",
    ),
    "names that are none": (
        {"class_names": np.arange(3)},
        r"class_names: shape \(3,\), type int64; must be \(classes,\) strings",
    ),
    "missing keys": (
        {"test_images": None, "test_labels": None},
        r"has no test_images, test_labels \(its first keys are \['train_images', 'train_labels'\]\); save it with",
    ),
    "labels past int64": (
        {"train_labels": np.array([0, 1, 2**64 - 1, 0, 1, 2, 0, 1, 2], np.uint64)},
        r"train_labels: 4 classes occur, numbered 0\.\.18446744073709551615",
    ),
}


@pytest.mark.parametrize("case", BAD_ARRAYS)
def test_arrays_that_do_not_fit_are_refused(tmp_path, case):
    changes, message = BAD_ARRAYS[case]
    with pytest.raises(DataError, match=r"own\.npz: " + message):
        load_npz(save(tmp_path, **changes))


def test_a_file_that_is_not_there_is_named_with_the_keys_that_it_needs(tmp_path):
    with pytest.raises(
        DataError, match=r"none\.npz: no such file; .* train_images, train_labels, test_images, test_lab"
    ):
        load_npz(tmp_path / "none.npz")


def test_a_truncated_file_is_refused(tmp_path):
    path = save(tmp_path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"own\.npz: not a whole \.npz of plain arrays \(File is not a zip file\)"):
        load_npz(path)


def test_a_damaged_array_is_refused(tmp_path):
    path = save(tmp_path)
    damaged = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        member = archive.getinfo("train_images.npy")
        damaged[member.header_offset + 30 + member.compress_size // 2 + 40] ^= 0xFF
    path.write_bytes(damaged)
    with pytest.raises(DataError, match=r"own\.npz: not a whole \.npz of plain arrays \(.+\); save it again"):
        load_npz(path)


def test_pickled_arrays_are_refused(tmp_path):
    path = save(tmp_path, train_labels=np.array([None] * 9, dtype=object))
    with pytest.raises(
        DataError, match=r"own\.npz: not a whole \.npz of plain arrays \(Object arrays cannot be loaded"
    ):
        load_npz(path)


def test_a_single_array_is_refused(tmp_path):
    path = tmp_path / "own.npz"
    with path.open("wb") as file:
        np.save(file, GOOD["train_images"])
    with pytest.raises(DataError, match=r"own\.npz: is a single array, must be an \.npz with train_images"):
        load_npz(path)


def test_no_damage_gives_anything_but_one_line(tmp_path):
    """Two hundred random damages: the file loads (some bytes do not matter) or is refused with one line."""
    path = save(tmp_path)
    whole = path.read_bytes()
    rng = np.random.default_rng(3)
    messages = []
    for _ in range(200):
        damaged = bytearray(whole)
        for position in rng.integers(0, len(whole), 3):
            damaged[position] = rng.integers(0, 256)
        path.write_bytes(damaged)
        try:
            load_npz(path)
        except DataError as error:
            messages.append(str(error))
    assert len(messages) > 100
    assert all("\n" not in message and message.startswith(str(path)) for message in messages)
