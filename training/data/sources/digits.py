"""The embedded default: scikit-learn's bundled 8 x 8 handwritten digits, which need no download."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.data.sources.catalogue import KnownDataset
from training.data.sources.dataset import Dataset, Split

SPLIT_SEED = 2021
TEST_STRIDE = 5


def load_digits(known: KnownDataset) -> Dataset:
    """The 1797 images, split in 1437 for training and 360 for testing.

    The bundled values are 0..16; pixel = (255 * value + 8) // 16, which is value / 16 * 255 rounded half up.

    The split is fixed and stratified: the images are shuffled with a fixed seed, sorted by class in a stable way, and
    every fifth, from the first, is a test image. Both splits keep the order of the file.
    """
    from sklearn.datasets import load_digits as load_bundled  # noqa: PLC0415  takes a second to import

    bundled = load_bundled()
    values = bundled.images.astype(np.int64)  # (1797, 8, 8)
    pixels = ((255 * values + 8) // 16).astype(np.uint8)[..., np.newaxis]
    labels = bundled.target.astype(np.int64)
    is_test = _test_mask(labels)
    return Dataset(
        known.name,
        train=Split(pixels[~is_test], labels[~is_test]),
        test=Split(pixels[is_test], labels[is_test]),
        class_names=known.class_names,
    )


def _test_mask(labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    # RandomState's streams are frozen by NumPy's promise; those of default_rng are not.
    shuffled = np.random.RandomState(SPLIT_SEED).permutation(len(labels))
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    is_test = np.zeros(len(labels), np.bool_)
    is_test[by_class[::TEST_STRIDE]] = True
    return is_test
