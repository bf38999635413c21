"""Data sets by name: the order of search, against folders that the tests lay out, and what missing data says."""

import dataclasses
import hashlib
import http.server
import struct
import threading
from functools import partial

import numpy as np
import pytest

import training.data.datasets
from training.data.datasets import DataError, fetch_dataset, list_datasets, load_dataset
from training.data.sources.catalogue import KNOWN, MNIST, RemoteFile

NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache, no ASKEW_DATA, and no address outside this machine."""
    folder = tmp_path / "cache"
    monkeypatch.delenv("ASKEW_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(training.data.datasets.platformdirs, "user_cache_path", lambda _: folder)
    for name, known in KNOWN.items():
        nowhere = tuple(dataclasses.replace(file, mirrors=("http://127.0.0.1:9",)) for file in known.files)
        monkeypatch.setitem(KNOWN, name, dataclasses.replace(known, files=nowhere))
    return folder


def write_mnist(folder, gray):
    """Two training images and one test image of one gray value, by which the tests know the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, count in zip(NAMES, (2, 2, 1, 1), strict=True):
        if "images" in name:
            contents = struct.pack(">IIII", 0x803, count, 28, 28) + bytes([gray]) * (count * 784)
        else:
            contents = struct.pack(">II", 0x801, count) + bytes(range(count))
        (folder / name).write_bytes(contents)
    return folder


def gray_of(dataset):
    return int(dataset.train.images[0, 0, 0, 0])


@pytest.mark.parametrize("inside", ["", "mnist"])
def test_the_order_of_search(tmp_path, cache, monkeypatch, inside):
    given, from_environment = tmp_path / "given", tmp_path / "environment"
    write_mnist(given / inside, 1)
    write_mnist(from_environment / inside, 2)
    write_mnist(cache / "mnist", 3)
    assert gray_of(load_dataset("mnist")) == 3
    monkeypatch.setenv("ASKEW_DATA", str(from_environment))
    assert gray_of(load_dataset("mnist")) == 2
    assert gray_of(load_dataset("mnist", given)) == 1


def test_a_subfolder_of_its_name_goes_before_the_folder_itself(tmp_path):
    write_mnist(tmp_path / "given", 1)
    write_mnist(tmp_path / "given" / "fashion-mnist", 2)
    assert gray_of(load_dataset("fashion-mnist", tmp_path / "given")) == 2
    assert gray_of(load_dataset("mnist", tmp_path / "given")) == 1


def test_digits_need_nothing():
    digits = load_dataset("digits")
    assert (len(digits.train), len(digits.test)) == (1437, 360)


def test_missing_data_names_file_address_places_and_what_to_do(tmp_path, cache, monkeypatch):
    (tmp_path / "given").mkdir()
    (tmp_path / "environment").mkdir()
    monkeypatch.setenv("ASKEW_DATA", str(tmp_path / "environment"))
    message = (
        r"^data set mnist: cannot download train-images-idx3-ubyte\.gz \(http://127\.0\.0\.1:9/train-images-idx3-ubyte"
        rf"\.gz: no connection \(\w+\)\); download it by hand into {cache}/mnist, or name a folder that has it with "
        rf"--data-dir or ASKEW_DATA \(looked in {tmp_path}/given, {tmp_path}/environment, {cache}\)$"
    )
    with pytest.raises(DataError, match=message):
        load_dataset("mnist", tmp_path / "given")


def test_an_incomplete_folder_of_the_users_is_an_error_not_a_download(tmp_path):
    folder = write_mnist(tmp_path / "mnist", 1)
    (folder / NAMES[3]).unlink()
    message = r"/mnist: data set mnist is incomplete, t10k-labels-idx1-ubyte\.gz is missing; add the files"
    with pytest.raises(DataError, match=message):
        load_dataset("mnist", tmp_path)


def test_an_incomplete_cache_is_completed_by_a_download(cache):
    folder = write_mnist(cache / "mnist", 1)
    (folder / NAMES[3]).unlink()
    with pytest.raises(DataError, match="cannot download"):
        load_dataset("mnist")


