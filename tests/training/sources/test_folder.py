"""Folders of images. The oracle is Pillow, file by file, with the sizes worked out by hand."""

import pickle

import numpy as np
import pytest
from PIL import Image

from training.datasets import DataError, load_dataset
from training.sources.folder import FolderImages, draw_box, load_folder


def make_folder(folder, sizes=((40, 30), (28, 50), (33, 33)), classes=("cat", "dog"), suffix="JPEG"):
    """So many images a class and split as there are (width, height); noise, so that every place differs."""
    random = np.random.default_rng(1)
    for split in ("train", "val"):
        for name in classes:
            place = folder / split / name
            place.mkdir(parents=True)
            for index, (width, height) in enumerate(sizes):
                pixels = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(place / f"{index}.{suffix}", format="PNG" if suffix == "png" else "JPEG")
    return folder


def test_an_evaluated_image_is_resized_and_cut_in_the_middle(tmp_path):
    """By hand for 28 pixels: the short side becomes 32, and (32 - 28) / 2 = 2 is cut off at both of its ends."""
    dataset = load_folder(make_folder(tmp_path), 28)
    assert dataset.shape == (28, 28, 3)
    assert (len(dataset.train), len(dataset.test)) == (6, 6)
    assert dataset.class_names == ("cat", "dog")
    assert dataset.train.labels.tolist() == [0, 0, 0, 1, 1, 1]
    by_hand = {"0": ((42, 32), (7, 2)), "1": ((32, 57), (2, 14)), "2": ((32, 32), (2, 2))}
    expected = []
    for name in ("cat", "dog"):
        for index, (size, (left, top)) in by_hand.items():
            with Image.open(tmp_path / "train" / name / f"{index}.JPEG") as image:
                resized = np.asarray(image.resize(size, Image.Resampling.BILINEAR))
            expected.append(resized[top : top + 28, left : left + 28])
    np.testing.assert_array_equal(dataset.train.pixels, expected)
    np.testing.assert_array_equal(dataset.train.images[2:5], expected[2:5])
    np.testing.assert_array_equal(dataset.train.chosen(np.array([5, 0])).images[:], [expected[5], expected[0]])
    assert dataset.train.images[6:].shape == (0, 28, 28, 3)


def test_a_training_crop_is_the_part_that_was_drawn(tmp_path):
    images = load_folder(make_folder(tmp_path), 16).train.images
    mirrored = 0
    for seed in range(20):
        random = np.random.default_rng(seed)
        mirror = random.random() < 0.5
        with Image.open(tmp_path / "train" / "cat" / "1.JPEG") as image:
            part = image.crop(draw_box(image.size, random)).resize((16, 16), Image.Resampling.BILINEAR)
        expected = np.asarray(part)
        np.testing.assert_array_equal(images.random_crop(1, seed, False), expected)
        np.testing.assert_array_equal(images.random_crop(1, seed, True), expected[:, ::-1] if mirror else expected)
        mirrored += mirror
    assert 3 < mirrored < 17


@pytest.mark.parametrize("size", [(100, 80), (33, 500), (500, 20), (1, 1)])
def test_a_drawn_part_lies_inside_and_keeps_to_area_and_ratio(size):
    boxes = [draw_box(size, np.random.default_rng(seed)) for seed in range(300)]
    for left, top, right, bottom in boxes:
        assert 0 <= left < right <= size[0]
        assert 0 <= top < bottom <= size[1]
    if size == (100, 80):
        areas = [(right - left) * (bottom - top) / 8000 for left, top, right, bottom in boxes]
        ratios = [(right - left) / (bottom - top) for left, top, right, bottom in boxes]
        assert 0.07 < min(areas) < 0.15
        assert 0.85 < max(areas) <= 1.0
        assert 0.7 < min(ratios) < 0.8
        assert 1.25 < max(ratios) < 1.4
        assert len(set(boxes)) > 250


