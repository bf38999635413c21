"""Pixel values as integers times a step. Oracle: the step and integers that the values were made from."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onnx_export.importer.levels import Bits, bipolar_pixels, integer_pixels, two_levels

PIXELS = np.arange(256)


@given(
    st.integers(1, 8),
    st.sampled_from([1.0, 0.5, 2.0**-7, 1 / 255, 0.0173, 3.7, 1e-30]),
    st.booleans(),
    st.floats(0.01, 4),
)
def test_a_quantizers_integers_are_found_again(bits, scale, signed, gain):
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    made_from = np.clip(np.rint((PIXELS - 100 * signed) * gain), low, high)
    values = (made_from.astype(np.float32) * np.float32(scale)).astype(np.float32)
    found = integer_pixels(values)
    assert found is not None
    assert -256 <= found.table.min() <= found.table.max() <= 255
    rounding = 0 if np.log2(scale) % 1 == 0 else 3e-7  # a multiple of such a step is not a float32
    np.testing.assert_allclose(found.table * found.scale, values, rtol=rounding, atol=0)
    ratios = made_from[found.table != 0] / found.table[found.table != 0]
    assert len(np.unique(ratios)) <= 1


@pytest.mark.parametrize(
    ("values", "table"),
    [
        (PIXELS, PIXELS),
        ((PIXELS / 255).astype(np.float32), PIXELS),
        ((np.float32(2) * (PIXELS / 255).astype(np.float32) - np.float32(1)), 2 * PIXELS - 255),
        (((PIXELS / 255).astype(np.float32) - np.float32(0.5)) / np.float32(0.25), 2 * PIXELS - 255),
        (PIXELS - 128, PIXELS - 128),
        (np.full(256, 3), np.full(256, 3)),
        (np.full(256, 0.3), np.full(256, 1)),
        (np.zeros(256), np.zeros(256)),
        (np.where(PIXELS < 9, 0, 0.3), PIXELS >= 9),
    ],
)
def test_pixels_behind_an_affine(values, table):
    found = integer_pixels(np.asarray(values, np.float32))
    assert found is not None
    np.testing.assert_array_equal(found.table, table)


@pytest.mark.parametrize(
    "values",
    [(PIXELS / 255 - 0.1307) / 0.3081, np.sqrt(PIXELS), np.where(PIXELS == 3, np.nan, 0), np.where(PIXELS, 0, np.inf)],
)
def test_pixels_without_a_common_step(values):
    assert integer_pixels(np.asarray(values, np.float32)) is None


def test_levels():
    assert two_levels(np.float32([3, -1, 3])) == Bits(-1.0, 3.0)
    assert two_levels(np.float32([-2])) == Bits(-2.0, 2.0)
    assert two_levels(np.float32([0])) == Bits(0.0, 1.0)
    assert two_levels(np.float32([1, 2, 3])) is None
    assert two_levels(np.float32([1, np.nan])) is None
    assert bipolar_pixels(np.float32([0.5, -0.5])) == Bits(-0.5, 0.5)
    assert bipolar_pixels(np.float32([0.5, 0])) is None
    assert (Bits(1.0, 4.0).height, Bits(1.0, 4.0).offset) == (1.5, 2.5)
