"""The user's own data set: one ``.npz`` file of uint8 images and integer labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn.readers import door, read_npz
from training.data.sources.dataset import DataError, Dataset, Split, checked_labels

KEYS = ("train_images", "train_labels", "test_images", "test_labels")
CLASS_NAMES = "class_names"
_NPY_MAGIC = b"\x93NUMPY"


def load_npz(path: Path) -> Dataset:
    """Load a data set from one file.

    Its keys: ``train_images`` and ``test_images``, uint8, (n, H, W) or (n, H, W, C); ``train_labels`` and
    ``test_labels``, integers, (n,); and, if wanted, ``class_names``, (classes,) strings. Without names the classes are
    0..highest label, and each must occur among the training labels.

    Raises:
        DataError: there is no such file, it is damaged, or its arrays are not as above.
    """
    arrays = _read(path)
    train_images = _checked_images(arrays["train_images"], f"{path}: train_images")
    test_images = _checked_images(arrays["test_images"], f"{path}: test_images")
    if train_images.shape[1:] != test_images.shape[1:]:
        raise DataError(
            f"{path}: train_images are {_size(train_images)}, test_images are {_size(test_images)} (H x W x C); "
            "both must have the same shape"
        )
    labels = {key: _integer_labels(arrays[key], f"{path}: {key}") for key in ("train_labels", "test_labels")}
    class_names = _class_names(arrays, labels["train_labels"], path)

    def checked(split: str, images: int) -> NDArray[np.int64]:
        where, images_where = f"{path}: {split}_labels", f"{split}_images"
        return checked_labels(labels[f"{split}_labels"], images, len(class_names), where, images_where)

    return Dataset(
        path.stem,
        train=Split(train_images, checked("train", len(train_images))),
        test=Split(test_images, checked("test", len(test_images))),
        class_names=class_names,
    )


def _read(path: Path) -> dict[str, NDArray[Any]]:
    if not path.is_file():
        raise DataError(f"{path}: no such file; a data set of your own is one .npz with {', '.join(KEYS)}")
    with door(path, "not a whole .npz of plain arrays", "save it again", DataError):
        with path.open("rb") as file:
            if file.read(len(_NPY_MAGIC)) == _NPY_MAGIC:
                raise DataError(f"{path}: is a single array, must be an .npz with {', '.join(KEYS)}")

        def check(names: list[str]) -> None:
            if missing := [key for key in KEYS if key not in names]:
                found = f"its first keys are {names[:8]}" if names else "it is empty"
                raise DataError(f"{path}: has no {', '.join(missing)} ({found}); save it with these keys")

        return read_npz(path, (*KEYS, CLASS_NAMES), check)


def _checked_images(images: NDArray[Any], where: str) -> NDArray[np.uint8]:
    if images.dtype != np.uint8:
        raise DataError(f"{where}: type {images.dtype}, must be uint8 with pixel values 0..255; convert them")
    if images.ndim not in (3, 4):
        raise DataError(f"{where}: shape {images.shape}, must be (n, H, W) or (n, H, W, C)")
    if images.ndim == 3:
        images = images[..., np.newaxis]
    if 0 in images.shape:
        raise DataError(f"{where}: shape {images.shape} has no pixels; every size must be at least 1")
    if images.shape[1] in (1, 3) and images.shape[3] > 4:
        raise DataError(
            f"{where}: shape {images.shape} looks channel-first, must be (n, H, W, C); transpose to (0, 2, 3, 1)"
        )
    return np.ascontiguousarray(images)


def _integer_labels(labels: NDArray[Any], where: str) -> NDArray[Any]:
    if labels.ndim != 1:
        raise DataError(f"{where}: shape {labels.shape}, must be (n,), one class number an image")
    if labels.dtype.kind not in "iu":
        raise DataError(f"{where}: type {labels.dtype}, must be integers; convert them")
    return labels


def _class_names(arrays: dict[str, NDArray[Any]], train_labels: NDArray[Any], path: Path) -> tuple[str, ...]:
    if CLASS_NAMES in arrays:
        names = arrays[CLASS_NAMES]
        if names.ndim != 1 or names.dtype.kind != "U" or len(names) < 2:
            raise DataError(
                f"{path}: {CLASS_NAMES}: shape {names.shape}, type {names.dtype}; must be (classes,) strings, "
                "two at the least"
            )
        return tuple(str(name) for name in names)
    occurring = np.unique(train_labels)
    if len(occurring) < 2:
        raise DataError(f"{path}: train_labels: {len(occurring)} classes occur, at least 2 must")
    if occurring[0] != 0 or occurring[-1] != len(occurring) - 1:
        raise DataError(
            f"{path}: train_labels: {len(occurring)} classes occur, numbered {occurring[0]}..{occurring[-1]}; number "
            f"them 0..{len(occurring) - 1}, or name all of them in {CLASS_NAMES}"
        )
    return tuple(str(label) for label in occurring)


def _size(images: NDArray[np.uint8]) -> str:
    return " x ".join(map(str, images.shape[1:]))
