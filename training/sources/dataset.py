"""What every data set is once it is loaded: uint8 images and their labels, split in training and test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnn.errors import UserError

Shape = tuple[int, int, int]  # (H, W, C)


class DataError(UserError):
    """Images or labels that are missing, damaged or inconsistent: the message names the file and what to do."""


@dataclass(frozen=True, eq=False)
class Split:
    """Images and their labels, in the order of the file.

    Attributes:
        images: (n, H, W, C) uint8 pixel values.
        labels: (n,) int64, the class of each image, 0..classes-1.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def __post_init__(self) -> None:
        assert self.images.ndim == 4, self.images.shape
        assert self.images.dtype == np.uint8, self.images.dtype
        assert self.labels.shape == self.images.shape[:1], (self.labels.shape, self.images.shape)
        assert self.labels.dtype == np.int64, self.labels.dtype

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class Dataset:
    """A training and a test split of the same shape and classes.

    Attributes:
        name: a known name such as ``mnist``, or the file name of the user's own set.
        class_names: one a class, in the order of the labels.
    """

    name: str
    train: Split
    test: Split
    class_names: tuple[str, ...]

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
