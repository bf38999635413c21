"""The embedded digits, against scikit-learn's own arrays."""

import hashlib

import numpy as np
import pytest
from sklearn.datasets import load_digits as load_bundled

from training.data.sources.catalogue import DIGITS
from training.data.sources.digits import load_digits


@pytest.fixture(scope="module")
def digits():
    return load_digits(DIGITS)


def test_the_sizes_are_those_of_the_catalogue(digits):
    assert digits.shape == DIGITS.shape
    assert digits.class_names == DIGITS.class_names
    assert len(digits.train) == DIGITS.train_images
    assert len(digits.test) == DIGITS.test_images


def test_every_bundled_image_is_in_one_split_scaled_to_255(digits):
    """Oracle: scikit-learn's arrays and a rounded division of floats; image and label stay together."""
    bundled = load_bundled()
    expected = sorted(
        (np.floor(image / 16 * 255 + 0.5).astype(np.uint8).tobytes(), int(target))
        for image, target in zip(bundled.images, bundled.target, strict=True)
    )
    found = sorted(
        (image.tobytes(), int(label))
        for split in (digits.train, digits.test)
        for image, label in zip(split.images, split.labels, strict=True)
    )
    assert found == expected
    assert digits.train.images.min() == 0
    assert digits.train.images.max() == 255


def test_the_split_is_stratified(digits):
    counts = np.bincount(load_bundled().target)
    in_test = np.bincount(digits.test.labels)
    assert np.abs(in_test - counts / 5).max() <= 1


def test_the_split_is_fixed(digits):
    """The SHA-256 of the test images when the split was chosen: published accuracies refer to this split."""
    expected = "4f66367e8b9762788728c142ebf31179dc52237356595993fdbfaffb57b3e396"
    assert hashlib.sha256(digits.test.images.tobytes()).hexdigest() == expected
    again = load_digits(DIGITS)
    assert np.array_equal(again.test.images, digits.test.images)
    assert np.array_equal(again.train.images, digits.train.images)
