"""IDX files, against files that the tests write byte by byte and against known facts of the real MNIST."""

import gzip
import hashlib
import struct

import numpy as np
import pytest

from training.data.sources.catalogue import FASHION_MNIST, MNIST
from training.data.sources.dataset import DataError
from training.data.sources.idx import load_idx, missing_files, read_idx

NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = NAMES


def pixel(image, y, x):
    return (37 * image + 5 * y + x) % 256


def images_file(count, height=28, width=28):
    body = bytes(pixel(i, y, x) for i in range(count) for y in range(height) for x in range(width))
    return struct.pack(">IIII", 0x00000803, count, height, width) + body


def labels_file(labels):
    return struct.pack(">II", 0x00000801, len(labels)) + bytes(labels)


@pytest.fixture
def folder(tmp_path):
    """Twelve training and five test images, gzipped."""
    write(tmp_path, TRAIN_IMAGES, images_file(12))
    write(tmp_path, TRAIN_LABELS, labels_file([i % 10 for i in range(12)]))
    write(tmp_path, TEST_IMAGES, images_file(5))
    write(tmp_path, TEST_LABELS, labels_file([9, 8, 7, 6, 5]))
    return tmp_path


def write(folder, name, contents):
    (folder / f"{name}.gz").write_bytes(gzip.compress(contents))


def test_every_pixel_and_label_is_where_the_file_has_it(folder):
    dataset = load_idx(MNIST, folder)
    assert dataset.shape == (28, 28, 1)
    assert dataset.classes == 10
    assert dataset.train.images.dtype == np.uint8
    assert dataset.train.labels.dtype == np.int64
    assert dataset.train.labels.tolist() == [i % 10 for i in range(12)]
    assert dataset.test.labels.tolist() == [9, 8, 7, 6, 5]
    for split, count in ((dataset.train, 12), (dataset.test, 5)):
        assert len(split) == count
        for i in range(count):
            for y in range(28):
                for x in range(28):
                    assert split.images[i, y, x, 0] == pixel(i, y, x)


@pytest.mark.parametrize("unpacked_name", [TRAIN_IMAGES, "train-images.idx3-ubyte"])
def test_unpacked_files_are_read_too(folder, unpacked_name):
    packed = folder / f"{TRAIN_IMAGES}.gz"
    (folder / unpacked_name).write_bytes(gzip.decompress(packed.read_bytes()))
    packed.unlink()
    assert load_idx(MNIST, folder).train.images[3, 4, 5, 0] == pixel(3, 4, 5)


def test_missing_files_are_named(folder):
    assert missing_files(folder) == []
    (folder / f"{TEST_LABELS}.gz").unlink()
    assert missing_files(folder) == [f"{TEST_LABELS}.gz"]


def test_a_file_shorter_than_its_header_promises_is_refused(tmp_path):
    path = tmp_path / TRAIN_IMAGES
    path.write_bytes(images_file(12)[:-1])
    with pytest.raises(
        DataError, match=r"train-images.*: 9423 bytes unpacked, .* promises 9424 \(12 x 28 x 28\): trunca"
    ):
        read_idx(path, 3)


def test_a_file_longer_than_its_header_promises_is_refused(tmp_path):
    path = tmp_path / TRAIN_LABELS
    path.write_bytes(labels_file([1, 2, 3]) + b"\0")
    with pytest.raises(DataError, match=r"train-labels.*: 12 bytes unpacked, .* promises 11 \(3\): too long"):
        read_idx(path, 1)


@pytest.mark.parametrize("length", [0, 3, 4, 15])
def test_a_file_that_ends_in_its_header_is_refused(tmp_path, length):
    path = tmp_path / TRAIN_IMAGES
    path.write_bytes(images_file(1)[:length])
    with pytest.raises(DataError, match=rf"train-images.*: {length} bytes, the header alone has 16: truncated"):
        read_idx(path, 3)


def test_absurd_sizes_in_the_header_are_refused_without_allocating_them(tmp_path):
    path = tmp_path / TRAIN_IMAGES
    path.write_bytes(struct.pack(">IIII", 0x803, 2**32 - 1, 2**32 - 1, 2**32 - 1) + bytes(100))
    with pytest.raises(DataError, match=r"116 bytes unpacked, but its header promises 79228162458924105385300197391"):
        read_idx(path, 3)


