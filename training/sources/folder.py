"""A folder of images, as ImageNet comes: ``train/CLASS/*.JPEG`` and ``val/CLASS/*.JPEG``; ``val`` is the test split.

The images stay in their files. For evaluation the short side is resized to 256/224 of the size wanted and the middle
cut out; for training a random part of 8 to 100 percent of the area, of ratio 3/4 to 4/3, is resized to the size
(Szegedy et al. 2015, section 6; torchvision's RandomResizedCrop with its defaults).
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.sources.dataset import DataError, Dataset, Split, StoredImages

SUFFIXES = (".jpeg", ".jpg", ".png")
LAYOUT = "a data set of images is a folder with train/CLASS/*.JPEG and val/CLASS/*.JPEG"
RESIZE = 256 / 224  # the short side, before the middle is cut out
AREA = (0.08, 1.0)
RATIO = (3 / 4, 4 / 3)
TRIES = 10  # for a part that lies inside the image
DAMAGED = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)

Box = tuple[int, int, int, int]  # left, top, right, bottom


class FolderImages(StoredImages):
    """Images in files, cut to squares of ``size`` pixels, in red, green and blue.

    Args:
        paths: of the files, in order.
        size: height and width.
    """

    def __init__(self, paths: Sequence[str], size: int) -> None:
        self._paths = paths
        self._size = size
        self.shape = (len(paths), size, size, 3)

    def __getitem__(self, chosen: slice) -> NDArray[np.uint8]:
        paths = self._paths[chosen]
        images = np.empty((len(paths), *self.shape[1:]), np.uint8)
        with ThreadPoolExecutor(decoders()) as pool:
            for index, image in enumerate(pool.map(self._middle, paths)):
                images[index] = image
        return images

    def chosen(self, positions: NDArray[np.int64]) -> FolderImages:
        """Those at these positions, still in their files."""
        return FolderImages([self._paths[position] for position in positions], self._size)

    def random_crop(self, position: int, seed: int, flip: bool) -> NDArray[np.uint8]:
        """(size, size, 3): a random part, resized, and mirrored for one half of the seeds if wanted."""
        image = _read(self._paths[position])
        random = np.random.default_rng(seed)
        mirrored = random.random() < 0.5
        part = image.crop(draw_box(image.size, random)).resize((self._size, self._size), Image.Resampling.BILINEAR)
        pixels = np.asarray(part)
        return np.ascontiguousarray(pixels[:, ::-1]) if flip and mirrored else pixels

    def _middle(self, path: str) -> NDArray[np.uint8]:
        image = _read(path)
        short = round(self._size * RESIZE)
        width, height = (int(short * side / min(image.size)) for side in image.size)
        image = image.resize((width, height), Image.Resampling.BILINEAR)
        left, top = round((width - self._size) / 2), round((height - self._size) / 2)
        return np.asarray(image.crop((left, top, left + self._size, top + self._size)))


def load_folder(folder: Path, image_size: int | None) -> Dataset:
    """The data set of a folder; no image is opened yet.

    Args:
        folder: with ``train/CLASS/*.JPEG`` and ``val/CLASS/*.JPEG``; ``.jpg`` and ``.png`` will do. The classes are
            numbered in the order of their names.
        image_size: height and width to which the images are cut.

    Raises:
        DataError: the folder has another layout, a class no images, or the size is missing.
    """
    if image_size is None:
        raise DataError(f"{folder}: data.image_size is missing: a folder's images are cut to a size, such as 224")
    classes = {split: _classes(folder, split) for split in ("train", "val")}
    for here, other in (("train", "val"), ("val", "train")):
        alone = sorted(set(classes[here]) - set(classes[other]))
        if alone:
            raise DataError(
                f"{folder}: class {alone[0]} is in {here} and not in {other}; both must have the same classes"
            )
    names = classes["train"]
    if len(names) < 2:
        raise DataError(f"{folder / 'train'}: {len(names)} classes, must be at least 2; {LAYOUT}")
    train, test = (_split(folder / split, names, image_size) for split in ("train", "val"))
    return Dataset(folder.name, train, test, tuple(names))


def decoders() -> int:
    """Threads that decode at the same time: as many as this process has processors."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def draw_box(size: tuple[int, int], random: np.random.Generator) -> Box:
    """A random part of an image of that (width, height), as torchvision's RandomResizedCrop draws it."""
    width, height = size
    for _ in range(TRIES):
        area = width * height * random.uniform(*AREA)
        ratio = math.exp(random.uniform(math.log(RATIO[0]), math.log(RATIO[1])))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            top, left = int(random.integers(0, height - h + 1)), int(random.integers(0, width - w + 1))
            return left, top, left + w, top + h
    # too long an image for all tries: the largest part in its middle that has an allowed ratio
    w, h = min(width, max(1, round(height * RATIO[1]))), min(height, max(1, round(width / RATIO[0])))
    left, top = (width - w) // 2, (height - h) // 2
    return left, top, left + w, top + h


def _classes(folder: Path, split: str) -> list[str]:
    if not (folder / split).is_dir():
        raise DataError(f"{folder}: has no folder {split}; {LAYOUT}")
    return sorted(entry.name for entry in (folder / split).iterdir() if entry.is_dir() and entry.name[0] != ".")


def _split(folder: Path, names: Sequence[str], image_size: int) -> Split:
    paths: list[str] = []
    counts = []
    for name in names:
        with os.scandir(folder / name) as entries:
            found = sorted(entry.path for entry in entries if entry.name.lower().endswith(SUFFIXES))
        if not found:
            raise DataError(f"{folder / name}: has no images ({', '.join(SUFFIXES)}); add some or remove the class")
        paths += found
        counts.append(len(found))
    labels = np.repeat(np.arange(len(names), dtype=np.int64), counts)
    return Split(FolderImages(paths, image_size), labels)


def _read(path: str) -> Image.Image:
    try:
        with Image.open(path) as image:
            return image.convert("RGB")
    except DAMAGED as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{path}: damaged, or no image ({reason}); replace or remove the file") from error