def test_a_folder_that_does_not_exist_is_named(tmp_path, monkeypatch):
    with pytest.raises(DataError, match=r"^--data-dir .*/nowhere: no such folder; correct it, or leave it out"):
        load_dataset("mnist", tmp_path / "nowhere")
    monkeypatch.setenv("ASKEW_DATA", str(tmp_path / "nothing"))
    with pytest.raises(DataError, match=r"^ASKEW_DATA .*/nothing: no such folder"):
        list_datasets()


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("mnits", "mnist"), ("MNIST", "mnist"), ("fashion_mnist", "fashion-mnist"), ("cifar-10", "cifar10")],
)
def test_an_unknown_name_is_answered_with_the_nearest_and_all(typed, meant):
    message = (
        rf"^data set '{typed}' is not known; did you mean {meant}\? choose one of digits, mnist, fashion-mnist, cif"
    )
    with pytest.raises(DataError, match=message):
        load_dataset(typed)


def test_a_name_like_no_other_is_answered_with_all():
    with pytest.raises(
        DataError,
        match=r"^data set 'qqq' is not known; choose one of digits, .*path of your own \.npz or folder of images$",
    ):
        fetch_dataset("qqq")


def test_the_users_own_file_is_found_in_the_data_folder(tmp_path):
    images, labels = np.zeros((2, 3, 3), np.uint8), np.arange(2)
    own = tmp_path / "own.npz"
    np.savez(own, train_images=images, train_labels=labels, test_images=images, test_labels=labels)
    assert load_dataset("own.npz", tmp_path).shape == (3, 3, 1)
    assert load_dataset(str(own)).name == "own"
    with pytest.raises(DataError, match=r"other\.npz: no such file"):
        load_dataset("other.npz", tmp_path)


def test_the_list_says_where_each_is(tmp_path):
    write_mnist(tmp_path / "mnist", 1)
    partial_copy = write_mnist(tmp_path / "fashion-mnist", 1)
    (partial_copy / NAMES[0]).unlink()
    listed = {info.name: info for info in list_datasets(tmp_path)}
    assert list(listed) == ["digits", "mnist", "fashion-mnist", "cifar10"]
    assert listed["digits"].embedded
    assert listed["digits"].where == "embedded"
    assert listed["mnist"].location == tmp_path / "mnist"
    assert listed["mnist"].where == str(tmp_path / "mnist")
    assert "incomplete, train-images-idx3-ubyte.gz is missing" in listed["fashion-mnist"].where
    assert listed["fashion-mnist"].location is None
    assert listed["cifar10"].where == "not here: askew data fetch cifar10 (170 MB)"
    assert (listed["cifar10"].shape, listed["cifar10"].classes) == ((32, 32, 3), 10)
    assert (listed["cifar10"].train_images, listed["cifar10"].test_images) == (50000, 10000)


def test_what_is_embedded_is_not_fetched():
    with pytest.raises(DataError, match=r"^data set digits: comes with scikit-learn; there is nothing to fetch$"):
        fetch_dataset("digits")


def test_what_is_here_is_not_fetched(tmp_path, cache):
    folder = write_mnist(tmp_path / "mnist", 1)
    assert fetch_dataset("mnist", tmp_path) == folder
    assert fetch_dataset("mnist", folder) == folder
    write_mnist(cache / "mnist", 1)
    assert fetch_dataset("mnist") == cache / "mnist"


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def served(tmp_path, monkeypatch):
    """MNIST's address is a server on loopback that has a tiny copy of gray value 77."""
    source = write_mnist(tmp_path / "published", 77)
    handler = partial(QuietHandler, directory=str(source))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        mirrors = (f"http://127.0.0.1:{server.server_port}",)
        files = []
        for name in NAMES:
            contents = (source / name).read_bytes()
            files.append(RemoteFile(name, mirrors, len(contents), hashlib.sha256(contents).hexdigest()))
        monkeypatch.setitem(KNOWN, "mnist", dataclasses.replace(MNIST, files=tuple(files)))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.usefixtures("served")
def test_what_is_nowhere_is_downloaded_to_the_cache(cache):
    assert gray_of(load_dataset("mnist")) == 77
    assert sorted(path.name for path in (cache / "mnist").iterdir()) == sorted(NAMES)


@pytest.mark.usefixtures("served")
def test_fetching_into_a_folder_makes_it(tmp_path, cache):
    folder = fetch_dataset("mnist", tmp_path / "new")
    assert folder == tmp_path / "new" / "mnist"
    assert gray_of(load_dataset("mnist", tmp_path / "new")) == 77
    assert not cache.exists()