def test_labels_in_the_place_of_images_are_refused(folder):
    write(folder, TRAIN_IMAGES, labels_file([1, 2]))
    with pytest.raises(DataError, match=r"train-images.*: magic number 0x00000801 must be 0x00000803"):
        load_idx(MNIST, folder)


def test_a_truncated_gzip_file_is_refused(folder):
    path = folder / f"{TRAIN_IMAGES}.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(
        DataError, match=r"train-images-idx3-ubyte\.gz: damaged gzip file \(truncated\); copy or download"
    ):
        load_idx(MNIST, folder)


def test_a_gzip_file_with_a_wrong_checksum_is_refused(folder):
    path = folder / f"{TEST_LABELS}.gz"
    damaged = bytearray(path.read_bytes())
    damaged[-8] ^= 1  # the CRC-32 is in the last eight bytes
    path.write_bytes(damaged)
    with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte\.gz: damaged gzip file \(CRC check failed"):
        load_idx(MNIST, folder)


def test_a_web_page_in_the_place_of_a_gzip_file_is_refused(folder):
    (folder / f"{TEST_LABELS}.gz").write_bytes(b"<html>Sign in to this network</html>")
    with pytest.raises(DataError, match=r"t10k-labels.*: damaged gzip file \(Not a gzipped file"):
        load_idx(MNIST, folder)


def test_a_wrong_label_count_is_refused(folder):
    write(folder, TRAIN_LABELS, labels_file([0] * 11))
    with pytest.raises(DataError, match=r"train-labels.*: 11 labels, but .*train-images-idx3-ubyte.gz has 12 images"):
        load_idx(MNIST, folder)


def test_a_label_out_of_range_is_refused(folder):
    write(folder, TEST_LABELS, labels_file([0, 1, 2, 10, 11]))
    with pytest.raises(DataError, match=r"t10k-labels.*: label 10 of image 3 must lie in 0\.\.9"):
        load_idx(MNIST, folder)


def test_images_of_another_size_are_refused(folder):
    write(folder, TEST_IMAGES, images_file(5, 28, 27))
    with pytest.raises(DataError, match=r"t10k-images.*: images of 28 x 27, mnist has 28 x 28"):
        load_idx(MNIST, folder)


def test_files_without_images_are_refused(folder):
    write(folder, TEST_IMAGES, images_file(0))
    write(folder, TEST_LABELS, labels_file([]))
    with pytest.raises(DataError, match=r"t10k-images.*: has no images"):
        load_idx(MNIST, folder)


def test_one_data_set_is_not_taken_for_its_twin(folder):
    """Fashion-MNIST has 1000 test images of each class; MNIST has not."""
    write(folder, TEST_IMAGES, struct.pack(">IIII", 0x803, 10000, 28, 28) + bytes(10000 * 784))
    write(folder, TEST_LABELS, labels_file([i % 10 for i in range(10000)]))
    assert len(load_idx(FASHION_MNIST, folder).test) == 10000
    with pytest.raises(DataError, match=r"t10k-labels.*: 1000 to 1000 .* the files of fashion-mnist, not of mnist"):
        load_idx(MNIST, folder)
    write(folder, TEST_LABELS, labels_file([min(i % 11, 9) for i in range(10000)]))
    assert len(load_idx(MNIST, folder).test) == 10000
    with pytest.raises(DataError, match=r"the files of mnist, not of fashion-mnist; keep each data set in a folder"):
        load_idx(FASHION_MNIST, folder)


def test_the_real_mnist_is_the_published_one(data_dir):
    """Oracle: the published SHA-256 of the unpacked images, and the published number of images of each class."""
    folder = data_dir / "mnist"
    if not folder.is_dir():
        pytest.skip(f"no mnist/ in {data_dir}")
    dataset = load_idx(MNIST, folder)
    train, test = dataset.train, dataset.test
    assert train.images.shape == (60000, 28, 28, 1)
    assert test.images.shape == (10000, 28, 28, 1)
    assert np.bincount(train.labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    unpacked = struct.pack(">IIII", 0x803, 60000, 28, 28) + train.images.tobytes()
    expected = "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"
    assert hashlib.sha256(unpacked).hexdigest() == expected
