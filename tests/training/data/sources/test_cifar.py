"""CIFAR-10's binary version, against records that the tests write byte by byte."""

import gzip
import io
import tarfile

import pytest

from training.data.sources.catalogue import CIFAR10
from training.data.sources.cifar import load_cifar10, missing_files
from training.data.sources.dataset import DataError

TRAIN = [f"data_batch_{number}.bin" for number in range(1, 6)]
NAMES = [*TRAIN, "test_batch.bin"]
INNER = "cifar-10-batches-bin"
ARCHIVE = "cifar-10-binary.tar.gz"
PER_FILE = 3


def pixel(file, record, channel, y, x):
    return (7 * file + 31 * record + 101 * channel + 3 * y + x) % 256


def label(file, record):
    return (3 * file + record) % 10


def batch(file):
    contents = bytearray()
    for record in range(PER_FILE):
        contents.append(label(file, record))
        for channel in range(3):
            for y in range(32):
                for x in range(32):
                    contents.append(pixel(file, record, channel, y, x))
    return bytes(contents)


BATCHES = {name: batch(index) for index, name in enumerate(NAMES)}


def write_folder(folder, batches):
    folder.mkdir(exist_ok=True, parents=True)
    for name, contents in batches.items():
        (folder / name).write_bytes(contents)


def tar_bytes(batches):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, contents in {**batches, "batches.meta.txt": b"airplane\n"}.items():
            member = tarfile.TarInfo(f"{INNER}/{name}")
            member.size = len(contents)
            archive.addfile(member, io.BytesIO(contents))
    return buffer.getvalue()


def make_inner(folder):
    write_folder(folder / INNER, BATCHES)


def make_direct(folder):
    write_folder(folder, BATCHES)


def make_archive(folder):
    (folder / ARCHIVE).write_bytes(gzip.compress(tar_bytes(BATCHES)))


@pytest.mark.parametrize("make", [make_inner, make_direct, make_archive])
def test_every_pixel_and_label_is_where_the_file_has_it(tmp_path, make):
    make(tmp_path)
    assert missing_files(tmp_path) == []
    dataset = load_cifar10(CIFAR10, tmp_path)
    assert dataset.shape == (32, 32, 3)
    assert dataset.class_names[6] == "frog"
    assert (len(dataset.train), len(dataset.test)) == (5 * PER_FILE, PER_FILE)
    for file in range(6):
        for record in range(PER_FILE):
            split, index = (dataset.test, record) if file == 5 else (dataset.train, file * PER_FILE + record)
            assert split.labels[index] == label(file, record)
            for y, x in ((0, 0), (0, 31), (31, 0), (17, 5)):
                expected = [pixel(file, record, channel, y, x) for channel in range(3)]
                assert split.images[index, y, x].tolist() == expected


def test_missing_files_are_named(tmp_path):
    assert missing_files(tmp_path) == NAMES
    make_inner(tmp_path)
    (tmp_path / INNER / TRAIN[2]).unlink()
    assert missing_files(tmp_path) == [TRAIN[2]]


def test_a_truncated_record_file_is_refused(tmp_path):
    write_folder(tmp_path, {**BATCHES, TRAIN[1]: BATCHES[TRAIN[1]][:-1]})
    with pytest.raises(
        DataError, match=r"data_batch_2\.bin: 9218 bytes must be a multiple of a record's 3073, .*trunc"
    ):
        load_cifar10(CIFAR10, tmp_path)


def test_an_empty_record_file_is_refused(tmp_path):
    write_folder(tmp_path, {**BATCHES, "test_batch.bin": b""})
    with pytest.raises(DataError, match=r"test_batch\.bin: 0 bytes must be a multiple of a record's 3073"):
        load_cifar10(CIFAR10, tmp_path)


def test_a_label_above_nine_is_refused(tmp_path):
    mislabelled = bytearray(BATCHES[TRAIN[4]])
    mislabelled[2 * 3073] = 10
    write_folder(tmp_path, {**BATCHES, TRAIN[4]: bytes(mislabelled)})
    with pytest.raises(
        DataError, match=r"data_batch_5\.bin: label 10 of image 2 must lie in 0\.\.9; the file is damaged"
    ):
        load_cifar10(CIFAR10, tmp_path)


def test_a_truncated_archive_is_refused(tmp_path):
    make_archive(tmp_path)
    archive = tmp_path / ARCHIVE
    archive.write_bytes(archive.read_bytes()[:-30])
    with pytest.raises(DataError, match=r"cifar-10-binary\.tar\.gz: damaged archive \(.*\); copy or download it again"):
        load_cifar10(CIFAR10, tmp_path)


def test_an_archive_with_a_wrong_checksum_is_refused(tmp_path):
    make_archive(tmp_path)
    archive = tmp_path / ARCHIVE
    damaged = bytearray(archive.read_bytes())
    damaged[-8] ^= 1  # the CRC-32 is in the last eight bytes, after the end of the tar file
    archive.write_bytes(damaged)
    with pytest.raises(DataError, match=r"cifar-10-binary\.tar\.gz: damaged archive \(CRC check failed"):
        load_cifar10(CIFAR10, tmp_path)


def test_an_archive_of_something_else_is_refused(tmp_path):
    (tmp_path / ARCHIVE).write_bytes(gzip.compress(tar_bytes({"data_batch_1": b"pickle"})))
    with pytest.raises(DataError, match=r"has no data_batch_1\.bin, .*test_batch\.bin; it must be the binary version"):
        load_cifar10(CIFAR10, tmp_path)


def test_an_archive_member_is_named_in_the_error(tmp_path):
    (tmp_path / ARCHIVE).write_bytes(gzip.compress(tar_bytes({**BATCHES, TRAIN[0]: BATCHES[TRAIN[0]][:-1]})))
    with pytest.raises(DataError, match=r"cifar-10-binary\.tar\.gz: data_batch_1\.bin: 9218 bytes must be a multiple"):
        load_cifar10(CIFAR10, tmp_path)
