"""A folder of images, as ImageNet comes: ``train/CLASS/*.JPEG`` and ``val/CLASS/*.JPEG``; ``val`` is the test split.

The pixels are those of the files, as Pillow decodes them (a turn that EXIF asks for is not made, transparency is left
out), unless the settings ask for more: see ``sources.preparation``. A folder whose files are all grey has one
channel, any other three.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.data.sources.dataset import DataError, Dataset, Split, StoredImages
from training.data.sources.image_file import SUFFIXES, decoders, draw_part, read_image
from training.data.sources.preparation import CHANNEL_MODES, Preparation, Size
from training.data.sources.survey import survey

LAYOUT = "a data set of images is a folder with train/CLASS/*.JPEG and val/CLASS/*.JPEG"


class FolderImages(StoredImages):
    """Images in files.

    Args:
        paths: of the files, in order.
        preparation: what is done to each.
        size: (height, width) of each when that is done.
        channels: 1 or 3.
    """

    def __init__(self, paths: Sequence[str], preparation: Preparation, size: Size, channels: int) -> None:
        self._paths = paths
        self._preparation = preparation
        self.shape = (len(paths), *size, channels)

    def __getitem__(self, chosen: slice) -> NDArray[np.uint8]:
        paths = self._paths[chosen]
        images = np.empty((len(paths), *self.shape[1:]), np.uint8)
        if len(paths) == 1:
            images[0] = self._prepared(paths[0])
            return images
        with ThreadPoolExecutor(decoders()) as pool:
            for index, image in enumerate(pool.map(self._prepared, paths)):
                images[index] = image
        return images

    def chosen(self, positions: NDArray[np.int64]) -> FolderImages:
        """Those at these positions, still in their files."""
        paths = [self._paths[position] for position in positions]
        return FolderImages(paths, self._preparation, self.shape[1:3], self.shape[3])

    def random_crop(self, position: int, seed: int, flip: bool) -> NDArray[np.uint8]:
        """(H, W, C): a random part of the whole file, resized, and mirrored for one half of the seeds if wanted."""
        image = read_image(self._paths[position], CHANNEL_MODES[self.shape[3]])
        random = np.random.default_rng(seed)
        mirrored = random.random() < 0.5
        pixels = np.asarray(draw_part(image, self.shape[1:3], random)).reshape(self.shape[1:])
        return np.ascontiguousarray(pixels[:, ::-1]) if flip and mirrored else pixels

    def _prepared(self, path: str) -> NDArray[np.uint8]:
        image = self._preparation.apply(read_image(path, CHANNEL_MODES[self.shape[3]]), path)
        if (image.height, image.width) != self.shape[1:3]:
            raise DataError(f"{path}: changed while it was in use; begin again")
        return np.asarray(image).reshape(self.shape[1:])


def load_folder(folder: Path, preparation: Preparation | None = None) -> Dataset:
    """The data set of a folder. Only as many headers are read as it takes to know the size and the channels.

    The labels number the classes in the order of their names; names that are all whole numbers are ordered by value.

    Args:
        folder: with ``train/CLASS/*.JPEG`` and ``val/CLASS/*.JPEG``; ``.jpg`` and ``.png`` will do.
        preparation: what is done to the images; nothing by itself.

    Raises:
        DataError: the folder has another layout, a class no images, or the images several sizes.
    """
    preparation = preparation or Preparation()
    names = _class_names(folder)
    (train, train_labels), (test, test_labels) = (_list_images(folder / split, names) for split in ("train", "val"))
    found = survey([*train, *test], preparation)
    return Dataset(
        folder.name,
        Split(FolderImages(train, preparation, found.size, found.channels), train_labels),
        Split(FolderImages(test, preparation, found.size, found.channels), test_labels),
        tuple(names),
        preparation=f"{preparation.describe(found.size)}; {found.describe()}",
    )


def _class_names(folder: Path) -> list[str]:
    classes = {split: _subfolders(folder, split) for split in ("train", "val")}
    for here, other in (("train", "val"), ("val", "train")):
        alone = sorted(set(classes[here]) - set(classes[other]))
        if alone:
            raise DataError(
                f"{folder}: class {alone[0]} is in {here} and not in {other}; both must have the same classes"
            )
    names = classes["train"]
    if len(names) < 2:
        raise DataError(f"{folder / 'train'}: {len(names)} classes, must be at least 2; {LAYOUT}")
    if all(name.isascii() and name.isdigit() for name in names):
        return sorted(names, key=lambda name: (int(name), name))  # 10 behind 9, so that the label is the number
    return sorted(names)


def _subfolders(folder: Path, split: str) -> list[str]:
    if not (folder / split).is_dir():
        raise DataError(f"{folder}: has no folder {split}; {LAYOUT}")
    return [entry.name for entry in (folder / split).iterdir() if entry.is_dir() and entry.name[0] != "."]


def _list_images(folder: Path, names: Sequence[str]) -> tuple[list[str], NDArray[np.int64]]:
    """The files of a split, class by class and in the order of their names, and their labels."""
    paths: list[str] = []
    counts = []
    for name in names:
        with os.scandir(folder / name) as entries:
            found = sorted(entry.path for entry in entries if entry.name.lower().endswith(SUFFIXES))
        if not found:
            raise DataError(f"{folder / name}: has no images ({', '.join(SUFFIXES)}); add some or remove the class")
        paths += found
        counts.append(len(found))
    return paths, np.repeat(np.arange(len(names), dtype=np.int64), counts)