def test_gray_and_transparent_images_become_red_green_and_blue(tmp_path):
    make_folder(tmp_path, suffix="png")
    gray = np.random.default_rng(2).integers(0, 256, (32, 32), dtype=np.uint8)
    Image.fromarray(gray).save(tmp_path / "val" / "cat" / "0.png")
    Image.fromarray(np.dstack([gray] * 4)).save(tmp_path / "val" / "cat" / "1.png")
    first = load_folder(tmp_path, 28).test.images[:2]
    np.testing.assert_array_equal(first, np.broadcast_to(gray[2:30, 2:30, None], (2, 28, 28, 3)))


def test_the_images_stay_in_their_files_until_they_are_asked_for(tmp_path):
    dataset = load_folder(make_folder(tmp_path), 28)
    again = pickle.loads(pickle.dumps(dataset))  # as a worker process gets it
    kept = dataset.train.chosen(np.array([1, 2]))
    (tmp_path / "train" / "cat" / "0.JPEG").unlink()
    assert isinstance(again.train.images, FolderImages)
    assert kept.images[:].shape == again.train.images[1:3].shape == (2, 28, 28, 3)
    with pytest.raises(DataError, match=r"train/cat/0.JPEG: damaged, or no image \(.*No such file"):
        again.train.images[:1]


@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda data: b"", lambda data: b"GIF" * 99])
def test_a_damaged_image_is_named_in_one_line(tmp_path, damage):
    make_folder(tmp_path)
    path = tmp_path / "train" / "dog" / "1.JPEG"
    path.write_bytes(damage(path.read_bytes()))
    images = load_folder(tmp_path, 28).train.images
    for read in (lambda: images[:], lambda: images.random_crop(4, 0, False)):
        with pytest.raises(
            DataError, match=r"train/dog/1.JPEG: damaged, or no image \(.+\); replace or remove"
        ) as caught:
            read()
        assert "\n" not in str(caught.value)


def remove_images(folder):
    for path in (folder / "val" / "dog").iterdir():
        path.rename(path.with_suffix(".txt"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (remove_images, r"val/dog: has no images \(\.jpeg, \.jpg, \.png\); add some or remove the class$"),
        (
            lambda folder: (folder / "val" / "dog").rename(folder / "dog"),
            r"class dog is in train and not in val; both m",
        ),
        (lambda folder: (folder / "val" / "bird").mkdir(), r"class bird is in val and not in train; both must have"),
        (
            lambda folder: (folder / "val").rename(folder / "test"),
            r"has no folder val; a data set of images is a folder ",
        ),
    ],
)
def test_a_folder_of_another_layout_is_refused(tmp_path, change, message):
    change(make_folder(tmp_path))
    with pytest.raises(DataError, match=message):
        load_folder(tmp_path, 28)


def test_one_class_is_too_few(tmp_path):
    with pytest.raises(DataError, match=r"train: 1 classes, must be at least 2; "):
        load_folder(make_folder(tmp_path, classes=("cat",)), 28)


def test_a_folder_is_found_like_the_users_own_file(tmp_path, monkeypatch):
    monkeypatch.delenv("ASKEW_DATA", raising=False)
    make_folder(tmp_path / "pets")
    for name, place in ((str(tmp_path / "pets"), None), ("pets", tmp_path)):
        assert load_dataset(name, place, 28).name == "pets"
    monkeypatch.setenv("ASKEW_DATA", str(tmp_path))
    assert load_dataset("pets", image_size=28).shape == (28, 28, 3)
    with pytest.raises(DataError, match=r"pets: data.image_size is missing: a folder's images are cut to a size, such"):
        load_dataset("pets")


def test_a_missing_folder_says_how_it_must_look(tmp_path):
    message = (
        r"^imagenet: no such folder; a data set of images is a folder with train/CLASS/\*\.JPEG and val/CLASS/\*\.JPEG "
        rf"\(data\.name; a relative path is looked for in {tmp_path}"
    )
    with pytest.raises(DataError, match=message):
        load_dataset("imagenet", tmp_path, 224)
    with pytest.raises(DataError, match=r"^/nowhere/pets: no such folder; a data set"):
        load_dataset("/nowhere/pets")


@pytest.mark.parametrize("name", ["digits", "own.npz"])
def test_other_data_sets_have_a_size_of_their_own(name):
    with pytest.raises(DataError, match=rf"^data.image_size: {name} has images of a size of its own; leave it out$"):
        load_dataset(name, image_size=28)
