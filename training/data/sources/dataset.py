"""What every data set is once it is loaded: uint8 images and their labels, split in training and test."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from bnn.errors import UserError

Shape = tuple[int, int, int]  # (H, W, C)


class DataError(UserError):
    """Images or labels that are missing, damaged or inconsistent: the message names the file and what to do."""


class StoredImages(ABC):
    """Images that stay in their files until a slice of them is asked for; otherwise like an array.

    Attributes:
        shape: (n, H, W, C) of all of them.
    """

    shape: tuple[int, int, int, int]
    dtype: ClassVar[np.dtype[np.uint8]] = np.dtype(np.uint8)
    ndim: ClassVar[int] = 4

    def __len__(self) -> int:
        return self.shape[0]

    @abstractmethod
    def __getitem__(self, chosen: slice) -> NDArray[np.uint8]:
        """The images of the slice, (n, H, W, C).

        Raises:
            DataError: a file is damaged; the message names it.
        """

    @abstractmethod
    def chosen(self, positions: NDArray[np.int64]) -> StoredImages:
        """Those at these positions, still in their files."""

    def whole(self, position: int) -> NDArray[np.uint8]:
        """One image, (H, W, C); errors as above."""
        (image,) = self[position : position + 1]
        return np.asarray(image)

    @abstractmethod
    def random_crop(self, position: int, seed: int, flip: bool) -> NDArray[np.uint8]:
        """A random part of one image for training, (H, W, C), a pure function of the arguments; errors as above.

        Args:
            position: of the image.
            seed: of the part's place and size.
            flip: mirror half of the images.
        """


Images = NDArray[np.uint8] | StoredImages


@dataclass(frozen=True, eq=False)
class Split:
    """Images and their labels, in the order of the file.

    Attributes:
        images: (n, H, W, C) uint8 pixel values; a slice of them is an array wherever they lie.
        labels: (n,) int64, the class of each image, 0..classes-1.
    """

    images: Images
    labels: NDArray[np.int64]

    def __post_init__(self) -> None:
        assert self.images.ndim == 4, self.images.shape
        assert self.images.dtype == np.uint8, self.images.dtype
        assert self.labels.shape == self.images.shape[:1], (self.labels.shape, self.images.shape)
        assert self.labels.dtype == np.int64, self.labels.dtype

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """(n, H, W, C): all images in memory, whose files are read here where they were not."""
        return self.images[:]

    @property
    def bytes(self) -> int:
        """What all images take in memory."""
        return math.prod(self.images.shape)

    def held(self) -> Split:
        """The same with all images in memory."""
        return Split(self.pixels, self.labels)

    def chosen(self, positions: NDArray[np.int64]) -> Split:
        """The images at these positions; what lies in files stays there."""
        images = self.images
        taken = images.chosen(positions) if isinstance(images, StoredImages) else images[positions]
        return Split(taken, self.labels[positions])


@dataclass(frozen=True, eq=False)
class Dataset:
    """A training and a test split of the same shape and classes.

    Attributes:
        name: a known name such as ``mnist``, or the file name of the user's own set.
        class_names: one a class, in the order of the labels.
        preparation: what was done to the images of a folder, for people; empty where they are taken as they are stored.
    """

    name: str
    train: Split
    test: Split
    class_names: tuple[str, ...]
    preparation: str = ""

    def __post_init__(self) -> None:
        assert self.train.images.shape[1:] == self.test.images.shape[1:]
        assert len(self.train) > 0
        assert len(self.test) > 0

    @property
    def shape(self) -> Shape:
        """(H, W, C) of every image."""
        height, width, channels = self.train.images.shape[1:]
        return height, width, channels

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)


def checked_labels(labels: NDArray[Any], images: int, classes: int, where: str, images_where: str) -> NDArray[np.int64]:
    """The labels as int64.

    Args:
        labels: (n,) integers.
        images: number of images that they belong to.
        classes: labels must lie in 0..classes-1.
        where: what an error calls the labels: their file, and their key in it.
        images_where: what an error calls the images.

    Raises:
        DataError: there is not one label an image, or a label is out of range.
    """
    if len(labels) != images:
        raise DataError(
            f"{where}: {len(labels)} labels, but {images_where} has {images} images; there must be one label an image"
        )
    wrong = (labels < 0) | (labels >= classes)
    if wrong.any():
        index = int(np.argmax(wrong))
        raise DataError(
            f"{where}: label {labels[index]} of image {index} must lie in 0..{classes - 1}; "
            "the file is damaged, or belongs to another data set"
        )
    return labels.astype(np.int64)
