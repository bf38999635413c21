"""Folders of images. The oracle is Pillow, file by file, with the sizes worked out by hand."""

import pickle

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from training.data.datasets import DataError, load_dataset
from training.data.sources.folder import FolderImages, load_folder
from training.data.sources.image_file import draw_box
from training.data.sources.npz import load_npz
from training.data.sources.preparation import Preparation

IMAGENET = Preparation(resize=32, crop=28)  # in small: a short side of 8/7 of what is cut out


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
    dataset = load_folder(make_folder(tmp_path), IMAGENET)
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


def write_digits(tmp_path, mode="L"):
    """Scikit-learn's digits, enlarged to 28 x 28, once as .npz and once as PNG files, in the same order."""
    digits = load_digits()
    order = np.argsort(digits.target, kind="stable")
    images = np.kron(digits.images[order].astype(np.uint8) * 15, np.ones((1, 4, 4), np.uint8))[:, 2:30, 2:30]
    labels = digits.target[order].astype(np.int64)
    is_test = np.arange(len(labels)) % 5 == 0
    arrays = {}
    for split, key, chosen in (("train", "train", ~is_test), ("val", "test", is_test)):
        arrays |= {f"{key}_images": images[chosen], f"{key}_labels": labels[chosen]}
        for index, (image, label) in enumerate(zip(images[chosen], labels[chosen], strict=True)):
            place = tmp_path / "digits" / split / str(label)
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).convert(mode).save(place / f"{index:05}.png")
    np.savez(tmp_path / "digits.npz", **arrays)
    return tmp_path / "digits", tmp_path / "digits.npz"


def test_files_of_digits_are_byte_for_byte_what_an_npz_of_them_is(tmp_path):
    folder, npz = write_digits(tmp_path)
    ours, oracle = load_folder(folder), load_npz(npz)
    assert ours.shape == oracle.shape == (28, 28, 1)
    assert ours.class_names == oracle.class_names
    for split in ("train", "test"):
        assert getattr(ours, split).pixels.tobytes() == getattr(oracle, split).pixels.tobytes()
        np.testing.assert_array_equal(getattr(ours, split).labels, getattr(oracle, split).labels)
    assert ours.preparation == "28 x 28 pixels as they are in the files; one channel, as every file is grey"


def test_nothing_is_rescaled_or_cut_unless_asked_for(tmp_path):
    dataset = load_folder(make_folder(tmp_path, sizes=((41, 27), (41, 27)), suffix="png"))
    assert dataset.shape == (27, 41, 3)
    for split, place in ((dataset.train, "train"), (dataset.test, "val")):
        stored = [np.asarray(Image.open(path)) for path in sorted((tmp_path / place).glob("*/*.png"))]
        np.testing.assert_array_equal(split.pixels, stored)


@pytest.mark.parametrize(
    ("names", "order"),
    [
        (("10", "9", "1", "02"), ("1", "02", "9", "10")),
        (("b", "B", "10", "9"), ("10", "9", "B", "b")),
        (("n02", "n1"), ("n02", "n1")),
    ],
)
def test_classes_are_numbered_by_name_and_numbers_by_value(tmp_path, names, order):
    """The expected orders are written out; what a label means is checked by the pixel that the class's files hold."""
    for split in ("train", "val"):
        for index, name in enumerate(names):
            (tmp_path / split / name).mkdir(parents=True)
            Image.new("L", (3, 3), 10 * index).save(tmp_path / split / name / "x.png")
    dataset = load_folder(tmp_path)
    assert dataset.class_names == order
    assert dataset.test.labels.tolist() == list(range(len(names)))
    assert [int(image[0, 0, 0]) // 10 for image in dataset.test.pixels] == [names.index(name) for name in order]


def test_a_training_crop_is_the_part_that_was_drawn(tmp_path):
    images = load_folder(make_folder(tmp_path), Preparation(resize=18, crop=16)).train.images
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


def test_gray_and_transparent_images_among_others_become_red_green_and_blue(tmp_path):
    make_folder(tmp_path, suffix="png")
    gray = np.random.default_rng(2).integers(0, 256, (32, 32), dtype=np.uint8)
    Image.fromarray(gray).save(tmp_path / "val" / "cat" / "0.png")
    Image.fromarray(np.dstack([gray] * 4)).save(tmp_path / "val" / "cat" / "1.png")
    first = load_folder(tmp_path, IMAGENET).test.images[:2]
    np.testing.assert_array_equal(first, np.broadcast_to(gray[2:30, 2:30, None], (2, 28, 28, 3)))


def test_the_images_stay_in_their_files_until_they_are_asked_for(tmp_path):
    dataset = load_folder(make_folder(tmp_path), IMAGENET)
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
    images = load_folder(tmp_path, IMAGENET).train.images
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
        load_folder(tmp_path, IMAGENET)


def test_one_class_is_too_few(tmp_path):
    with pytest.raises(DataError, match=r"train: 1 classes, must be at least 2; "):
        load_folder(make_folder(tmp_path, classes=("cat",)))


def test_a_folder_is_found_like_the_users_own_file(tmp_path, monkeypatch):
    monkeypatch.delenv("ASKEW_DATA", raising=False)
    make_folder(tmp_path / "pets")
    for name, place in ((str(tmp_path / "pets"), None), ("pets", tmp_path)):
        assert load_dataset(name, place, IMAGENET).name == "pets"
    monkeypatch.setenv("ASKEW_DATA", str(tmp_path))
    assert load_dataset("pets", preparation=IMAGENET).shape == (28, 28, 3)
    with pytest.raises(DataError, match=r"cat/1.JPEG: is 50 x 28 and .*cat/0.JPEG is 30 x 40; all images must"):
        load_dataset("pets")


def test_a_missing_folder_says_how_it_must_look(tmp_path):
    message = (
        r"^imagenet: no such folder; a data set of images is a folder with train/CLASS/\*\.JPEG and val/CLASS/\*\.JPEG "
        rf"\(data\.name; a relative path is looked for in {tmp_path}"
    )
    with pytest.raises(DataError, match=message):
        load_dataset("imagenet", tmp_path, IMAGENET)
    with pytest.raises(DataError, match=r"^/nowhere/pets: no such folder; a data set"):
        load_dataset("/nowhere/pets")


@pytest.mark.parametrize("name", ["digits", "own.npz"])
@pytest.mark.parametrize("key", ["resize", "crop", "channels"])
def test_other_data_sets_are_taken_as_they_are(name, key):
    message = rf"^data.{key}: is for folders of images, {name} is taken as it is stored; leave it out$"
    with pytest.raises(DataError, match=message):
        load_dataset(name, preparation=Preparation(**{key: 3}))
