"""Rescaling and cutting. The oracle is a naive triangle filter in floats, pixel by pixel, and sizes written out."""

import numpy as np
import pytest
from PIL import Image

from training.config.load import ConfigError, load_config
from training.data.sources.preparation import Preparation


def naive_axis(image, length):
    """(length, ...): the first axis rescaled; every result is the mean of what lies within its triangle."""
    scale = len(image) / length
    reach = max(scale, 1.0)
    rows = []
    for index in range(length):
        middle = (index + 0.5) * scale
        weights = np.maximum(0.0, 1.0 - np.abs(np.arange(len(image)) + 0.5 - middle) / reach)
        rows.append(np.tensordot(weights / weights.sum(), image, 1))
    return np.array(rows)


def naive_resize(image, height, width):
    """(height, width)."""
    return naive_axis(naive_axis(image.astype(float), height).T, width).T


@pytest.mark.parametrize(
    ("preparation", "size", "resized", "final"),
    [
        (Preparation(), (20, 30), (20, 30), (20, 30)),
        (Preparation(resize=10), (20, 30), (10, 15), (10, 15)),
        (Preparation(resize=10), (31, 20), (15, 10), (15, 10)),
        (Preparation(resize=(8, 40)), (20, 30), (8, 40), (8, 40)),
        (Preparation(resize=32, crop=28), (20, 30), (32, 48), (28, 28)),
        (Preparation(resize=(9, 9), crop=(4, 7)), (20, 30), (9, 9), (4, 7)),
        (Preparation(crop=(11, 30)), (20, 30), (20, 30), (11, 30)),
    ],
)
def test_sizes_and_pixels(preparation, size, resized, final):
    pixels = np.random.default_rng(3).integers(0, 256, size, dtype=np.uint8)
    assert preparation.resized(size) == resized
    assert preparation.final(size, "x") == final
    result = np.asarray(preparation.apply(Image.fromarray(pixels), "x"))
    whole = naive_resize(pixels, *resized) if resized != size else pixels
    top, left = round((resized[0] - final[0]) / 2), round((resized[1] - final[1]) / 2)
    expected = whole[top : top + final[0], left : left + final[1]]
    assert result.shape == final
    assert np.abs(result - expected).max() <= (1.01 if resized != size else 0)  # Pillow rounds twice


def test_a_size_that_the_settings_fix():
    assert Preparation().fixed_size is None
    assert Preparation(resize=9).fixed_size is None
    assert Preparation(crop=9).fixed_size is None
    assert Preparation(resize=9, crop=(8, 10)).fixed_size is None
    assert Preparation(resize=9, crop=(8, 9)).fixed_size == (8, 9)
    assert Preparation(resize=(9, 7)).fixed_size == (9, 7)
    assert Preparation(resize=(9, 7), crop=3).fixed_size == (3, 3)


def test_what_was_done_in_words():
    assert Preparation(resize=256, crop=224).describe((224, 224)) == (
        "rescaled to a short side of 256 (bilinear), the middle 224 x 224 cut out"
    )
    assert Preparation(resize=(9, 7)).describe((9, 7)) == "rescaled to 9 x 7 (bilinear)"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["data.image_size=224"], r"image_size is no longer a key; .* resize = 256, crop = 224 in \[data\] and augmen"),
        (["data.resize=128"], r"data: crop \(224\) must be at most resize \(128\)"),
        (["data.resize=[256, 200]"], r"data: crop \[224, 224\] must be at most resize \[256, 200\]"),
        (["data.crop=0"], r"data.crop: should be greater than or equal to 1"),
        (["data.crop=[1, 2, 3]"], r"data.crop"),
        (["data.channels=2"], r"data.channels: should be 1 or 3"),
        (["data.resize=2.5"], r"data.resize: should be a valid integer"),
        (["training.augmentation.zoom=0.1"], r"zoom: must be left out with random_crop"),
    ],
)
def test_settings_that_do_not_fit_are_one_line(overrides, message):
    with pytest.raises(ConfigError, match=message) as caught:
        load_config("resnet18-xnor-imagenet", overrides)
    assert "\n" not in str(caught.value)


def test_settings_become_a_preparation():
    config = load_config("digits", ["data.resize=[30, 40]", "data.crop=20", "data.channels=1"])
    assert config.data.preparation == Preparation((30, 40), 20, 1)
    assert load_config("digits").data.preparation == Preparation()
