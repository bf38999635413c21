"""What a pixel value is as a file's input. Oracles: PyTorch, step by step as torchvision does it; fractions."""

from fractions import Fraction

import numpy as np
import pytest
import torch

from bnn.errors import UserError
from onnx_export.pixel_meaning import PixelMeaning, parse_number, parse_numbers


@pytest.mark.parametrize(
    ("mean", "std"),
    [(("0.1307",), ("0.3081",)), (("0.485", "0.456", "0.406"), ("0.229", "0.224", "0.225")), (("0.2",), ("1",))],
)
def test_values_are_those_of_torchvision(mean, std):
    # ToTensor: uint8.to(float32).div(255); Normalize: sub_(mean).div_(std), with mean and std as float32 tensors.
    pixels = torch.arange(256, dtype=torch.uint8)[:, None].to(torch.float32).div(255)
    expected = pixels.sub(torch.tensor([float(m) for m in mean])).div(torch.tensor([float(s) for s in std]))
    meaning = PixelMeaning(Fraction(1, 255), parse_numbers("mean", ",".join(mean)), parse_numbers("std", ",".join(std)))
    np.testing.assert_array_equal(meaning.values(), expected.numpy())


def test_keras_brings_pixels_from_minus_one_to_one():
    # x / 127.5 - 1, the same numbers said in three ways
    for scale, mean, std in (("1/127.5", "1", "1"), ("1/255", "0.5", "0.5"), ("1", "127.5", "127.5")):
        meaning = PixelMeaning(parse_number("scale", scale), parse_numbers("mean", mean), parse_numbers("std", std))
        slope, offset = meaning.lines()
        assert [slope[0] * p + offset[0] for p in (0, 51, 255)] == [-1, Fraction(-3, 5), 1]
        np.testing.assert_allclose(meaning.values()[:, 0], np.arange(256) / 127.5 - 1, atol=1e-7)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("1/255", [Fraction(1, 255)]),
        ("-0.5, .25,1e-2", [Fraction(-1, 2), Fraction(1, 4), Fraction(1, 100)]),
        ("33/255", [Fraction(33, 255)]),
        (0.5, [Fraction(1, 2)]),
        ([0.25, "1/3"], [Fraction(1, 4), Fraction(1, 3)]),
        (2, [Fraction(2)]),
    ],
)
def test_numbers(given, expected):
    assert parse_numbers("mean", given) == tuple(expected)


@pytest.mark.parametrize("text", ["", "one", "1/0", "1/255/2", "0x10", "1e999", "nan", "inf", "1,,2", "1_0", "9" * 80])
def test_text_that_is_no_number_gets_one_line(text):
    with pytest.raises(UserError, match=r"^input mean '.*': not a number; write it as 0\.1307 or 1/255, with commas"):
        parse_numbers("mean", text)


def test_contradictions():
    with pytest.raises(UserError, match="input scale 1/3,1/4: 2 numbers, must be one for all channels"):
        parse_number("scale", "1/3,1/4")
    with pytest.raises(UserError, match=r"input std 0\.0, must be a number above 0"):
        PixelMeaning(Fraction(1), std=(Fraction(1), Fraction(0)))
    with pytest.raises(UserError, match=r"input scale -1\.0, must be a number above 0"):
        PixelMeaning(Fraction(-1))
    with pytest.raises(UserError, match="input mean has 2 numbers and input std 3; give one, or one a channel"):
        PixelMeaning(Fraction(1), (Fraction(1),) * 2, (Fraction(1),) * 3)
    with pytest.raises(UserError, match="input mean inf, must be a number"):
        parse_numbers("mean", float("inf"))
